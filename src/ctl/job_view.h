// A job as the API shows it (docs/http-api.md), for people and for exit codes.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "ctl/failure.h"

namespace elves::ctl {

// Whether nothing more will happen to it.
bool has_ended(const boost::json::value& job);

// Whether the worker has reported, well or badly.
bool worker_answered(const boost::json::value& job);

// How `run` ends for a job that has ended: by its worker; kExitNotDone when that could not run, kExitUnknown
// when nobody knows whether it did.
ExitCode exit_of(const boost::json::value& job);

// One line on what went wrong; "" when nothing did.
std::string trouble(const boost::json::value& job);

// Every field that is not empty, one a line, the worker's message last.
std::string details(const boost::json::value& job);

// Rows of {"jobs": [...]} under a heading.
std::string job_table(const boost::json::value& listing);

}  // namespace elves::ctl
