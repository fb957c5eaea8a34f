// Schedulers and agents as the API shows them (docs/http-api.md), for people.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace elves::ctl {

// Rows of {"nodes": [...]} under a heading.
std::string node_table(const boost::json::value& listing);

// Rows of {"agents": [...]} under a heading.
std::string agent_table(const boost::json::value& listing);

// One line on why the listing may not be what is now; "" when it is.
std::string reservation(const boost::json::value& listing);

}  // namespace elves::ctl
