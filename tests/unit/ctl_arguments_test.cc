#include <gtest/gtest.h>

#include <map>

#include "ctl/arguments.h"
#include "ctl/envelope.h"
#include "ctl/url.h"

namespace elves::ctl {
namespace {

using Words = std::vector<std::string>;

std::variant<Arguments, Ending> parse(Words words, std::map<std::string, std::string> environment = {}) {
  return parse_arguments(std::move(words), [&environment](const char* name) { return environment[name]; });
}

Arguments parsed(Words words, std::map<std::string, std::string> environment = {}) {
  auto result = parse(std::move(words), std::move(environment));
  if (auto* ending = std::get_if<Ending>(&result)) {
    ADD_FAILURE() << ending->err;
    return {};
  }
  return std::get<Arguments>(std::move(result));
}

Ending ended(Words words) {
  auto result = parse(std::move(words));
  auto* ending = std::get_if<Ending>(&result);
  return ending ? *ending : Ending{-1, "", ""};
}

TEST(CtlArguments, RunTakesOptionsAndPositionals) {
  for (const auto& words :
       {Words{"run", "10.0.0.5", "apptest", "hello", "text"},
        Words{"run", "--ip", "10.0.0.5", "--app", "apptest", "--func=hello", "--param", "text"},
        Words{"run", "--app", "apptest", "10.0.0.5", "hello", "text"}}) {
    const auto arguments = parsed(words);
    EXPECT_EQ(arguments.command, Command::run);
    EXPECT_EQ(arguments.job.ip, "10.0.0.5");
    EXPECT_EQ(arguments.job.app, "apptest");
    EXPECT_EQ(arguments.job.func, "hello");
    EXPECT_EQ(arguments.job.param, "text");
    EXPECT_EQ(arguments.job.type, "");
    EXPECT_FALSE(arguments.job.timeout);
  }
}

TEST(CtlArguments, AParamTravelsByteForByte) {
  for (const char* param :
       {"", " ", "[1,2]", "{\"a\": \"b\"}", "a,b", "'q'", "\"q\"", "%x", "-", "/x", "k=v"}) {
    EXPECT_EQ(parsed({"run", "1.2.3.4", "a", "f", param}).job.param, param);
    EXPECT_EQ(parsed({"run", "1.2.3.4", "a", "f", "--param", param}).job.param, param);
  }
  EXPECT_EQ(parsed({"run", "1.2.3.4", "a", "f", "--param=--json"}).job.param, "--json");
}

TEST(CtlArguments, SubmitIsAQueueJobUnlessToldOtherwise) {
  const auto arguments =
      parsed({"submit", "1.2.3.4", "a", "f", "--timeout", "7", "--mode", "sap", "--proxy", "p"});
  EXPECT_EQ(arguments.command, Command::submit);
  EXPECT_EQ(arguments.job.type, "queue");
  EXPECT_EQ(arguments.job.timeout, std::chrono::seconds(7));
  EXPECT_EQ(arguments.job.mode, "sap");
  EXPECT_EQ(arguments.job.proxy, "p");
  EXPECT_EQ(parsed({"submit", "1.2.3.4", "a", "f", "--type", "cron"}).job.type, "cron");
  EXPECT_EQ(ended({"submit", "1.2.3.4", "a", "f", "--type", "rt"}).code, kExitUsage);
}

TEST(CtlArguments, GlobalOptionsGoBeforeAndAfterTheCommand) {
  EXPECT_TRUE(parsed({"--json", "jobs"}).json);
  const auto arguments = parsed({"jobs", "--state", "open", "--json", "--url", "http://h:1", "--limit", "3"});
  EXPECT_TRUE(arguments.json);
  EXPECT_EQ(arguments.url, "http://h:1");
  EXPECT_EQ(arguments.list.state, "open");
  EXPECT_EQ(arguments.list.limit, "3");
}

TEST(CtlArguments, TheEnvironmentSetsDefaults) {
  EXPECT_EQ(parsed({"jobs"}).url, "http://127.0.0.1:10180");
  EXPECT_EQ(parsed({"jobs"}, {{"ELVES_URL", "http://env:1"}}).url, "http://env:1");
  EXPECT_EQ(parsed({"jobs", "--url", "http://h:1"}, {{"ELVES_URL", "http://env:1"}}).url, "http://h:1");
  EXPECT_EQ(parsed({"send", "-"}, {{"ELVES_AMQP", "amqp://env"}}).send.amqp, "amqp://env");
}

TEST(CtlArguments, SendHasItsDefaults) {
  const auto send = parsed({"send", "request.json"}).send;
  EXPECT_EQ(send.file, "request.json");
  EXPECT_EQ(send.exchange, "elves");
  EXPECT_EQ(send.key, "");
  EXPECT_EQ(send.timeout, std::chrono::seconds(30));
  EXPECT_TRUE(send.wait);
  EXPECT_TRUE(send.reply_to);
  EXPECT_FALSE(parsed({"send", "--no-wait", "-"}).send.wait);
  EXPECT_FALSE(parsed({"send", "--no-reply-to", "-"}).send.reply_to);
  EXPECT_EQ(parsed({"send", "--timeout", "2", "-"}).send.timeout, std::chrono::seconds(2));
}

TEST(CtlArguments, MistakesAreUsageErrors) {
  for (const auto& words :
       {Words{}, Words{"nonsense"}, Words{"run"}, Words{"run", "1.2.3.4", "a"},
        Words{"run", "1", "a", "f", "p", "x"}, Words{"run", "1", "a", "f", "--timeout", "x"},
        Words{"run", "1", "a", "f", "--timeout", "-1"}, Words{"run", "1", "a", "f", "p", "--param-file", "x"},
        Words{"job"}, Words{"jobs", "--nonsense"}}) {
    const auto ending = ended(words);
    EXPECT_EQ(ending.code, kExitUsage);
    EXPECT_NE(ending.err, "");
    EXPECT_EQ(ending.out, "");
  }
}

TEST(CtlArguments, HelpAndVersionSucceed) {
  EXPECT_EQ(ended({"--version"}).out, "elvesctl " ELVES_VERSION "\n");
  EXPECT_EQ(ended({"--help"}).code, kExitDone);
  EXPECT_NE(ended({"--help"}).out.find("Examples:"), std::string::npos);
  EXPECT_NE(ended({"run", "--help"}).out.find("--param-file"), std::string::npos);
}

TEST(CtlUrl, TakesWhatPeopleType) {
  EXPECT_EQ(parse_url("http://127.0.0.1:10180").text(), "http://127.0.0.1:10180");
  EXPECT_EQ(parse_url("scheduler").text(), "http://scheduler:10180");
  EXPECT_EQ(parse_url("http://[::1]:80/").text(), "http://[::1]:80");
  EXPECT_EQ(parse_url("http://[::1]").host, "::1");
  EXPECT_EQ(parse_url("https://gate/elves").text(), "https://gate:10180/elves");
  EXPECT_EQ(parse_url("http://gate:8080/elves/").text(), "http://gate:8080/elves");
}

TEST(CtlUrl, RefusesTheRestWithoutShowingAPassword) {
  for (const char* text :
       {"", "http://", "ftp://h", "http://h:0", "http://h:65536", "http://h:", "http://h:8x", "http://[::1",
        "http://[::1]x80", "http://:80", "http://user:secret@h"}) {
    try {
      parse_url(text);
      ADD_FAILURE() << text;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), kExitUsage);
      EXPECT_EQ(std::string(failure.what()).find("secret"), std::string::npos);
    }
  }
}

