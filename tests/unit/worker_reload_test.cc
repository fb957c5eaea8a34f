// cfg.json: what is not understood is never taken for a default, and what SIGHUP changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/config_repeats.h"
#include "worker/reload.h"

namespace elves::worker {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

LoadedConfig load(std::string_view text) { return load_config_text(text, "/r/conf/cfg.json", "/r/bin"); }

TEST(WorkerConfigFaults, AFileThatIsNotUtf8IsOneError) {
  std::string wide = "\xFF\xFE";
  for (const char c : std::string(R"({"ip": "127.0.0.1"})")) wide.append({c, '\0'});
  EXPECT_THAT(load(wide).errors, ElementsAre(HasSubstr("UTF-16")));
  EXPECT_THAT(load(wide.substr(2)).errors, ElementsAre(HasSubstr("UTF-16")));
  EXPECT_THAT(load("").errors, SizeIs(1));
  EXPECT_THAT(load("{}").errors, ElementsAre(HasSubstr("ip: missing")));
}

TEST(WorkerConfigFaults, RepeatedKeysAreFoundInAnyCaseAndDepth) {
  EXPECT_THAT(repeated_keys(R"({"a": 1, "b": {"c": [{"d": 1, "d": 2}], "C": 3}, "A": 4, /* x */ "a": 5,})"),
              ElementsAre("b.c.d", "b.c", "a"));
  EXPECT_THAT(repeated_keys(R"({"a": {"x": 1}, "b": {"x": 1}})"), IsEmpty());
  EXPECT_THAT(repeated_keys(R"({"a": )"), IsEmpty());
}

TEST(WorkerConfigFaults, ARepeatedKeyIsToldAndARepeatedGuardAnError) {
  const auto told = load(R"({"ip": "127.0.0.1", "port": 1, "Port": 2})");
  EXPECT_THAT(told.errors, IsEmpty());
  EXPECT_THAT(told.warnings, testing::Contains(HasSubstr("port: given more than once")));
  EXPECT_THAT(load(R"({"ip": "127.0.0.1", "authips": ["10.0.0.0/8"], "authIps": []})").errors,
              ElementsAre(HasSubstr("authips: given more than once")));
}

TEST(WorkerConfigFaults, AMisspeltGuardIsAnError) {
  EXPECT_THAT(load(R"({"ip": "127.0.0.1", "authip": ["10.0.0.0/8"]})").errors,
              ElementsAre(HasSubstr("authips")));
  EXPECT_THAT(load(R"({"ip": "127.0.0.1", "tls": {"ca": "x", "client_cert": "required"}})").errors,
              ElementsAre(HasSubstr("tls.clientcert")));
}

TEST(WorkerConfigFaults, AListOfCallersThatNamesNobodyIsNotEverybody) {
  EXPECT_THAT(load(R"({"ip": "127.0.0.1", "authips": " , "})").errors,
              ElementsAre(HasSubstr("names nobody")));
  EXPECT_THAT(load(R"({"ip": "127.0.0.1", "authips": false})").errors, SizeIs(1));
}

TEST(WorkerReload, AuthipsStayWhenTheFileHasThemNoLonger) {
  auto now = load(R"({"ip": "127.0.0.1", "authips": ["10.0.0.0/8"]})").config;
  const auto kept = take_over(now, load(R"({"ip": "127.0.0.1"})").config).kept;
  EXPECT_THAT(kept, ElementsAre(AllOf(HasSubstr("authips"), HasSubstr("10.0.0.0/8"))));
  EXPECT_EQ(now.door.allow.text(), "10.0.0.0/8");
  EXPECT_THAT(take_over(now, load(R"({"ip": "127.0.0.1", "authips": []})").config).kept, IsEmpty());
  EXPECT_TRUE(now.door.allow.empty());
}

TEST(WorkerReload, LiveKeysAreTakenAndOthersAreTold) {
  auto now = load(R"({"ip": "127.0.0.1", "port": 1})").config;
  const auto later =
      take_over(
          now,
          load(R"({"ip": "127.0.0.1", "PORT": 2, "log": {"level": "debug"}, "maxconnections": 5})").config)
          .later;
  EXPECT_THAT(later, ElementsAre("port is 2 in the file: it stays 1 until a restart"));
  EXPECT_EQ(now.port, 1);
  EXPECT_EQ(now.log.level, "debug");
  EXPECT_EQ(now.door.max_connections, 5u);
}

}  // namespace
}  // namespace elves::worker
