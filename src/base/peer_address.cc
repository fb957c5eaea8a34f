#include "base/peer_address.h"

namespace elves {

namespace asio = boost::asio;

std::string address_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code fault;
  auto address = socket.remote_endpoint(fault).address();
  if (fault) return "unknown peer";
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address.to_string();
}

}  // namespace elves
