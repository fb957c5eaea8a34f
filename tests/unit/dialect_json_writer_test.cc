// JSON text from any bytes, read back with a parser.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dialect/json_writer.h"

namespace elves::dialect {
namespace {

namespace json = boost::json;

json::value read_back(const std::string& text) {
  boost::json::error_code fault;
  json::value value = json::parse(text, fault);
  EXPECT_FALSE(fault) << text;
  return value;
}

TEST(DialectJsonWriter, AnyBytesBecomeUtf8) {
  const std::string bad = "\xEF\xBF\xBD";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string("a\0b", 3), std::string("a\0b", 3)},
      {"\x01\x1f\x7f\"\\/\b\f\n\r\t", "\x01\x1f\x7f\"\\/\b\f\n\r\t"},
      {"中文 é \U0001F600 \U0010FFFF \u0800 \uD7FF \uE000",
       "中文 é \U0001F600 \U0010FFFF \u0800 \uD7FF \uE000"},
      {"\x80", bad},
      {"a\xff"
       "b",
       "a" + bad + "b"},
      {"\xC0\xAF", bad + bad},
      {"\xC1\xBF", bad + bad},
      {"\xE0\x9F\xBF", bad + bad + bad},
      {"\xED\xA0\x80", bad + bad + bad},
      {"\xF0\x8F\xBF\xBF", bad + bad + bad + bad},
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},
      {"\xF5\x80", bad + bad},
      {"\xE4\xB8", bad + bad},
      {"\xE4\xB8"
       "中",
       bad + bad + "中"},
      {"\xC3", bad},
      {"\xF0\x9F\x98", bad + bad + bad}};
  for (const auto& [raw, expected] : cases) {
    JsonWriter json(16);
    json.text("key", raw);
    EXPECT_EQ(read_back(std::move(json).finish()).at("key"), json::value(expected));
  }
}

TEST(DialectJsonWriter, LargeText) {
  const std::string bad(16U << 20U, '\xfe');
  JsonWriter json(16);
  json.text("key", bad);
  EXPECT_EQ(read_back(std::move(json).finish()).at("key").as_string().size(), bad.size() * 3);
}

TEST(DialectJsonWriter, Nesting) {
  JsonWriter json(0);
  EXPECT_EQ(JsonWriter(0).finish(), "{}");
  json.begin("empty");
  json.end();
  json.number("least", std::numeric_limits<std::int64_t>::min());
  json.begin("outer");
  json.begin("inner");
  json.text("a", "b");
  json.end();
  json.number("zero", 0);
  json.end();
  json.text("last", "");
  EXPECT_EQ(std::move(json).finish(),
            R"({"empty":{},"least":-9223372036854775808,"outer":{"inner":{"a":"b"},"zero":0},"last":""})");
}

}  // namespace
}  // namespace elves::dialect
