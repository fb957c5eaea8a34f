// Where the broker is, and what this scheduler is called there; and how trouble with it is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/host_port.h"
#include "tls/credentials.h"

namespace elves::broker {

inline const std::string kExistingType = "existing";  // as the broker makes them by itself

struct BrokerOptions {
  std::vector<HostPort> nodes{{"127.0.0.1", 5672}};  // of one cluster; any of them will do
  std::string user;
  std::string password;
  std::string vhost = "/";
  std::string exchange = "elves";
  std::uint16_t prefetch = 20000;
  std::chrono::seconds heartbeat{10};
  std::uint32_t dead_max_length = 10000;
  std::string queue_type = kExistingType;  // of queues that are made here: that, or x-queue-type
  std::string instance;                    // this scheduler's name among those on the broker
  bool durable_inbox = true;               // notices wait for this scheduler while it is not there
  std::uint32_t inbox_max_length = 1000000;
  std::chrono::seconds inbox_expires{7 * 24 * 3600};
  std::chrono::seconds refused{24 * 3600};    // what it refuses becomes a dead letter after so long
  std::chrono::seconds refused_reply{300};    // an answer that somebody waits for
  std::chrono::milliseconds silent{30000};    // no confirm for so long is told, and the place gets no more
  std::chrono::milliseconds renewal{120000};  // and for so long costs the connection
  std::optional<tls::Settings> tls;           // its files are read for each connection
};

// The connection or its channel is of no more use. what() is for a person and holds no password.
class BrokerError : public std::runtime_error {
 public:
  enum class Cause : std::uint8_t {
    other,
    refusal,  // the broker closed the channel or the connection because of what it was sent
    tls,      // one side did not take the other's certificate, or does not speak TLS as it should
  };
  explicit BrokerError(const std::string& what, Cause cause = Cause::other, bool channel_only = false)
      : std::runtime_error(what), cause_(cause), channel_only_(channel_only) {}
  Cause cause() const { return cause_; }
  // The channel is closed, and can be opened again once that is agreed to; the connection stands.
  bool channel_only() const { return channel_only_; }

 private:
  Cause cause_;
  bool channel_only_;
};

}  // namespace elves::broker
