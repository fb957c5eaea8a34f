// Brings results to the scheduler: dataTransport over one connection that stays open, oldest result first,
// again and again until the scheduler answers "success".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/timers.h"
#include "model/outcome.h"
#include "wire/channel.h"
#include "worker/config.h"
#include "worker/result_spool.h"

namespace elves::worker {

// The longest pause before attempt `failures` + 1: 0.2 s, doubled with each failure, at most 30 s. The pause
// itself is anything from 0 to it (full jitter), so that many agents do not come back together.
Millis longest_pause(unsigned failures);

// Loop thread only.
class Reporter {
 public:
  // The spool must outlive it. Over TLS with `credentials`. `own_ip`: what the scheduler calls this machine;
  // connections come from there if they can, as it takes a job's result from no other address.
  Reporter(boost::asio::io_context& loop, const Clock& clock, Timers& timers, SchedulerOptions scheduler,
           tls::CredentialsPtr credentials, std::string own_ip, ResultSpool& spool);

  // Ends all of it, a call in progress too; the loop has to run on until that is done.
  void stop();

 private:
  void wake();
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<Result<void>> post_oldest();
  boost::asio::awaitable<Result<void>> connect();
  boost::asio::awaitable<Result<std::string>> address();
  boost::asio::awaitable<void> pause(Millis wait);
  void failed(const Error& error);
  void delivered();

  boost::asio::io_context& loop_;
  const Clock& clock_;
  const SchedulerOptions scheduler_;
  const tls::CredentialsPtr credentials_;
  ResultSpool& spool_;
  wire::Channel channel_;
  boost::asio::steady_timer wait_;
  bool stopped_ = false;
  bool idle_ = true;  // waiting for a result, not for the end of a pause
  bool connected_ = false;
  bool said_repeated_ = false;  // in the last attempt
  bool sent_ = false;           // the last attempt got as far as the scheduler
  unsigned failures_ = 0;       // in a row
  unsigned refusals_ = 0;       // of the oldest result
};

}  // namespace elves::worker
