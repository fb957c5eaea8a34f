#include "config/broker_nodes.h"

#include <string_view>
#include <utility>

namespace elves::config {
namespace {

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<HostPort> parse_node(std::string_view entry, const std::string& host, std::uint16_t port) {
  // One that begins with a colon, and has no other, has a port alone.
  const bool port_alone = entry.starts_with(':') && entry.find(':', 1) == entry.npos;
  if (!port_alone) return parse_host_port(entry, port);
  auto node = parse_host_port("host" + std::string(entry));
  if (node) node->host = host;
  return node;
}

}  // namespace

std::optional<std::vector<HostPort>> parse_broker_nodes(const std::string& list, const std::string& host,
                                                        std::uint16_t port) {
  if (list.empty()) return std::vector{HostPort{host, port}};
  std::vector<HostPort> nodes;
  std::string_view left(list);
  for (;;) {
    const auto comma = left.find(',');
    auto node = parse_node(without_blanks(left.substr(0, comma)), host, port);
    if (!node) return std::nullopt;
    nodes.push_back(std::move(*node));
    if (comma == left.npos) return nodes;
    left.remove_prefix(comma + 1);
  }
}

}  // namespace elves::config
