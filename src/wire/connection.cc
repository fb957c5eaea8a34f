#include "wire/connection.h"

#include <utility>

namespace elves::wire {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string address_of(const tcp::socket& socket) {
  boost::system::error_code fault;
  auto address = socket.remote_endpoint(fault).address();
  if (fault) return "unknown peer";
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address.to_string();
}

Connection::Connection(tcp::socket accepted, MessageScanner::Limits limits)
    : socket(std::move(accepted)),
      peer(address_of(socket)),
      inbox(limits, Inbox::Framing::detect),
      answered(socket.get_executor(), SteadyTime::max()) {}

void Connection::close() {
  boost::system::error_code ignored;
  socket.close(ignored);
  answered.cancel();
}

void Reply::give(std::string answer) {
  const auto connection = std::exchange(to_, {}).lock();
  if (!connection) return;
  connection->answer = std::move(answer);
  connection->answered.cancel();
}

}  // namespace elves::wire
