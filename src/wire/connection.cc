#include "wire/connection.h"

#include <utility>

#include "base/peer_address.h"

namespace elves::wire {

namespace asio = boost::asio;
using asio::ip::tcp;

Connection::Connection(tcp::socket accepted, MessageScanner::Limits limits)
    : stream(std::move(accepted)),
      peer(address_of(stream.next())),
      inbox(limits, Inbox::Framing::detect),
      answered(stream.get_executor(), SteadyTime::max()) {}

void Connection::close() {
  boost::system::error_code ignored;
  stream.next().close(ignored);
  answered.cancel();
}

void Reply::give(std::string answer) {
  const auto connection = std::exchange(to_, {}).lock();
  if (!connection) return;
  connection->answer = std::move(answer);
  connection->answered.cancel();
}

}  // namespace elves::wire
