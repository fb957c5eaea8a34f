// A stand-in for a fleet of agents: one thread, one port on every loopback address.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "wire/inbox.h"

namespace elves::bench {

struct AgentsOptions {
  std::uint16_t port = 0;              // where the scheduler calls
  std::uint16_t scheduler_port = 0;    // where results of asynchronous jobs go; 0 = they are dropped
  std::size_t reporters = 64;          // connections for that, each with one result under way
  std::chrono::milliseconds delay{0};  // from a synchronous call to its answer
  std::size_t result = 16;             // bytes
};

class Agents {
 public:
  // Listens; throws std::system_error.
  explicit Agents(AgentsOptions options);
  ~Agents();
  Agents(const Agents&) = delete;
  Agents& operator=(const Agents&) = delete;

  [[noreturn]] void run();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Peer {
    int fd = -1;
    std::uint64_t id = 0;
    bool reporter = false;
    bool writing = false;  // waits until the socket takes more
    wire::Inbox inbox;
    std::string unsent;
  };
  struct Answer {
    Time due;
    std::uint64_t peer;
    std::string bytes;
  };

  void accept_all();
  void serve(Peer& peer, std::uint32_t events);
  void read_from(Peer& peer);
  void handle(Peer& peer, const std::string& message);
  void write_to(Peer& peer, std::string_view bytes);
  void close(Peer& peer);
  void watch(Peer& peer, int operation);
  Peer& add(int fd, bool reporter);
  void answer_due();
  void report_some();
  bool connect_reporter();
  int wait_ms() const;

  const AgentsOptions options_;
  const std::string result_;
  int listener_ = -1;
  int epoll_ = -1;
  std::uint64_t ids_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Peer>> peers_;
  std::deque<Answer> waiting_;       // soonest first
  std::deque<std::string> results_;  // calls still to be made
  std::vector<std::uint64_t> idle_reporters_;
  std::size_t reporters_ = 0;
};

}  // namespace elves::bench
