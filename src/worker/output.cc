#include "worker/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

namespace elves::worker {
namespace {

constexpr std::string_view kFlagOpen = "<ElvesWFlag>";
constexpr std::string_view kFlagClose = "</ElvesWFlag>";
constexpr std::string_view kResultOpen = "<ElvesWResult>";
constexpr std::string_view kResultClose = "</ElvesWResult>";
constexpr std::string_view kBlanks = " \t\r\n\v\f";
constexpr std::size_t kQuoted = 2048;  // bytes of output quoted in an error

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool says_true(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return std::ranges::equal(trim(text), kTrue, {}, [](unsigned char c) { return std::tolower(c); });
}

// Takes the first flag out of `text`; leaves what follows it.
std::optional<bool> take_flag(std::string_view& text) {
  const auto open = text.find(kFlagOpen);
  if (open == std::string_view::npos) return std::nullopt;
  const auto from = open + kFlagOpen.size();
  const auto close = text.find(kFlagClose, from);
  if (close == std::string_view::npos) return std::nullopt;
  const bool flag = says_true(text.substr(from, close - from));
  text.remove_prefix(close + kFlagClose.size());
  return flag;
}

// Takes what stands between the first opening and the last closing tag; leaves what follows it.
std::optional<std::string_view> take_result(std::string_view& text) {
  const auto open = text.find(kResultOpen);
  const auto close = text.rfind(kResultClose);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  const auto from = open + kResultOpen.size();
  if (close < from) return std::nullopt;
  const auto result = text.substr(from, close - from);
  text.remove_prefix(close + kResultClose.size());
  return result;
}

std::string with_output(std::string message, std::string_view output, std::string_view errors) {
  for (const auto& [name, text] : {std::pair("error output", errors), std::pair("output", output)}) {
    const auto lines = last_lines(text, kQuoted);
    if (!lines.empty()) message += fmt::format("; last lines of its {}:\n{}", name, lines);
  }
  return message;
}

}  // namespace

std::string Exit::text() const {
  if (signal != 0) return fmt::format("signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit status {}", status);
}

Report parse_report(std::string_view output) {
  Report report;
  const auto flag_at = output.find(kFlagOpen);
  const auto result_at = output.find(kResultOpen);
  if (flag_at <= result_at) {
    report.flag = take_flag(output);
    report.result = take_result(output);
  } else {
    report.result = take_result(output);
    report.flag = take_flag(output);
  }
  return report;
}

WorkerAnswer judge(const Exit& exit, std::string_view output, std::string_view errors) {
  if (exit.signal != 0) {
    return could_not_run(with_output("worker was ended by " + exit.text(), output, errors));
  }
  const Report report = parse_report(output);
  if (!report.flag || !report.result) {
    const auto missing = report.flag ? kResultOpen : kFlagOpen;
    return could_not_run(
        with_output(fmt::format("worker printed no {}, {}", missing, exit.text()), output, errors));
  }
  return {.flag = *report.flag ? 1 : 0, .costtime = 0, .result = std::string(*report.result)};
}

WorkerAnswer could_not_run(std::string why) { return {.flag = -1, .costtime = 0, .result = std::move(why)}; }

std::string_view last_lines(std::string_view text, std::size_t bytes) {
  text = trim(text);
  if (text.size() <= bytes) return text;
  text.remove_prefix(text.size() - bytes);
  const auto line = text.find('\n');
  return line == std::string_view::npos ? text : trim(text.substr(line + 1));
}

}  // namespace elves::worker
