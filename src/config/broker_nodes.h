// mq.hosts: the nodes of one broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/host_port.h"

namespace elves::config {

// host:port, host, [IPv6]:port, [IPv6] or :port, with commas between; `host` and `port` stand for what an
// entry leaves out. "" = the one of them. nullopt for what is no such list.
std::optional<std::vector<HostPort>> parse_broker_nodes(const std::string& list, const std::string& host,
                                                        std::uint16_t port);

}  // namespace elves::config
