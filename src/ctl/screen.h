// Standard output and error as the commands see them: on a terminal nothing that a worker wrote can do more
// than be read.
#pragma once

#include <ostream>
#include <streambuf>

#include "ctl/elvesctl.h"

namespace elves::ctl {

// On the way to `target`: spells out control characters, newlines and tabs apart, if that is a terminal;
// remembers why it took no more. One write is one text: a character in UTF-8 comes whole.
class Pane final : public std::streambuf {
 public:
  Pane(std::ostream& target, bool terminal) : target_(target), terminal_(terminal) {}
  // The errno of the write that failed; 0 when none did, or nobody said why.
  int fault() const { return fault_; }

 protected:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool done();

  std::ostream& target_;
  const bool terminal_;
  int fault_ = 0;
};

// `io` with panes between the commands and the streams.
class Screen {
 public:
  explicit Screen(const Io& io);
  const Io& io() const { return io_; }
  // False when standard output has not taken all, with the reason in `fault`: an errno, or 0.
  bool finish(int& fault);

 private:
  Pane out_pane_;
  Pane err_pane_;
  std::ostream out_;
  std::ostream err_;  // shows nothing before what went to `out_` earlier
  Io io_;
};

}  // namespace elves::ctl
