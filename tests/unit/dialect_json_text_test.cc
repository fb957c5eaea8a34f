// Structured params travel as the text they were given in.
#include <gtest/gtest.h>

#include <string>

#include "dialect/envelope.h"
#include "dialect/json_text.h"

namespace elves::dialect {
namespace {

TEST(DialectDecode, ParamKeepsTheTextOfNumbersAndStrings) {
  const std::string given =
      R"( { "n" : 12345678901234567890123 , "f":1.50, "e": 1E+2,"s" : " \u4e2d\" , } ", "d":1,"d" :2 } )";
  const std::string compact =
      R"({"n":12345678901234567890123,"f":1.50,"e":1E+2,"s":" \u4e2d\" , } ","d":1,"d":2})";
  const std::string rest = R"("ip":"::1","agent_ip":"::1","app":"a","func":"f")";
  const std::string flat = R"({"other":{"param":[0]},"mqkey":"o.scheduler.sendSync","mqtype":"cast",)" +
                           rest + R"(,"param":)" + given + "}";
  EXPECT_EQ(decode_request(flat, {}, Limits{}).job.param, compact);
  const std::string body = R"({"param":[1],"mqbody" : {"x":"}","param":)" + given + "," + rest +
                           R"( } ,"mqkey":"o.scheduler.syncJob","mqtype":"call.k"})";
  EXPECT_EQ(decode_request(body, {}, Limits{}).job.param, compact);
}

TEST(DialectJsonText, Members) {
  const std::string object = R"( {"a" : 1,"b":"x\"}", "c" : [ {"a":2} , "]" ] ,"a": {"a":3}} )";
  EXPECT_EQ(member_text(object, "a"), R"({"a":3})");
  EXPECT_EQ(member_text(object, "b"), R"("x\"}")");
  EXPECT_EQ(member_text(object, "c"), R"([ {"a":2} , "]" ])");
  EXPECT_EQ(member_text(object, "d"), "");
  EXPECT_EQ(member_text("{}", "a"), "");
  EXPECT_EQ(compact_text(member_text(object, "c")), R"([{"a":2},"]"])");
}

TEST(DialectJsonText, WhatIsNoJsonIsSafe) {
  for (const char* text :
       {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "{\"a\":\"\\", "}", "{\"a\" \"b\"}"}) {
    EXPECT_LE(member_text(text, "a").size(), std::string(text).size()) << text;
    EXPECT_LE(compact_text(text).size(), std::string(text).size()) << text;
  }
}

}  // namespace
}  // namespace elves::dialect
