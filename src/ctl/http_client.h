// One HTTP request at a time to the scheduler's job API.
#pragma once

#include <chrono>
#include <string>

#include "ctl/url.h"

namespace elves::ctl {

struct HttpResponse {
  unsigned status = 0;
  std::string body;
};

// Blocking. Throws Failure when nobody answers, within `patience` once connected.
class HttpClient {
 public:
  HttpClient(Url url, std::string token) : url_(std::move(url)), token_(std::move(token)) {}

  HttpResponse get(const std::string& target, std::chrono::seconds patience) const;
  HttpResponse post(const std::string& target, std::string body, std::chrono::seconds patience) const;
  const Url& url() const { return url_; }

 private:
  Url url_;
  std::string token_;  // "" = none
};

}  // namespace elves::ctl
