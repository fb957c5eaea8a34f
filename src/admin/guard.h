// Who may use the job API.
#pragma once

#include <string_view>

namespace elves::admin {

// Whether `authorization` ("Bearer <token>") carries `token`; takes the same time wherever they differ.
bool bears_token(std::string_view authorization, std::string_view token);

// Whether a request's Host names this machine without DNS: localhost or an IP literal, with or without port,
// or no Host at all. A web page can reach a loopback address only under its own name.
bool is_direct_host(std::string_view host);

// Whether `text` is an IPv4 or IPv6 literal.
bool is_ip_literal(std::string_view text);

}  // namespace elves::admin
