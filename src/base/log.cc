#include "base/log.h"

#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/line_writer.h"
#include "base/log_health.h"
#include "base/visible.h"

namespace elves::log {
namespace {

constexpr std::array kLevels{"trace", "debug", "info", "warn", "error"};
constexpr std::size_t kMostBytes = std::size_t{32} << 20;  // that wait to be written; docs/limits.md
constexpr std::size_t kLineWeight = 128;                   // of a line besides its text

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
    made->add_flag<VisibleText>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %-5l %*");
  }
  return made;
}

// Says it where somebody may see it, if that is possible at once.
void say_on_standard_error(const std::string& text) {
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&room, 1, 0) > 0) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// Hands lines to a writer, so that no file and no pipe holds up whoever logs. spdlog's own asynchronous mode
// waits for a reader at the end, says nothing where lines are missing, and goes on writing into a file that
// was renamed.
class Sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(const LogOptions& options) : format_(options.format), writer_(how(options)) {}

  std::uint64_t lost() const { return writer_.lost(); }

 private:
  LineWriterOptions how(const LogOptions& options) const {
    LineWriterOptions how{
        .setting = "log.file",
        .file = options.file,
        .max_bytes = kMostBytes,
        .rotate_bytes = options.rotate_bytes,
        .rotate_files = options.rotate_files,
        .lost_line = [format = format_](std::uint64_t lines) { return lost_line(format, lines); }};
    if (options.file.empty()) return how;
    how.on_trouble = [file = options.file](const std::string& why) {
      if (!why.empty())
        return say_on_standard_error("log.file " + file + " cannot be written: " + why + '\n');
      info("log.file {} is written again", file);
    };
    return how;
  }

  static std::string lost_line(const std::string& format, std::uint64_t lines) {
    const auto text =
        fmt::format("{} lines of the log are lost: they could not be written fast enough", lines);
    const spdlog::details::log_msg message("elves", spdlog::level::err, text);
    spdlog::memory_buf_t line;
    formatter(format)->format(message, line);
    return fmt::to_string(line);
  }

  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.push(line.size() + kLineWeight, [text = fmt::to_string(line)] { return text; });
  }
  void flush_() override {}

  const std::string format_;
  LineWriter writer_;
};

std::shared_ptr<Sink> sink;

}  // namespace

void open(const LogOptions& options) {
  auto fresh = std::make_shared<Sink>(options);
  auto logger = std::make_shared<spdlog::logger>("elves", fresh);
  logger->set_formatter(formatter(options.format));
  spdlog::set_default_logger(std::move(logger));
  sink = std::move(fresh);
  set_level(options.level);
}

std::uint64_t lines_lost() { return sink ? sink->lost() : 0; }

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
