// Just enough AMQP to ask one question.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tls/credentials.h"

namespace elves::ctl {

// amqp[s]://user:password@host:port/vhost
struct AmqpUrl {
  bool tls = false;  // amqps, whose port is 5671
  std::string host;
  int port = 5672;
  std::string user;
  std::string password;
  std::string vhost;

  // For people: everything but the password.
  std::string text() const;
};

// Percent escapes are decoded, an empty vhost is "/". Throws Failure (usage), which does not show `text`.
AmqpUrl parse_amqp_url(const std::string& text);

struct AmqpMessage {
  std::string exchange;
  std::string key;
  std::string body;
  std::string reply_to;        // "" = not set
  std::string correlation_id;  // "" = not set
};

// What the broker said.
struct AmqpEvent {
  enum class Kind { confirmed, refused, returned, delivered };
  Kind kind = Kind::confirmed;
  std::string text;            // returned: why; delivered: the body
  std::string correlation_id;  // delivered
};

// One connection with one channel, with confirms. Blocking; every method throws Failure with the reason:
// unknown when a connection broke that a message was published on, else not done.
class AmqpClient {
 public:
  // `tls` counts for an amqps URL.
  AmqpClient(const AmqpUrl& url, const tls::Settings& tls);
  ~AmqpClient();

  // Makes an exclusive queue that goes with this connection and consumes from it; answers with its name.
  std::string open_reply_queue();
  void bind(const std::string& queue, const std::string& exchange, const std::string& key);
  // Once, as the last thing. Mandatory: a message that reaches no queue comes back as an event.
  void publish(const AmqpMessage& message);
  // The next event; nullopt when `deadline` passes first.
  std::optional<AmqpEvent> next(std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace elves::ctl
