// Any bytes from a broker: what is read does not depend on how they are cut, and nothing is read past them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "broker/frames.h"
#include "broker/options.h"

namespace {

using namespace elves::broker;

struct Read {
  std::vector<std::string> said;  // the methods with their messages
  bool refused = false;

  bool operator==(const Read&) const = default;
};

std::string words(const Incoming& incoming) {
  std::string text = std::to_string(incoming.id);
  if (incoming.id == AMQP_BASIC_DELIVER_METHOD) {
    const auto& deliver = incoming.as<amqp_basic_deliver_t>();
    (text += view(deliver.routing_key)) += view(deliver.consumer_tag);
  }
  if (incoming.properties && incoming.properties->_flags & AMQP_BASIC_REPLY_TO_FLAG)
    text += view(incoming.properties->reply_to);
  return text += incoming.body;
}

Read read(std::string_view bytes, std::size_t piece) {
  Read result;
  Decoder decoder;
  try {
    while (!bytes.empty()) {
      const auto space = decoder.space();
      const auto part = bytes.substr(0, std::min(piece, space.size()));
      std::ranges::copy(part, space.begin());
      decoder.commit(part.size());
      bytes.remove_prefix(part.size());
      while (const auto incoming = decoder.next()) result.said.push_back(words(*incoming));
    }
  } catch (const BrokerError&) {
    result.refused = true;
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (read(bytes, 1) != read(bytes, 1U << 20)) std::abort();
  return 0;
}
