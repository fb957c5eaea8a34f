// What encoders write into: a std::string to be, without std::string's cost for every few bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace elves {

class Appender {
 public:
  // `about`: how long it will be; more is no error.
  explicit Appender(std::size_t about = 0) { text_.reserve(about); }
  Appender(Appender&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {
    other.text_.clear();
  }
  Appender& operator=(Appender&&) = delete;

  void push(char byte) {
    *room(1) = byte;
    ++size_;
  }
  void append(std::string_view bytes) {
    if (text_.size() - size_ < bytes.size()) return append_beyond(bytes);
    std::copy_n(bytes.data(), bytes.size(), text_.data() + size_);
    size_ += bytes.size();
  }
  // Where the next bytes go, up to `most` of them: whoever wrote there says with wrote_to() where it ended.
  char* room(std::size_t most) {
    if (text_.size() - size_ < most) grow(most);
    return text_.data() + size_;
  }
  void wrote_to(const char* end) { size_ = static_cast<std::size_t>(end - text_.data()); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Valid until the next change.
  std::string_view view() const { return std::string_view(text_).substr(0, size_); }
  void clear() { size_ = 0; }
  std::string take() {
    text_.resize(std::exchange(size_, 0));
    return std::exchange(text_, {});
  }

 private:
  void grow(std::size_t by);
  void append_beyond(std::string_view bytes);

  std::string text_;  // what is written, and room, which costs being filled with zeros
  std::size_t size_ = 0;
};

}  // namespace elves
