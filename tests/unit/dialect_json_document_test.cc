#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "dialect/json_document.h"

namespace elves::dialect {
namespace {

class JsonDocumentTest : public testing::Test {
 protected:
  // `text` is what was found, or "-".
  static std::string text(const JsonMembers& members, std::string_view key) {
    const auto* found = std::get_if<std::string_view>(members.find(key));
    return found ? std::string(*found) : "-";
  }
  std::string outer(std::string_view key) const { return text(document_.object(), key); }
  std::string inner(std::string_view key) const { return text(document_.inner(), key); }
  void parse(std::string_view json) {
    const auto fault = document_.parse(json, {}, "in");
    ASSERT_FALSE(fault) << fault->detail;
  }

  JsonDocument document_;
};

TEST_F(JsonDocumentTest, HasMembersOfEveryKind) {
  parse(R"({"n":null,"b":true,"i":-1,"u":18446744073709551615,"d":1.5,"t":"text","o":{},"a":[]})");
  const JsonMembers& object = document_.object();
  EXPECT_TRUE(std::holds_alternative<JsonNull>(*object.find("n")));
  EXPECT_EQ(std::get<bool>(*object.find("b")), true);
  EXPECT_EQ(std::get<std::int64_t>(*object.find("i")), -1);
  EXPECT_EQ(std::get<std::uint64_t>(*object.find("u")), 18446744073709551615U);
  EXPECT_EQ(std::get<double>(*object.find("d")), 1.5);
  EXPECT_EQ(outer("t"), "text");
  EXPECT_TRUE(std::holds_alternative<JsonObject>(*object.find("o")));
  EXPECT_TRUE(std::holds_alternative<JsonArray>(*object.find("a")));
  EXPECT_EQ(object.find("none"), nullptr);
}

TEST_F(JsonDocumentTest, TextWithoutEscapesIsAView) {
  const std::string json = R"({"k":"plain","e":""})";
  parse(json);
  const auto view = std::get<std::string_view>(*document_.object().find("k"));
  EXPECT_EQ(view.data(), json.data() + json.find("plain"));
  EXPECT_EQ(outer("e"), "");
}

TEST_F(JsonDocumentTest, EscapesAreTakenOutOfTextAndKeys) {
  parse(R"({"\u006bey":"a\"b\\c\u00e9\ud83d\ude00\n","\n":"\t","q":"\u0000"})");
  EXPECT_EQ(outer("key"), "a\"b\\c\xC3\xA9\xF0\x9F\x98\x80\n");
  EXPECT_EQ(outer("\n"), "\t");
  EXPECT_EQ(outer("q"), std::string(1, '\0'));
}

TEST_F(JsonDocumentTest, LongTextWithManyEscapes) {
  std::string json = R"({"k":")";
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    json += R"(x\u4e2dy)";
    expected += "x\xE4\xB8\xADy";
  }
  json += "\"}";
  parse(json);
  EXPECT_EQ(outer("k"), expected);
}

TEST_F(JsonDocumentTest, OfARepeatedKeyTheLastValueCounts) {
  parse(R"({"k":"one","k":{"k":"deep"},"k":"two","in":{"k":"one","\u006b":"two"}})");
  EXPECT_EQ(outer("k"), "two");
  EXPECT_EQ(inner("k"), "two");
}

TEST_F(JsonDocumentTest, OfARepeatedInnerObjectTheLastCounts) {
  parse(R"({"in":{"a":"1","b":"1"},"in":{"b":"2"}})");
  EXPECT_EQ(inner("a"), "-");
  EXPECT_EQ(inner("b"), "2");
}

TEST_F(JsonDocumentTest, OnlyItsOwnMembersAreInner) {
  parse(R"({"x":{"a":"other"},"in":{"o":{"a":"deep","in":{"a":"deep"}},"l":[{"a":"deep"}],"b":"inner"},)"
        R"("l":[{"a":"list"},{"in":{"a":"list"}}],"y":{"a":"other"},"a":"outer"})");
  EXPECT_EQ(inner("a"), "-");
  EXPECT_EQ(inner("b"), "inner");
  EXPECT_TRUE(std::holds_alternative<JsonObject>(*document_.inner().find("o")));
  EXPECT_EQ(document_.inner().find("in"), nullptr);
  EXPECT_EQ(outer("a"), "outer");
  EXPECT_EQ(outer("b"), "-");
}

