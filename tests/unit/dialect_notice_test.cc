#include <gtest/gtest.h>

#include "dialect/notice.h"

namespace elves::dialect {
namespace {

Notice some_notice() {
  Notice notice;
  notice.result.id = "42:r1";
  notice.result.exec_id = "0000000000ABCDEF";
  notice.result.ip = "10.0.0.1";
  notice.result.type = "cron";
  notice.result.mode = "sap";
  notice.result.app = "app";
  notice.result.func = "func";
  notice.result.timeout = 90;
  notice.result.request = "00000000000000FF";
  notice.result.may_be_repeat = true;
  notice.result.answer = {-1, 74, "said \"no\"\n"};
  return notice;
}

TEST(Notice, ComesBackAsItWent) {
  const Notice sent = some_notice();
  const auto read = decode_notice(encode_notice(sent));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->result.id, sent.result.id);
  EXPECT_EQ(read->result.exec_id, sent.result.exec_id);
  EXPECT_EQ(read->result.ip, sent.result.ip);
  EXPECT_EQ(read->result.type, sent.result.type);
  EXPECT_EQ(read->result.mode, sent.result.mode);
  EXPECT_EQ(read->result.app, sent.result.app);
  EXPECT_EQ(read->result.func, sent.result.func);
  EXPECT_EQ(read->result.timeout, sent.result.timeout);
  EXPECT_EQ(read->result.request, sent.result.request);
  EXPECT_TRUE(read->result.may_be_repeat);
  EXPECT_EQ(read->result.answer, sent.result.answer);
  EXPECT_FALSE(read->error);
}

TEST(Notice, TellsAnEndWithoutAnAnswer) {
  Notice sent = some_notice();
  sent.error = Error{ErrorCode::job_timeout, "no result"};
  const auto read = decode_notice(encode_notice(sent));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->error, sent.error);
  EXPECT_EQ(read->result.answer, WorkerAnswer{});
}

TEST(Notice, ALongMessageIsCut) {
  Notice sent = some_notice();
  sent.result.answer.result.assign(kMaxNoticeResult + 1, 'x');
  EXPECT_EQ(decode_notice(encode_notice(sent))->result.answer.result.size(), kMaxNoticeResult);
}

TEST(Notice, AnythingElseIsMalformed) {
  for (const auto* body : {"", "{}", "[]", "{\"id\":7}", "{\"id\":\"", "\xff"}) {
    const auto read = decode_notice(body);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(read.error().code, ErrorCode::message_malformed);
  }
}

}  // namespace
}  // namespace elves::dialect
