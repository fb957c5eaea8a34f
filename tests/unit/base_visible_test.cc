#include <gtest/gtest.h>

#include "base/visible.h"

namespace elves {
namespace {

std::string line(std::string_view text) { return visible(text, Newlines::escaped); }

TEST(Visible, PlainTextStaysAsItIs) {
  for (const std::string_view text :
       {"", "text", "a\tb", "\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80", "back\\slash"}) {
    EXPECT_EQ(line(text), text);
    EXPECT_EQ(first_invisible(text, Newlines::escaped), std::string_view::npos);
  }
}

TEST(Visible, SpellsOutWhatATerminalObeys) {
  EXPECT_EQ(line("\x1b]0;owned\a\x1b[2J"), R"(\x1b]0;owned\x07\x1b[2J)");
  EXPECT_EQ(line("a\rb\bc\x7f"), R"(a\rb\x08c\x7f)");
  EXPECT_EQ(line(std::string_view("\0x", 2)), R"(\x00x)");
  EXPECT_EQ(line("\xC2\x9B 2J"), R"(\u009b 2J)");
  EXPECT_EQ(line("\x9B 2J"), R"(\x9b 2J)");
  EXPECT_EQ(line("\xE2\x80\xAE txt \xE2\x81\xA6"), R"(\u202e txt \u2066)");
  EXPECT_EQ(line("\xE2\x80\xA8"), R"(\u2028)");
}

TEST(Visible, SpellsOutWhatIsNoUtf8) {
  EXPECT_EQ(line("\xFF"), R"(\xff)");
  EXPECT_EQ(line("\xE4\xBD"), R"(\xe4\xbd)");
  EXPECT_EQ(line("\xC0\x9B"), R"(\xc0\x9b)");
  EXPECT_EQ(line("\xED\xA0\x80"), R"(\xed\xa0\x80)");
}

TEST(Visible, NewlinesAsAsked) {
  EXPECT_EQ(visible("one\ntwo\x1b\n", Newlines::kept), "one\ntwo\\x1b\n");
  EXPECT_EQ(line("one\ntwo"), R"(one\ntwo)");
}

TEST(Visible, AppendsToWhatIsThere) {
  std::string out = "> ";
  append_visible("plain", Newlines::escaped, out);
  append_visible(" and\x1b not", Newlines::escaped, out);
  EXPECT_EQ(out, R"(> plain and\x1b not)");
}

}  // namespace
}  // namespace elves
