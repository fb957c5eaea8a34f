#include "wire/inbox.h"

#include <algorithm>
#include <array>
#include <utility>

namespace elves::wire {

namespace {

// Most messages fit, and it is cheap to have thousands waiting; with what ends a string it is 512.
constexpr std::size_t first_size = 511;
constexpr std::size_t most_at_once = std::size_t{16} << 10;  // as much as TLS gives
constexpr std::size_t shared_size = std::size_t{64} << 10;
constexpr std::size_t belief = 8;  // an announcement, for so many times what has come
constexpr std::size_t long_text = std::size_t{1} << 20;
constexpr std::size_t frame_header = 4;
constexpr char strict_message = '\x80';
constexpr std::string_view tls_handshake("\x16\x03");  // RFC 8446, 5.1: content type, version 3.x

}  // namespace

Inbox::Inbox(MessageScanner::Limits limits, Framing framing)
    : scanner_(limits),
      max_bytes_(limits.cut ? std::max(limits.max_bytes, limits.most_cut) : limits.max_bytes),
      detect_(framing == Framing::detect) {}

std::span<char> Inbox::shared_space() {
  static thread_local std::array<char, shared_size> space;
  return space;
}

std::span<char> Inbox::space() {
  const auto size = std::clamp(end_ - begin_, first_size, most_at_once);
  make_room(size);
  buffer_.resize(end_ + size);
  return {buffer_.data() + end_, size};
}

void Inbox::add(std::string_view bytes) {
  make_room(bytes.size());
  buffer_.resize(end_);
  buffer_ += bytes;
  commit(bytes.size());
}

void Inbox::commit(std::size_t bytes) {
  if (detect_ && bytes > 0) {
    framed_ = buffer_[end_] != strict_message;
    detect_ = false;
  }
  end_ += bytes;
}

Inbox::Verdict Inbox::scan() {
  auto verdict = scan_next();
  while (verdict == Verdict::more && leave_out_surplus()) verdict = scan_next();
  return verdict;
}

Inbox::Verdict Inbox::scan_next() {
  if (framed_) return scan_frame();
  const auto verdict = scanner_.scan(view());
  return verdict == Verdict::illegal ? fail(scanner_.fault()) : verdict;
}

Inbox::Verdict Inbox::scan_frame() {
  const auto bytes = view();
  const auto known = std::min(frame_header, bytes.size());
  std::size_t length = 0;  // at least, while part of it is still to come
  for (std::size_t i = 0; i < frame_header; ++i) {
    length = length << 8 | (i < known ? static_cast<unsigned char>(bytes[i]) : 0U);
  }
  if (bytes.starts_with(tls_handshake)) return fail("a TLS handshake; this port speaks plain Thrift");
  if (length > max_bytes_) return fail("frame larger than the limit");
  if (known < frame_header) return Verdict::more;

  length -= left_out_;
  const auto frame = bytes.substr(frame_header, length);
  const auto verdict = scanner_.scan(frame);
  if (verdict == Verdict::illegal) return fail(scanner_.fault());
  const bool complete = frame.size() == length && scanner_.surplus() == 0;
  if (verdict == Verdict::whole ? scanner_.size() != length : complete) {
    return fail("frame and message differ in length");
  }
  return verdict;
}

std::size_t Inbox::header() const { return framed_ ? frame_header : 0; }

// Whether all of it is gone, so that what follows can be looked at.
bool Inbox::leave_out_surplus() {
  const auto surplus = scanner_.surplus();
  const auto at = begin_ + header() + scanner_.size();
  if (surplus == 0 || at >= end_) return false;
  const auto here = std::min(surplus, end_ - at);
  buffer_.erase(at, here);
  end_ -= here;
  left_out_ += here;
  scanner_.left_out(here);
  if (here < surplus) return false;
  mark_cut();
  return true;
}

// In the place of the last bytes that were kept, where a character of UTF-8 begins.
void Inbox::mark_cut() {
  const auto& cut = scanner_.cut();
  std::string mark = " [cut: " + std::to_string(cut.length) + " bytes were too many for thrift.maxMessage]";
  const auto text = begin_ + header() + cut.at + 4;
  const auto continues = [this, text](std::size_t at) {
    return (static_cast<unsigned char>(buffer_[text + at]) & 0xC0U) == 0x80U;
  };
  auto end = cut.kept - mark.size();
  for (int i = 0; i < 3 && continues(end); ++i) --end;
  mark.insert(0, cut.kept - mark.size() - end, ' ');
  buffer_.replace(text + end, mark.size(), mark);
  for (std::size_t i = 0; i < 4; ++i) buffer_[text - 4 + i] = static_cast<char>(cut.kept >> (24 - 8 * i));
}

std::string Inbox::take() {
  const auto before = header();
  const auto size = scanner_.size();
  scanner_.reset();
  left_out_ = 0;
  std::string message;
  if (end_ - begin_ > before + size) {
    message = buffer_.substr(begin_ + before, size);
    begin_ += before + size;
    return message;
  }
  message = std::move(buffer_);
  message.resize(end_);
  message.erase(0, begin_ + before);
  buffer_ = {};
  begin_ = end_ = 0;
  return message;
}

// For so many more bytes, and for the rest of the message as far as it may be believed.
void Inbox::make_room(std::size_t bytes) {
  if (begin_ > 0) compact();
  const auto needed = end_ + bytes;
  if (needed <= buffer_.capacity()) return;
  const auto announced = frame_header + scanner_.size();
  // After a long text another one may come, such as a result after its param: once there is room for both,
  // nothing is moved.
  const auto likely = announced > long_text ? 2 * announced : announced;
  buffer_.reserve(std::max({needed, 2 * end_, std::min(likely, belief * needed)}));
}

void Inbox::compact() {
  buffer_ = std::string(view());
  end_ = buffer_.size();
  begin_ = 0;
}

Inbox::Verdict Inbox::fail(const char* fault) {
  fault_ = fault;
  return Verdict::illegal;
}

}  // namespace elves::wire
