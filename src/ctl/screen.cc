#include "ctl/screen.h"

#include <cerrno>
#include <string_view>

#include "base/visible.h"

namespace elves::ctl {

bool Pane::done() {
  if (!target_ && fault_ == 0) fault_ = errno;
  return static_cast<bool>(target_);
}

Pane::int_type Pane::overflow(int_type character) {
  const char c = traits_type::to_char_type(character);
  return xsputn(&c, 1) == 1 ? character : traits_type::eof();
}

std::streamsize Pane::xsputn(const char* text, std::streamsize size) {
  const std::string_view whole(text, static_cast<std::size_t>(size));
  errno = 0;
  if (terminal_) {
    target_ << visible(whole, Newlines::kept);
  } else {
    target_ << whole;
  }
  return done() ? size : 0;
}

int Pane::sync() {
  errno = 0;
  target_.flush();
  return done() ? 0 : -1;
}

Screen::Screen(const Io& io)
    : out_pane_(io.out, io.terminal),
      err_pane_(io.err, io.error_terminal),
      out_(&out_pane_),
      err_(&err_pane_),
      io_{io.in, out_, err_, io.terminal, io.error_terminal} {
  err_.tie(&out_);
}

bool Screen::finish(int& fault) {
  const bool whole = static_cast<bool>(out_.flush());
  fault = out_pane_.fault();
  return whole;
}

}  // namespace elves::ctl
