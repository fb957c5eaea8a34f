// What is not understood is never taken for a default, and no guard falls open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "config/reload.h"

namespace elves::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Environment kNoEnvironment = [](const char*) { return std::nullopt; };

Loaded load(const std::string& text) { return load_text(text, "conf.properties", kNoEnvironment); }

class ConfigGuards : public testing::Test {
 protected:
  ConfigGuards() {
    std::string name = (std::filesystem::temp_directory_path() / "elves-guards-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ConfigGuards() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& content) const {
    const auto file = folder_ / "file";
    std::filesystem::remove(file);
    std::ofstream(file, std::ios::binary) << content;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    return file;
  }
  Loaded load_file_with(const std::string& content) const {
    return load_file(write(content), kNoEnvironment);
  }

  std::filesystem::path folder_;
};

std::string utf16(const std::string& text, bool mark) {
  std::string wide = mark ? "\xFF\xFE" : "";
  for (const char c : text) wide.append({c, '\0'});
  return wide;
}

TEST_F(ConfigGuards, AFileThatIsNotUtf8IsOneError) {
  for (const bool mark : {true, false}) {
    const auto loaded = load_file_with(utf16("mq.ip=10.0.0.1\nagent.allow=10.0.0.0/8\n", mark));
    ASSERT_EQ(loaded.errors.size(), 1u) << mark;
    EXPECT_THAT(loaded.errors[0].text(), HasSubstr("UTF-16"));
  }
}

TEST_F(ConfigGuards, AFileInWhichNothingWasMeantForThisProgramIsAnError) {
  for (const char* text :
       {"", "\n\n", "# only a comment\n", "[Unit]\nDescription=x\n", "{\"ip\": \"127.0.0.1\"}"}) {
    const auto loaded = load_file_with(text);
    ASSERT_EQ(loaded.errors.size(), 1u) << text;
    EXPECT_THAT(loaded.errors[0].text(), HasSubstr("no setting of elves-scheduler"));
  }
  EXPECT_THAT(load_file_with("mq.port=5672\n").errors, IsEmpty());
  EXPECT_THAT(load_file_with("mq.pasword=x\n").errors, IsEmpty()) << "meant, and told";
}

TEST_F(ConfigGuards, AByteOrderMarkOfUtf8IsNoFault) {
  EXPECT_EQ(load_file_with("\xEF\xBB\xBFmq.port=5673\n").options.mq.port, 5673);
}

TEST_F(ConfigGuards, AMisspeltGuardIsAnErrorAndAnyOtherKeyAWarning) {
  for (const char* line :
       {"agent.alow=10.0.0.0/8", "Agent.Allow=10.0.0.0/8", "thrift.alow=10.0.0.0/8", "admin.tokens=x",
        "thrift.tls.clientcerts=required", "result.acceptUnkown=false"}) {
    EXPECT_EQ(load(line).errors.size(), 1u) << line;
  }
  EXPECT_THAT(load("mq.passwort=x").errors, IsEmpty());
  EXPECT_THAT(load("agent.maxWating=1").errors, IsEmpty());
}

TEST_F(ConfigGuards, AGuardGivenTwiceMustSayTheSame) {
  EXPECT_EQ(load("agent.allow=10.0.0.0/8\nagent.allow=\n").errors.size(), 1u);
  EXPECT_EQ(load("admin.token=a\nadmin.token=b\n").errors.size(), 1u);
  const auto same = load("agent.allow=10.0.0.0/8\nagent.allow = 10.0.0.0/8\n");
  EXPECT_THAT(same.errors, IsEmpty());
  EXPECT_EQ(same.warnings.size(), 1u);
}

TEST_F(ConfigGuards, AnEmptyGuardWhereTheFileWasCutIsAnError) {
  EXPECT_EQ(load("mq.port=1\nagent.allow=").errors.size(), 1u);
  EXPECT_THAT(load("mq.port=1\nagent.allow=\n").errors, IsEmpty());
  EXPECT_THAT(load("agent.allow=\nmq.port=1").errors, IsEmpty());
}

TEST_F(ConfigGuards, ASecretFileHoldsOneSecretInUtf8) {
  for (const auto& content : {utf16("sesame", true), utf16("sesame", false), std::string("two\nlines\n"),
                              std::string("\xEF\xBB\xBFsesame"), std::string("\n")}) {
    const auto loaded = load("admin.token.file=" + write(content));
    ASSERT_EQ(loaded.errors.size(), 1u) << content;
    EXPECT_THAT(loaded.errors[0].text(), Not(HasSubstr("sesame")));
  }
  EXPECT_EQ(load("admin.token.file=" + write("sesame\r\n")).options.admin.token, "sesame");
}

TEST_F(ConfigGuards, WhatIsHardlyPartOfASecretIsTold) {
  const Environment line_end = [](const char* name) {
    return std::string(name) == "ELVES_MQ_PASSWORD" ? std::optional<std::string>("admin\n") : std::nullopt;
  };
  const auto loaded = load_text("", "f", line_end);
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_EQ(loaded.warnings[0].text(), "f: ELVES_MQ_PASSWORD: ends with a line end, which is part of it");
  EXPECT_EQ(load("admin.token=\nmq.port=1\n").warnings.size(), 1u);
}

TEST_F(ConfigGuards, AnAddressIsOneHostWithoutAPort) {
  for (const char* host : {"127.0.0.1", "::1", "mq", "mq-1.example.org", "mq_1", "example.org.", "1a"})
    EXPECT_THAT(load(std::string("mq.ip=") + host).errors, IsEmpty()) << host;
  for (const char* host : {"a,b", "host:5672", "127.0.0.1:5672", "[::1]", "[::1]:5672", "amqp://mq",
                           "mq/vhost", "192.168.6.300", "a..b", "user@mq", "\xE4\xB8\xAD"})
    EXPECT_EQ(load(std::string("mq.ip=") + host).errors.size(), 1u) << host;
  EXPECT_EQ(load("mq.tls.serverName=mq:5671").errors.size(), 1u);
}

TEST_F(ConfigGuards, AnEnsembleIsAListOfHostsWithPorts) {
  for (const char* host :
       {"zk", "zk:2181", "10.0.0.1:2181,10.0.0.2", "a:1,b:2/elves/x", "[::1]:2181,zk", "a:1,"})
    EXPECT_THAT(load(std::string("zookeeper.host=") + host).errors, IsEmpty()) << host;
  for (const char* host :
       {"nohost:abc", "a:0", "a:70000", "a:1,,b:2", "/elves", "a:1/", "a:1//x", "::1", "a;b"})
    EXPECT_EQ(load(std::string("zookeeper.host=") + host).errors.size(), 1u) << host;
}

Reload reload(const std::string& before, const std::string& after) {
  const auto loaded = load(after);
  EXPECT_THAT(loaded.errors, IsEmpty());
  return take_over(load(before).options, loaded);
}

TEST(ConfigReload, AGuardThatIsGoneStaysAndSaysSo) {
  for (const std::string guard : {"agent.allow=10.0.0.0/8", "thrift.allow=10.0.0.0/8",
                                  "result.acceptUnknown=false", "thrift.trustForwarders=10.1.2.3"}) {
    const auto before = load(guard).options;
    const auto fresh = reload(guard, "mq.port=5672\n");
    ASSERT_EQ(fresh.kept.size(), 1u) << guard;
    EXPECT_THAT(fresh.kept[0], AllOf(HasSubstr("no longer in the file"), HasSubstr("write '")));
    EXPECT_EQ(fresh.options.agent.allow, before.agent.allow);
    EXPECT_EQ(fresh.options.thrift.allow, before.thrift.allow);
    EXPECT_EQ(fresh.options.thrift.trust_forwarders, before.thrift.trust_forwarders);
    EXPECT_EQ(fresh.options.result.accept_unknown, before.result.accept_unknown);
  }
}

TEST(ConfigReload, AGuardIsLiftedOrChangedByAValue) {
  const auto lifted = reload("agent.allow=10.0.0.0/8\n", "agent.allow=\n");
  EXPECT_THAT(lifted.kept, IsEmpty());
  EXPECT_TRUE(lifted.options.agent.allow.empty());
  const auto changed = reload("agent.allow=10.0.0.0/8\n", "agent.allow=10.1.0.0/16\n");
  EXPECT_EQ(changed.options.agent.allow.text(), "10.1.0.0/16");
}

TEST(ConfigReload, WhatNeedsARestartIsToldAndNotTaken) {
  const auto fresh = reload("mq.port=1\n", "mq.port=2\njob.grace=7\nprocessor.a=127.0.0.1:1\n");
  EXPECT_THAT(fresh.later, ElementsAre("mq.port is '2' in the file: it stays '1' until a restart"));
  EXPECT_EQ(fresh.options.mq.port, 1);
  EXPECT_EQ(fresh.options.job.grace.count(), 7);
  EXPECT_EQ(fresh.options.processor.addresses.count("a"), 1u);
}

TEST(ConfigReload, SecretsAreComparedAndNeverShown) {
  const auto fresh = reload("mq.password=sesame\nadmin.token=sesame\n", "mq.password=open\n");
  EXPECT_EQ(fresh.options.admin.token, "sesame");
  ASSERT_EQ(fresh.kept.size(), 1u);
  ASSERT_EQ(fresh.later.size(), 1u);
  EXPECT_THAT(fresh.kept[0], AllOf(HasSubstr("admin.token"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(fresh.later[0],
              AllOf(HasSubstr("mq.password"), Not(HasSubstr("open")), Not(HasSubstr("sesame"))));
}

TEST(ConfigReload, LiveKeysAreNamedByTheirRooms) {
  EXPECT_THAT(live_keys(), AllOf(HasSubstr("agent.*"), HasSubstr("job.grace"), HasSubstr("thrift.allow"),
                                 Not(HasSubstr("mq."))));
}

}  // namespace
}  // namespace elves::config
