// Where the scheduler's job API is.
#pragma once

#include <string>
#include <string_view>

namespace elves::ctl {

struct Url {
  bool tls = false;  // https
  std::string host;  // without brackets
  std::string port = "10180";
  std::string path;  // before /api/v1; "" or "/something"

  // "https://[::1]:10180"
  std::string text() const;
  // For the Host field: "[::1]:10180".
  std::string authority() const;
};

// [http[s]://]host[:port][/path]. Throws Failure (usage) that says what would be right and shows no password.
Url parse_url(std::string_view text);

}  // namespace elves::ctl
