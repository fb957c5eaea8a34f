// send: a raw envelope over AMQP, and its reply.
#pragma once

#include "ctl/arguments.h"
#include "ctl/elvesctl.h"

namespace elves::ctl {

// Answers with the exit code; throws Failure.
int send(const SendArguments& arguments, const tls::Settings& tls, const Io& io);

}  // namespace elves::ctl
