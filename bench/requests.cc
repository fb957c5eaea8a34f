#include "requests.h"

#include <fmt/format.h>

#include <charconv>

namespace elves::bench {
namespace {

constexpr std::string_view kMark = "bench-";
constexpr std::size_t kDigits = 12;

}  // namespace

std::string agent_address(std::size_t number) {
  return fmt::format("127.0.{}.{}", number / 250 + 1, number % 250 + 1);
}

std::string number_text(std::uint64_t number) { return fmt::format("{}{:012}", kMark, number); }

std::optional<std::uint64_t> find_number(std::string_view body) {
  const auto at = body.find(kMark);
  if (at == std::string_view::npos || body.size() < at + kMark.size() + kDigits) return std::nullopt;
  const char* digits = body.data() + at + kMark.size();
  std::uint64_t number = 0;
  const auto read = std::from_chars(digits, digits + kDigits, number);
  return read.ptr == digits + kDigits ? std::optional(number) : std::nullopt;
}

std::string request_body(const RequestShape& shape, std::uint64_t number) {
  const std::string id = number_text(number);
  const std::string ip = agent_address(number % shape.agents);
  const std::string job = fmt::format(R"("app":"apptest","func":"echo","param":"{}","timeout":{},"proxy":"")",
                                      std::string(shape.param, 'p'), shape.timeout);
  if (shape.action == "syncJob") {
    return fmt::format(
        R"({{"mqkey":"openapi.scheduler.syncJob","mqtype":"call","mqbody":{{"ip":"{}","mode":"NP",{}}}}})",
        ip, job);
  }
  if (shape.action == "sendSync") {
    return fmt::format(
        R"({{"mqkey":"openapi.scheduler.sendSync.{0}","mqtype":"call","id":"{0}","agent_ip":"{1}","mode":"sanp",{2}}})",
        id, ip, job);
  }
  if (shape.action == "asyncJob") {
    return fmt::format(
        R"({{"mqkey":"queue.scheduler.asyncJob","mqtype":"cast","mqbody":{{"id":"{}","ip":"{}","type":"queue",)"
        R"("mode":"NP",{}}}}})",
        id, ip, job);
  }
  return fmt::format(
      R"({{"mqkey":"queue.scheduler.sendAsync.{0}","mqtype":"cast","id":"{0}","rand_id":"","job_type":"queue",)"
      R"("agent_ip":"{1}","mode":"sanp",{2}}})",
      id, ip, job);
}

std::optional<std::string> failure_in(const RequestShape& shape, std::string_view body) {
  const std::string_view good = shape.flat() ? R"("result_flag":1)" : R"("worker_flag":1)";
  if (body.find(good) != std::string_view::npos) return std::nullopt;
  const auto begin = body.find("\"[");
  const auto end = begin == std::string_view::npos ? begin : body.find(']', begin);
  if (end == std::string_view::npos) return "worker";
  return std::string(body.substr(begin + 2, end - begin - 2));
}

}  // namespace elves::bench
