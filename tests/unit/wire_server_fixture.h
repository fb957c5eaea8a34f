// A server of SchedulerService on the loop, with a sink that the test rules.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/door.h"
#include "unit/wire_loop.h"
#include "wire/codec.h"
#include "wire/server.h"
#include "wire/service.h"

namespace elves::wire::test {

using namespace std::string_literals;

struct Sink : ResultSink {
  void deliver(AgentResult result, std::function<void(bool)> done) override {
    ids.push_back(result.id);
    peers.push_back(result.peer);
    if (!hold) return done(kept);
    held.push_back(std::move(done));
  }
  std::vector<std::string> ids;
  std::vector<std::string> peers;
  std::vector<std::function<void(bool)>> held;
  bool hold = false;
  bool kept = true;
};

class ServerTest : public testing::Test {
 protected:
  void start(ServerLimits limits = {}, DoorLimits doors = {}) {
    door_.set_limits(std::move(doors));
    server_.emplace(loop_.io, "127.0.0.1", 0, limits, door_, scheduler_service_handler(sink_));
  }
  Peer peer() const { return Peer::to(server_->port()); }
  static std::string result(const std::string& id, std::size_t size = 3) {
    AgentResult one;
    one.id = id;
    one.param = std::string(size, 'p');
    return encode_data_transport(one);
  }
  void expect_answer(Peer& peer, const std::string& answer) {
    loop_.until([&] { return peer.got().size() >= answer.size(); }, "an answer comes");
    EXPECT_EQ(peer.got(), answer);
    EXPECT_FALSE(peer.closed_by_server());
  }
  void expect_closed(Peer& peer) {
    loop_.until([&] { return peer.closed_by_server(); }, "the server closes");
    EXPECT_EQ(peer.got(), "");
  }
  void expect_connections(std::size_t count) {
    loop_.until([&] { return server_->connections() == count; }, "the number of connections is right");
  }

  Loop loop_;
  Sink sink_;
  std::vector<Door::Refusal> refused_;
  Door door_{
      {"allow", "connections", "per address"}, {}, [this](Door::Refusal why) { refused_.push_back(why); }};
  std::optional<Server> server_;
  // What a foreign dataTransport caller is answered.
  const std::string success_ =
      "\x80\x01\x00\x02\x00\x00\x00\x0d"
      "dataTransport\x00\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x07success\x00"s;
};

}  // namespace elves::wire::test
