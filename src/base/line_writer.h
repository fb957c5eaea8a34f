// Lines into a file or to standard error that are never in the way of whoever has something to say: the log,
// the audit log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace elves {

struct LineWriterOptions {
  std::string setting;  // that names the file, for messages: "audit.file"
  std::string file;     // "" = standard error
  // What waits to be written; further lines are lost.
  std::size_t max_lines = 100'000;
  std::size_t max_bytes = std::size_t{256} << 20;  // of memory, about
  // A file this large becomes NAME.1.EXTENSION, and so on up to `rotate_files`. 0 = never.
  std::size_t rotate_bytes = 0;
  std::size_t rotate_files = 0;
  // The line, with its line feed, that says how many were lost before it.
  std::function<std::string(std::uint64_t lines)> lost_line;
  // Hears of each lost line. Any thread.
  std::function<void()> on_lost = [] {};
  // Hears why lines cannot be written, and "" when they can be again; at most once in 10 s, from the writer's
  // thread.
  std::function<void(const std::string& why)> on_trouble = [](const std::string&) {};
};

// A thread of its own writes; for standard error it begins when something must wait. What cannot be written
// waits, up to the limit, and is tried again every second, or when the reader of a pipe reads on; what was
// lost is told where it is missing. A file that was renamed or removed (logrotate) is made anew, readable by
// owner and group.
class LineWriter {
 public:
  // Throws std::runtime_error, "SETTING FILE cannot be opened: WHY".
  explicit LineWriter(LineWriterOptions options);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  // Writes what waits, unless for two seconds nothing can be written; on_trouble then hears how much is lost.
  ~LineWriter();

  // Any thread; never blocks. A line to standard error is there at once if nothing waits. `text` makes the
  // line, with its line feed, when it is to be written; until then it holds about `weight` bytes.
  void push(std::size_t weight, std::function<std::string()> text);

  // Lines, since the start. Any thread.
  std::uint64_t lost() const;

 private:
  class Work;
  void start();

  const std::shared_ptr<Work> work_;
  std::once_flag started_;
  std::thread thread_;
};

}  // namespace elves
