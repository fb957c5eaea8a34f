// One HTTP request at a time to the scheduler's job API.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "ctl/url.h"
#include "tls/credentials.h"

namespace elves::ctl {

struct HttpResponse {
  unsigned status = 0;
  std::string body;
};

using Begun = std::function<void(std::string_view location)>;

// Blocking. Throws Failure when nobody answers, within `patience` once connected.
class HttpClient {
 public:
  // `tls` counts for an https URL. Throws Failure (usage) when its files cannot be used.
  HttpClient(Url url, std::string token, const tls::Settings& tls);

  HttpResponse get(const std::string& target, std::chrono::seconds patience) const;
  // The server may have done what was asked of it although this throws: then it throws Failure (unknown).
  // `begun` hears of the Location that the answer's head names, which comes before its body. SIGINT and
  // SIGTERM throw Interrupted.
  HttpResponse post(const std::string& target, std::string body, std::chrono::seconds patience,
                    const Begun& begun) const;
  const Url& url() const { return url_; }

 private:
  Url url_;
  std::string token_;                // "" = none
  tls::CredentialsPtr credentials_;  // null for http
};

}  // namespace elves::ctl
