// Brings results to a scheduler: dataTransport over one connection that stays open, oldest result first,
// again and again until the scheduler answers "success". Of several schedulers one is used until it fails,
// then the next.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/resolver.h"
#include "base/tcp_liveness.h"
#include "base/timers.h"
#include "model/outcome.h"
#include "wire/channel.h"
#include "worker/config.h"
#include "worker/result_spool.h"

namespace elves::worker {

// The longest pause before attempt `failures` + 1: 0.2 s, doubled with each failure, at most 30 s. The pause
// itself is anything from 0 to it (full jitter), so that many agents do not come back together.
Millis longest_pause(unsigned failures);

// This end of its connections.
struct OwnSide {
  std::string ip;  // what the scheduler calls this machine; they come from there if they can, as it takes a
                   // job's result from no other address
  TcpLiveness liveness;
};

// Loop thread only.
class Reporter {
 public:
  // The spool must outlive it. Over TLS with `credentials`. There is at least one scheduler.
  Reporter(boost::asio::io_context& loop, const Clock& clock, Timers& timers, SchedulerOptions schedulers,
           tls::CredentialsPtr credentials, OwnSide own, ResultSpool& spool);

  // Ends all of it, a call in progress too; the loop has to run on until that is done.
  void stop();

 private:
  struct Scheduler {
    HostPort at;
    std::string address;    // that the last connection went to
    bool doubtful = false;  // that address: a call to it failed
  };

  void wake();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Result<void>> post_oldest();
  boost::asio::awaitable<Result<void>> connect();
  boost::asio::awaitable<void> pause(Millis wait);
  Scheduler& used() { return schedulers_[used_]; }
  void failed(const Error& error);
  void all_failed();
  void delivered();

  boost::asio::io_context& loop_;
  const Clock& clock_;
  const Seconds timeout_;
  const tls::CredentialsPtr credentials_;
  ResultSpool& spool_;
  Resolver resolver_;
  wire::Channel channel_;
  boost::asio::steady_timer wait_;
  std::vector<Scheduler> schedulers_;
  std::size_t used_ = 0;   // of them
  std::size_t tried_ = 0;  // of them, in vain, since the last pause
  std::string troubles_;   // what was wrong with those; for people
  bool stopped_ = false;
  bool idle_ = true;  // waiting for a result, not for the end of a pause
  bool connected_ = false;
  bool said_repeated_ = false;  // in the last attempt
  bool sent_ = false;           // the last attempt got as far as a scheduler
  unsigned failures_ = 0;       // in a row, each of all schedulers
  unsigned refusals_ = 0;       // of the oldest result
};

}  // namespace elves::worker
