#include <gtest/gtest.h>

#include "config/properties.h"

namespace elves::config {
namespace {

struct Case {
  const char* name;
  std::string text;
  std::string key;
  std::string value;
};

class OneProperty : public testing::TestWithParam<Case> {};

TEST_P(OneProperty, IsReadAsJavaReadsIt) {
  const auto properties = parse_properties(GetParam().text);
  ASSERT_EQ(properties.size(), 1u);
  EXPECT_EQ(properties[0].key, GetParam().key);
  EXPECT_EQ(properties[0].value, GetParam().value);
  EXPECT_EQ(properties[0].fault, "");
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, OneProperty,
    testing::Values(
        Case{"Unspaced", "mq.ip=1.2.3.4", "mq.ip", "1.2.3.4"},
        Case{"Spaced", "zookeeper.root = /elves\n", "zookeeper.root", "/elves"},
        Case{"Colon", "mq.port:5672", "mq.port", "5672"},
        Case{"SpacedColon", "mq.port : 5672", "mq.port", "5672"},
        Case{"BlankOnly", "mq.port\t5672", "mq.port", "5672"},
        Case{"SecondSeparatorIsValue", "a==b", "a", "=b"}, Case{"KeyOnly", "a", "a", ""},
        Case{"KeyAndSeparator", "a=", "a", ""}, Case{"NoKey", "=b", "", "b"},
        Case{"LeadingBlanks", " \t\f a=b", "a", "b"}, Case{"TrailingBlanksStay", "a=b  ", "a", "b  "},
        Case{"HashInValue", "a=b#c!d", "a", "b#c!d"}, Case{"WindowsLineEnd", "a=b\r\n", "a", "b"},
        Case{"MacLineEnd", "a=b\r", "a", "b"},
        Case{"ByteOrderMark",
             "\xEF\xBB\xBF"
             "a=b",
             "a", "b"},
        Case{"Continued", "a=b\\\n   c", "a", "bc"}, Case{"ContinuedWindows", "a=b\\\r\n\tc", "a", "bc"},
        Case{"CommentMarkInContinuation", "a=b\\\n#c", "a", "b#c"},
        Case{"ContinuedKey", "a\\\nb=c", "ab", "c"}, Case{"EvenSlashesEnd", "a=b\\\\", "a", "b\\"},
        Case{"ContinuedByNothing", "a=b\\", "a", "b"},
        Case{"EscapedControls", "a=\\t\\n\\r\\f", "a", "\t\n\r\f"},
        Case{"EscapedSeparators", "a\\=b\\:c\\ d=e", "a=b:c d", "e"},
        Case{"EscapedComment", "\\#a=\\!b", "#a", "!b"}, Case{"OtherEscape", "a=\\z", "a", "z"},
        Case{"Unicode", "a=\\u4f60\\u00E9\\u0041", "a",
             "\xE4\xBD\xA0\xC3\xA9"
             "A"},
        Case{"SurrogatePair", "a=\\uD83D\\uDE00", "a", "\xF0\x9F\x98\x80"},
        Case{"PlainUtf8", "a=\xE4\xBD\xA0", "a", "\xE4\xBD\xA0"}),
    [](const auto& param) { return param.param.name; });

class BrokenProperty : public testing::TestWithParam<Case> {};

TEST_P(BrokenProperty, IsToldAsAFault) {
  const auto properties = parse_properties(GetParam().text);
  ASSERT_EQ(properties.size(), 1u);
  EXPECT_EQ(properties[0].key, GetParam().key);
  EXPECT_NE(properties[0].fault, "");
}

INSTANTIATE_TEST_SUITE_P(
    Faults, BrokenProperty,
    testing::Values(Case{"ShortEscape", "a=\\u12", "a", ""}, Case{"NoHex", "a=\\u12g4", "a", ""},
                    Case{"SignInHex", "a=\\u-123", "a", ""}, Case{"LoneHighSurrogate", "a=\\uD83Dx", "a", ""},
                    Case{"LoneLowSurrogate", "a=\\uDE00", "a", ""},
                    Case{"TwoHighSurrogates", "a=\\uD83D\\uD83D", "a", ""},
                    Case{"CutSurrogatePair", "a=\\uD83D\\u", "a", ""}, Case{"Latin1", "a=\xE9", "a", ""},
                    Case{"OverlongUtf8", "a=\xC0\x80", "a", ""},
                    Case{"SurrogateInUtf8", "a=\xED\xA0\x80", "a", ""},
                    Case{"BeyondUnicode", "a=\xF4\x90\x80\x80", "a", ""},
                    Case{"CutUtf8", "a=\xE4\xBD", "a", ""}),
    [](const auto& param) { return param.param.name; });

TEST(Properties, LeavesOutCommentsAndBlankLines) {
  EXPECT_TRUE(parse_properties("").empty());
  EXPECT_TRUE(parse_properties("# a=b\n ! c=d\n\n \t\n#ends in a backslash \\\n#\xE9 is no UTF-8").empty());
}

TEST(Properties, ACommentIsNotContinued) {
  const auto properties = parse_properties("#comment \\\na=b");
  ASSERT_EQ(properties.size(), 1u);
  EXPECT_EQ(properties[0].key, "a");
}

TEST(Properties, KeepsOrderRepetitionsAndLineNumbers) {
  const auto properties = parse_properties("#\r\na=1\n\nb=2\\\n  3\r\na=4");
  ASSERT_EQ(properties.size(), 3u);
  EXPECT_EQ(properties[0].line, 2);
  EXPECT_EQ(properties[1].line, 4);
  EXPECT_EQ(properties[1].value, "23");
  EXPECT_EQ(properties[2].line, 6);
  EXPECT_EQ(properties[2].key, "a");
  EXPECT_EQ(properties[2].value, "4");
}

}  // namespace
}  // namespace elves::config