TEST(CtlEnvelope, TheRequestGoesWhereItsSenderSends) {
  EXPECT_EQ(request_key(R"({"mqkey":"cron.scheduler.asyncJob"})"), "cron.scheduler");
  EXPECT_EQ(request_key(R"({"mqkey":"cron.agent.x"})"), "openapi.scheduler");
  EXPECT_EQ(request_key("no json"), "openapi.scheduler");
  EXPECT_EQ(request_key("[]"), "openapi.scheduler");
}

TEST(CtlEnvelope, KnowsWhereItsAnswersGo) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(reply_keys(R"({"mqkey":"openapi.scheduler.sendSync.1","mqtype":"cast"})"),
            Keys{"scheduler.openapi"});
  EXPECT_EQ(reply_keys(R"({"mqkey":"openapi.scheduler.syncJob","mqtype":"call.here"})"), Keys{"here"});
  EXPECT_EQ(reply_keys(R"({"mqkey":"cron.scheduler.sendAsync.1","job_type":"cron"})"),
            Keys{"scheduler.cron"});
  EXPECT_EQ(reply_keys(R"({"mqkey":"openapi.scheduler.sendAsync.1","job_type":"queue"})"),
            (Keys{"scheduler.openapi", "scheduler.queue"}));
  EXPECT_EQ(reply_keys(R"({"mqkey":"openapi.scheduler.asyncJob","mqbody":{"type":"cron"}})"),
            (Keys{"scheduler.openapi", "scheduler.cron"}));
  EXPECT_EQ(reply_keys(R"({"mqkey":"openapi.scheduler.asyncJob","mqbody":"{\"type\":\"cron\"}"})").size(),
            2u);
  for (const char* text : {"no json", "{}", R"({"mqkey":"scheduler.sendSync"})", R"({"mqkey":7})"}) {
    EXPECT_THROW(reply_keys(text), Failure) << text;
  }
}

}  // namespace
}  // namespace elves::ctl
