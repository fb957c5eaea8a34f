// run, submit, job, jobs, nodes and agents, over the scheduler's job API.
#pragma once

#include "ctl/arguments.h"
#include "ctl/elvesctl.h"

namespace elves::ctl {

// Answers with the exit code; throws Failure.
int run_job_command(const Arguments& arguments, const Environment& environment, const Io& io);

}  // namespace elves::ctl
