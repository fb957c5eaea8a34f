// Where a LineWriter's lines go: a file that is appended to, or standard error. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace elves {

class LineFile {
 public:
  // `file` as LineWriterOptions has it, with rotate_bytes and rotate_files. Opens it: look at good().
  LineFile(std::string file, std::size_t rotate_bytes, std::size_t rotate_files);
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;
  ~LineFile();

  bool good() const { return fd_ >= 0; }
  // Begins a new file where the one of that name is another now, or `more` bytes would make it too large.
  // False, with errno, when there is none to write to.
  bool make_ready(std::size_t more);
  // What was written of `text`, without waiting for a reader; -1 with errno: EAGAIN = wait for fd().
  std::ptrdiff_t write(std::string_view text);

  // Whether it becomes writable by somebody's reading: poll fd() for that.
  bool is_stream() const { return file_.empty(); }
  int fd() const { return fd_; }

 private:
  bool open();
  void rotate();
  std::string rotated(std::size_t number) const;

  const std::string file_;
  const std::size_t rotate_bytes_;
  const std::size_t rotate_files_;
  int fd_ = -1;
  bool socket_ = false;
  bool regular_ = true;
};

}  // namespace elves
