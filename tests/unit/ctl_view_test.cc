#include <gtest/gtest.h>

#include "ctl/amqp_client.h"
#include "ctl/job_view.h"
#include "ctl/text.h"

namespace elves::ctl {
namespace {

boost::json::value json(const char* text) { return parse_json(text).value(); }

TEST(CtlText, IndentsJsonAndKeepsItsTokens) {
  EXPECT_EQ(
      pretty_json(R"({"a":1.50,"b":[1,{"c":"x, {\"y\": [\\"}],"d":{},"e":[],"f":null})"),
      "{\n  \"a\": 1.50,\n  \"b\": [\n    1,\n    {\n      \"c\": \"x, {\\\"y\\\": [\\\\\"\n    }\n  ],\n"
      "  \"d\": {},\n  \"e\": [],\n  \"f\": null\n}");
  EXPECT_EQ(pretty_json(" { } "), "{}");
  EXPECT_EQ(pretty_json("no json {"), "no json {");
}

TEST(CtlText, AlignsColumnsByCharacters) {
  EXPECT_EQ(table({{"A", "LONG", "C"}, {"x\x1b", "\xC3\xA9\xC3\xA9", "1"}, {"", "", ""}}),
            "A      LONG  C\nx\\x1b  \xC3\xA9\xC3\xA9    1\n             \n");
  EXPECT_EQ(table({{"A", "B"}, {"two\nlines", "a\tb"}}), "A           B\ntwo\\nlines  a b\n");
}

TEST(CtlText, ReadsMembersAsText) {
  const auto object = json(R"({"s":"text","n":7,"z":null,"o":{"a":1}})");
  EXPECT_EQ(member(object, "s"), "text");
  EXPECT_EQ(member(object, "n"), "7");
  EXPECT_EQ(member(object, "z"), "");
  EXPECT_EQ(member(object, "o"), R"({"a":1})");
  EXPECT_EQ(member(object, "none"), "");
  EXPECT_EQ(member(json("[]"), "s"), "");
}

TEST(CtlJobView, EndsAsTheWorkerDid) {
  EXPECT_EQ(exit_of(json(R"({"flag":1,"error":"","agent_sync_flag":1})")), kExitDone);
  EXPECT_EQ(exit_of(json(R"({"flag":0,"error":"","agent_sync_flag":1})")), kExitWorkerFailed);
  EXPECT_EQ(exit_of(json(R"({"flag":-1,"error":"","agent_sync_flag":1})")), kExitNotDone);
  EXPECT_EQ(exit_of(json(R"({"flag":0,"error":"[410.0]Send Job To Agent Fail","agent_sync_flag":0})")),
            kExitNotDone);
  EXPECT_EQ(exit_of(json(R"({"flag":0,"error":"[410.2]Job Timeout","agent_sync_flag":1})")), kExitUnknown);
  EXPECT_EQ(exit_of(json(R"({"flag":1,"error":"[413.2]App Not Found","agent_sync_flag":1})")), kExitDone);
  EXPECT_EQ(exit_of(json(R"({"flag":0,"error":"[413.3]Send Result","agent_sync_flag":1})")),
            kExitWorkerFailed);
  EXPECT_EQ(exit_of(json("{}")), kExitNotDone);
}

TEST(CtlJobView, HasNotEndedWhileItsProcessorIsCalled) {
  EXPECT_TRUE(has_ended(json(R"({"state":"published","result_flag":0})")));
  EXPECT_TRUE(has_ended(json(R"({"state":"settled","result_flag":0})")));
  EXPECT_FALSE(has_ended(json(R"({"state":"settled","result_flag":2})")));
  EXPECT_FALSE(has_ended(json(R"({"state":"accepted","result_flag":2})")));
}

TEST(CtlJobView, SaysWhatWentWrong) {
  EXPECT_EQ(trouble(json(R"({"flag":1,"error":"","agent_sync_flag":1})")), "");
  EXPECT_EQ(trouble(json(R"({"flag":0,"error":"","agent_sync_flag":1})")), "the worker failed");
  EXPECT_EQ(trouble(json(R"({"flag":-1,"error":"","agent_sync_flag":1,"worker_message":"no such app"})")),
            "the agent could not run it: no such app");
  EXPECT_EQ(trouble(json(R"({"flag":1,"error":"[413.2]App Not Found","agent_sync_flag":1})")),
            "[413.2]App Not Found");
}

TEST(CtlJobView, ShowsTheFieldsThatAreSetAndTheMessageLast) {
  EXPECT_EQ(details(json(R"({"flag":1,"worker_message":"two\nlines","log_id":"AA","param":""})")),
            "flag    1\nlog_id  AA\nworker_message:\ntwo\nlines\n");
}

TEST(CtlJobView, ListsJobs) {
  const auto text = job_table(json(R"({"jobs":[
      {"log_id":"00000000000000AA","type":"rt","state":"published","agent_ip":"10.0.0.5","app":"apptest",
       "func":"hello","starttime":"2016-06-27 12:51:05","flag":1,"error":"","agent_sync_flag":1},
      {"log_id":"00000000000000AB","type":"queue","state":"accepted","agent_ip":"10.0.0.5","app":"apptest",
       "func":"sleep","starttime":"2016-06-27 12:51:05","flag":0,"error":"","agent_sync_flag":1},
      {"log_id":"00000000000000AC","type":"rt","state":"settled","agent_ip":"10.0.0.6","app":"apptest","func":"x",
       "starttime":"2016-06-27 12:51:05","flag":0,"error":"[410.0]Send Job To Agent Fail","agent_sync_flag":0}]})"));
  EXPECT_EQ(text,
            "LOG_ID            TYPE   STATE      AGENT     APP      FUNC   STARTED              RESULT\n"
            "00000000000000AA  rt     published  10.0.0.5  apptest  hello  2016-06-27 12:51:05  succeeded\n"
            "00000000000000AB  queue  accepted   10.0.0.5  apptest  sleep  2016-06-27 12:51:05  running\n"
            "00000000000000AC  rt     settled    10.0.0.6  apptest  x      2016-06-27 12:51:05  [410.0]\n");
}

TEST(CtlAmqpUrl, TakesWhatPeopleType) {
  const auto url = parse_amqp_url("amqp://user:p%40ss@broker:5673/jobs");
  EXPECT_EQ(url.host, "broker");
  EXPECT_EQ(url.port, 5673);
  EXPECT_EQ(url.user, "user");
  EXPECT_EQ(url.password, "p@ss");
  EXPECT_EQ(url.vhost, "jobs");
  EXPECT_EQ(url.text(), "amqp://user@broker:5673/jobs");
  EXPECT_EQ(parse_amqp_url("amqps://user@broker").text(), "amqps://user@broker:5671/");
  EXPECT_EQ(parse_amqp_url("amqp://broker").vhost, "/");
  EXPECT_EQ(parse_amqp_url("amqp://broker/").vhost, "/");
}

TEST(CtlAmqpUrl, RefusesTheRestWithoutShowingAPassword) {
  for (const char* text :
       {"", "broker", "http://user:secret@h", "amqp://user:secret@h:x", "amqps://user:secret@h:x"}) {
    try {
      parse_amqp_url(text);
      ADD_FAILURE() << text;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), kExitUsage);
      EXPECT_EQ(std::string(failure.what()).find("secret"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace elves::ctl
