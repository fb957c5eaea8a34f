#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "base/visible.h"

namespace elves::log {
namespace {

constexpr std::array kLevels{"trace", "debug", "info", "warn", "error"};

// Formats the message as the inside of a JSON string.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    for (const char c : msg.payload) append(c, out);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }

 private:
  static void append(char c, spdlog::memory_buf_t& out) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
};

// Formats the message as one line that a terminal can show.
class VisibleText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    append_visible({msg.payload.data(), msg.payload.size()}, Newlines::escaped, out);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<VisibleText>(); }
};

std::unique_ptr<spdlog::formatter> formatter(const std::string& format) {
  auto made = std::make_unique<spdlog::pattern_formatter>();
  if (format == "json") {
    made->add_flag<JsonText>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","thread":%t,"message":"%*"})");
  } else {
    made->add_flag<VisibleText>('*').set_pattern("%Y-%m-%d %H:%M:%S.%e %-5l %*");
  }
  return made;
}

}  // namespace

void open(const LogOptions& options) {
  spdlog::sink_ptr sink;
  try {
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.rotate_bytes,
                                                                    options.rotate_files);
    }
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error(std::string("log.file: ") + error.what());
  }
  auto logger = std::make_shared<spdlog::logger>("elves", std::move(sink));
  logger->set_formatter(formatter(options.format));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  set_level(options.level);
}

bool set_level(const std::string& level) {
  for (const std::string_view known : kLevels) {
    if (level == known) {
      spdlog::set_level(spdlog::level::from_str(level));
      return true;
    }
  }
  return false;
}

}  // namespace elves::log
