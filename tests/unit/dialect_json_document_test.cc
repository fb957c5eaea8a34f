#include <gtest/gtest.h>

#include <string>
#include <variant>

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
  EXPECT_EQ(refused("{} x"), "no JSON in UTF-8: extra data");
  EXPECT_EQ(refused(R"({"a":1)"), "no JSON in UTF-8: incomplete JSON");
  EXPECT_EQ(refused(""), "no JSON in UTF-8: incomplete JSON");
  EXPECT_EQ(refused("{\"a\":\"\xFF\"}"), "no JSON in UTF-8: syntax error");
  EXPECT_EQ(refused(R"({"a":[[1]]})", 3), "");
  EXPECT_EQ(refused(R"({"a":[[1]]})", 2), "no JSON in UTF-8: too deep");
  EXPECT_EQ(refused(std::string(101, ' ')), "larger than 100 bytes");
}

}  // namespace
}  // namespace elves::dialect
