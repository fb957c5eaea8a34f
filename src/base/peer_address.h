// Who is at the other end of a socket.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace elves {

// The peer's address without port; an IPv4 address in IPv4 form even if it came in through an IPv6 socket.
// "unknown peer" when it is gone already.
std::string address_of(const boost::asio::ip::tcp::socket& socket);

// The address of this machine that connections to `peer` (a literal) come from; "" when there is no way
// there.
std::string own_address_towards(const std::string& peer);

}  // namespace elves