TEST_F(JsonDocumentTest, AnInnerOneInAListIsNone) {
  JsonDocument list;
  const auto fault = list.parse(R"([{"in":{"a":"1"}}])", {}, "in");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->detail, "no JSON object");
  EXPECT_EQ(list.inner().find("a"), nullptr);
}

TEST_F(JsonDocumentTest, WhatIsNoneIsRefused) {
  const auto refused = [](std::string_view json, std::size_t depth = 64) {
    JsonDocument document;
    const auto fault = document.parse(json, {.max_body = 100, .max_depth = depth});
    return fault ? fault->detail : "";
  };
  EXPECT_EQ(refused("{}"), "");
  EXPECT_EQ(refused("{} "), "");
  EXPECT_EQ(refused(R"({"a":[[1]]})", 3), "");
  EXPECT_EQ(refused(R"({"a":[[1]]})", 2),
            "no JSON in UTF-8: line 1 column 7 (byte 6): it is nested too deep (mq.maxDepth)");
  EXPECT_EQ(refused(std::string(101, ' ')), "larger than 100 bytes");
}

struct Broken {
  std::string text;
  std::string place;
  std::string cause;
};

TEST_F(JsonDocumentTest, AFaultIsToldWithItsPlaceAndItsLikelyCause) {
  using namespace std::string_literals;
  const std::vector<Broken> all{
      {"", "line 1 column 1 (byte 0)", "is empty"},
      {"\xEF\xBB\xBF{}", "line 1 column 1 (byte 0)", "begins with a byte order mark"},
      {"\xFF\xFE{\0}\0"s, "line 1 column 1 (byte 0)", "looks like UTF-16"},
      {"{\0}\0"s, "line 1 column 1 (byte 0)", "looks like UTF-16"},
      {"\x1F\x8B\x08"s, "line 1 column 1 (byte 0)", "gzip"},
      {"<job/>", "line 1 column 1 (byte 0)", "looks like XML"},
      {"{\"a\":\n\"b\xED\xA0\xBD\"}", "line 2 column 3 (byte 8)",
       "0xED 0xA0 0xBD is half of a surrogate pair"},
      {"{\"a\":\"\xF0\x9F\x98\"}", "line 1 column 7 (byte 6)",
       "0xF0 0x9F 0x98 is the beginning of a UTF-8 character"},
      {"{\"a\":\"\xF0\x9F", "line 1 column 7 (byte 6)", "0xF0 0x9F is the beginning of a UTF-8 character"},
      {"{\"a\":\"caf\xE9 x\"}", "line 1 column 10 (byte 9)", "0xE9 is not UTF-8"},
      {"{\"a\":\"\xD6\xD0\xCE\xC4\"}", "line 1 column 7 (byte 6)", "such as GBK"},
      {"{\"a\":\"\\ud83d\"}", "line 1 column 7 (byte 6)", "half of a surrogate pair"},
      {"{\"a\":\"\\ud83d\\u0041\"}", "line 1 column 13 (byte 12)", "half of a surrogate pair"},
      {"{\"a\":\"x\\ude00\"}", "line 1 column 8 (byte 7)", "half of a surrogate pair"},
      {"{\"a\":1", "line 1 column 7 (byte 6)", "ends too early"},
      {"{} x", "line 1 column 4 (byte 3)", "more after the end"},
      {"{'a':1}", "line 1 column 2 (byte 1)", "single quote"},
      {"{\"a\":1,}", "line 1 column 8 (byte 7)", "comma before the end"},
      {"{\"a\":\"b\nc\"}", "line 1 column 8 (byte 7)", "control character, 0x0A"},
      {"{\"a\":NaN}", "line 1 column 6 (byte 5)", "NaN"},
      {"{\"a\":1 // one\n}", "line 1 column 8 (byte 7)", "comment"},
      {"{a:1}", "line 1 column 2 (byte 1)", "unexpected 'a'"},
  };
  for (const auto& [text, place, cause] : all) {
    JsonDocument document;
    const auto fault = document.parse(text, {});
    ASSERT_TRUE(fault) << text;
    EXPECT_TRUE(fault->detail.starts_with("no JSON in UTF-8: " + place + ": ")) << text << fault->detail;
    EXPECT_NE(fault->detail.find(cause), std::string::npos) << text << fault->detail;
  }
}

}  // namespace
}  // namespace elves::dialect
