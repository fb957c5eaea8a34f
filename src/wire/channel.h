// One connection to a Thrift server: strictly one call in flight, unframed, kept open between calls.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/tcp_liveness.h"
#include "base/timers.h"
#include "tls/credentials.h"
#include "tls/stream.h"
#include "wire/inbox.h"
#include "wire/plain_socket.h"

namespace elves::wire {

// Loop thread only. Must outlive what it was asked for. Between calls it holds no buffer, and while waiting
// for an answer none either; a small one over TLS.
class Channel {
 public:
  Channel(boost::asio::io_context& loop, Timers& timers, MessageScanner::Limits limits);

  // Connections made from now on come from this address (a literal), as long as it is one of this machine's
  // and of the peer's family; else, and with "" as before, from the one that the system picks.
  void come_from(std::string address) { source_ = std::move(address); }

  // Of connections made from now on.
  void set_liveness(const TcpLiveness& liveness) { liveness_ = liveness; }

  // Connects to `host` (an IP literal) no later than `deadline`, anew when it is connected already; over TLS
  // with `credentials`, of a client, whose peer is to be `name`, or `host` if that is "". Errors: send_failed
  // with the reason as a person knows it ("connection refused", "no answer within 3000 ms"). A failed
  // handshake is told to the credentials too.
  boost::asio::awaitable<Result<void>> connect(std::string host, unsigned short port, Deadline deadline,
                                               tls::CredentialsPtr credentials = nullptr,
                                               std::string name = "");

  // Whether the last connect() got as far as the peer or the way to it; false = it failed on this side.
  bool knocked() const { return knocked_; }
  // Whether it failed because nobody listens there.
  bool refused() const { return refused_; }
  // Whether it failed because nothing came back: no answer in time, or no way to the machine.
  bool unanswered() const { return unanswered_; }

  // Sends one encoded call and answers with the whole encoded reply, never within. Errors: send_failed
  // (nothing was written, or the peer refused the TLS connection before it could read it), job_timeout (the
  // deadline passed; it may have been written), outcome_unknown (the peer closed or failed after bytes were
  // written), agent_answer_illegal (what came is no Thrift message or larger than the limit). After any error
  // the channel is closed. It does not look whether the deadline has passed before it sends. `answered` may
  // own the channel: nothing else of a call does.
  using Answered = std::function<void(Result<std::string>)>;
  void call(std::string message, Deadline deadline, Answered answered);
  boost::asio::awaitable<Result<std::string>> call(std::string message, Deadline deadline);

  // Whether the last call() failed because the peer closed a connection on which it had never said a word.
  bool hung_up() const { return hung_up_; }

  // Whether it may be called: not once the peer has closed or sent something unasked. As of now, with a
  // system call, or as of when the loop last looked at its sockets.
  enum class As : std::uint8_t { now, last_looked };
  bool reusable(As as = As::now);
  // Ends a call() in progress with outcome_unknown, a connect() with send_failed.
  void close();

 private:
  struct Exchange;
  using ExchangePtr = std::shared_ptr<Exchange>;

  void bind_source(const boost::asio::ip::tcp& family);
  Error not_connected(const boost::system::error_code& fault);
  void write_rest(ExchangePtr call);
  void await_answer(Answered answered);
  void read_answer(Answered answered);
  void read_rest(ExchangePtr call);
  void write_secret(ExchangePtr call);
  void read_secret(ExchangePtr call);
  Result<std::string> answer(Inbox& inbox, Inbox::Verdict verdict);
  Error no_answer(const boost::system::error_code& fault, bool nothing_came);
  Error not_written(const boost::system::error_code& fault, std::size_t written);
  void note_hang_up(const boost::system::error_code& fault);
  void arm(Deadline deadline);
  // Closes, and names the error: job_timeout when the deadline closed the channel, else `code`.
  Error fail(ErrorCode code, std::string detail);

  PlainSocket socket_;                                // connected without TLS
  tls::Stream<boost::asio::ip::tcp::socket> stream_;  // while connecting, and over TLS
  Timers& timers_;
  MessageScanner::Limits limits_;
  std::string source_;
  TcpLiveness liveness_;
  Timer deadline_;
  bool timed_out_ = false;
  bool knocked_ = false;
  bool refused_ = false;
  bool unanswered_ = false;
  bool spoke_ = false;  // the peer, on this connection
  bool hung_up_ = false;
  std::string host_;
  tls::CredentialsPtr credentials_;  // until the first answer over TLS: the peer may still refuse this side
};

}  // namespace elves::wire
