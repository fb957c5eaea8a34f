#include "base/line_writer.h"

#include <limits.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/line_file.h"
#include "base/mailbox.h"
#include "base/trouble_news.h"

namespace elves {
namespace {

constexpr int kRetryMs = 1000;
constexpr std::size_t kChunk = 64UL * 1024;  // written at a time
constexpr Seconds kPatience{2};              // at the end, with a file that takes nothing

// A line, or, without text, the place where so many are missing.
struct Line {
  std::size_t weight = 0;
  std::function<std::string()> text;
  std::uint64_t missing = 0;
};

}  // namespace

// Outlives the writer while a write of it blocks.
class LineWriter::Work {
 public:
  explicit Work(LineWriterOptions options)
      : options_(std::move(options)), file_(options_.file, options_.rotate_bytes, options_.rotate_files) {
    if (file_.good()) return;
    throw std::runtime_error(options_.setting + ' ' + options_.file +
                             " cannot be opened: " + std::strerror(errno));
  }

  bool is_stream() const { return file_.is_stream(); }
  bool wrote_at_once(std::function<std::string()>& text);

  void lose() {
    ++lost_;
    ++missing_;
    options_.on_lost();
  }

  void push(std::size_t weight, std::function<std::string()> text) {
    if (lines_.fetch_add(1) >= options_.max_lines || bytes_ >= options_.max_bytes) {
      --lines_;
      return lose();
    }
    bytes_ += weight;
    if (const auto missing = missing_.exchange(0); missing > 0) come_.push({0, {}, missing});
    come_.push({weight, std::move(text), 0});
  }

  void run();
  // Tells run() to write what waits and to return. False when it cannot: it must be left alone.
  bool end();
  std::uint64_t lost() const { return lost_; }

 private:
  void await();
  void write_all();
  void fill();
  void add(Line& line);
  void written();
  void failed(int why);
  void tell(const std::string& why);

  const LineWriterOptions options_;
  Mailbox<Line> come_;
  std::atomic<std::size_t> lines_ = 0;  // that wait
  std::atomic<std::size_t> bytes_ = 0;  // of memory that they take
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<std::uint64_t> missing_ = 0;   // of those: not told yet
  std::atomic<std::uint64_t> progress_ = 0;  // bytes written
  std::atomic<bool> ending_ = false;
  std::atomic<bool> abandoned_ = false;

  std::mutex writing_;  // held by whoever writes
  // Under it, and changed by the thread only.
  LineFile file_;
  std::deque<Line> waiting_;
  std::string chunk_;  // being written
  std::size_t chunk_done_ = 0;
  std::size_t chunk_lines_ = 0;
  std::size_t chunk_weight_ = 0;
  bool failing_ = false;
  TroubleNews news_;

