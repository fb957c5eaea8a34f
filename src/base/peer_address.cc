#include "base/peer_address.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

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

// Connecting a UDP socket sends nothing.
std::string own_address_towards(const std::string& peer) {
  boost::system::error_code fault;
  const asio::ip::udp::endpoint there(asio::ip::make_address(peer, fault), 9);
  asio::io_context loop;
  asio::ip::udp::socket probe(loop);
  if (!fault) probe.connect(there, fault);
  const auto here = fault ? asio::ip::udp::endpoint() : probe.local_endpoint(fault);
  return fault ? "" : here.address().to_string();
}

}  // namespace elves
