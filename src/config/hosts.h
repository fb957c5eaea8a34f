// Names of machines to connect to, as settings give them.
#pragma once

#include <string>

namespace elves::config {

// One host name, or one IPv4 or IPv6 literal; no port, no brackets, no list. What has the look of an IPv4
// address and is none ("192.168.6.300") is no name either.
bool is_host(const std::string& text);
bool is_host_or_none(const std::string& text);

// ZooKeeper's connection string: host:port,[v6]:port,host and perhaps a chroot ("/elves/a") at its end; or
// "".
bool is_ensemble(const std::string& text);

}  // namespace elves::config