  std::mutex mutex_;
  std::condition_variable left_;
  bool gone_ = false;
};

void LineWriter::Work::run() {
  for (bool done = false; !done && !abandoned_;) {
    const bool ending = ending_;  // asked first: what was pushed before it is then taken
    {
      const std::lock_guard lock(writing_);
      come_.take([this](Line& line) {
        if (line.text || line.missing > 0) waiting_.push_back(std::move(line));
      });
      write_all();
    }
    done = ending && chunk_.empty();
    if (!done) await();
  }
  const std::lock_guard lock(mutex_);
  gone_ = true;
  left_.notify_all();
}

bool LineWriter::Work::end() {
  ending_ = true;
  come_.push({});
  std::unique_lock lock(mutex_);
  for (auto seen = progress_.load(); !gone_; seen = progress_) {
    left_.wait_for(lock, kPatience, [this] { return gone_; });
    if (!gone_ && progress_ == seen) break;
  }
  if (!gone_) {
    abandoned_ = true;
    come_.push({});
    left_.wait_for(lock, Millis(100), [this] { return gone_; });
  }
  if (lines_ > 0) options_.on_trouble("the last " + std::to_string(lines_) + " lines are lost");
  return gone_;
}

// To standard error, where nothing waits and there is room: what was said before a crash is then there.
// `text` is what is left to be written.
bool LineWriter::Work::wrote_at_once(std::function<std::string()>& text) {
  if (!file_.is_stream() || lines_ > 0 || missing_ > 0) return false;
  const std::unique_lock lock(writing_, std::try_to_lock);
  if (!lock || lines_ > 0 || !chunk_.empty() || !waiting_.empty()) return false;
  const std::string line = text();
  if (line.size() > PIPE_BUF) return false;  // it would go out in parts, and others' lines between
  const auto size = file_.write(line);
  if (size == static_cast<std::ptrdiff_t>(line.size())) return true;
  text = [rest = line.substr(size < 0 ? 0 : static_cast<std::size_t>(size))] { return rest; };
  return false;
}

void LineWriter::Work::await() {
  std::array<pollfd, 2> events{pollfd{come_.fd(), POLLIN, 0}, pollfd{-1, POLLOUT, 0}};
  if (!chunk_.empty() && file_.is_stream() && !failing_) events[1].fd = file_.fd();
  ::poll(events.data(), events.size(), chunk_.empty() && missing_ == 0 ? -1 : kRetryMs);
}

void LineWriter::Work::write_all() {
  for (fill(); !chunk_.empty(); fill()) {
    const std::string_view rest = std::string_view(chunk_).substr(chunk_done_);
    const auto size = file_.make_ready(rest.size()) ? file_.write(rest) : -1;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed(errno);
    progress_ += static_cast<std::uint64_t>(size);
    chunk_done_ += static_cast<std::size_t>(size);
    if (chunk_done_ == chunk_.size()) written();
  }
}

// Unless there is a chunk that is not written yet.
void LineWriter::Work::fill() {
  if (!chunk_.empty()) return;
  while (!waiting_.empty() && chunk_.size() < kChunk) {
    add(waiting_.front());
    waiting_.pop_front();
  }
  if (!waiting_.empty()) return;
  if (const auto missing = missing_.exchange(0); missing > 0) chunk_ += options_.lost_line(missing);
}

void LineWriter::Work::add(Line& line) {
  if (!line.text) {
    chunk_ += options_.lost_line(line.missing);
    return;
  }
  chunk_ += line.text();
  ++chunk_lines_;
  chunk_weight_ += line.weight;
}

void LineWriter::Work::written() {
  chunk_.clear();
  chunk_done_ = 0;
  lines_ -= std::exchange(chunk_lines_, 0);
  bytes_ -= std::exchange(chunk_weight_, 0);
  failing_ = false;
  if (news_.tell(false, std::chrono::steady_clock::now())) tell("");
}

void LineWriter::Work::failed(int why) {
  if (why == EAGAIN) return;  // somebody does not read
  failing_ = true;
  if (news_.tell(true, std::chrono::steady_clock::now())) tell(std::strerror(why));
}

void LineWriter::Work::tell(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (!abandoned_) options_.on_trouble(why);
}

LineWriter::LineWriter(LineWriterOptions options) : work_(std::make_shared<Work>(std::move(options))) {
  if (!work_->is_stream()) start();
}

LineWriter::~LineWriter() {
  if (thread_.joinable()) work_->end() ? thread_.join() : thread_.detach();
}

void LineWriter::start() {
  std::call_once(started_, [this] { thread_ = std::thread([work = work_] { work->run(); }); });
}

void LineWriter::push(std::size_t weight, std::function<std::string()> text) {
  if (work_->wrote_at_once(text)) return;
  try {
    start();
  } catch (const std::system_error&) {  // the process may have no further thread
    return work_->lose();
  }
  work_->push(weight, std::move(text));
}

std::uint64_t LineWriter::lost() const { return work_->lost(); }

}  // namespace elves
