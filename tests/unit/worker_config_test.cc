#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/config.h"

namespace elves::worker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

LoadedConfig load(std::string_view text) { return load_config_text(text, "/r/conf/cfg.json", "/r/bin"); }

// The only error of `text`.
std::string error_of(std::string_view text) {
  const auto loaded = load(text);
  return loaded.errors.size() == 1 ? loaded.errors[0] : "there are " + std::to_string(loaded.errors.size());
}

// The file as the Elves agent ships it.
constexpr const char* kReleased = R"({
  "asset": "web-1", "ip": "10.1.2.3", "port": 11109,
  "heartbeat": {"comment": "c", "enabled": true, "addr": "10.0.0.1", "port": 11102, "interval": 60, "timeout": 5},
  "scheduler": {"addr": "10.0.0.2", "port": 10109, "timeout": 7},
  "agentcron": {"comment": "c", "enabled": true},
  "http": {"comment": "c", "enabled": true, "listen": ":19880"},
  "appsdownloadaddr": "http://10.0.0.1/",
  "apps": {"apptest": "2.0", "cmd": "1.1"},
  "devmode": {"comment": "c", "enabled": false, "authid": "1", "authkey": "123456789"}
})";

TEST(WorkerConfig, ReadsTheReleasedFile) {
  const auto [config, errors, warnings] = load(kReleased);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(config.asset, "web-1");
  EXPECT_EQ(config.ip, "10.1.2.3");
  EXPECT_EQ(config.listen, "10.1.2.3");
  EXPECT_EQ(config.port, 11109);
  EXPECT_THAT(config.scheduler.addresses, ElementsAre(HostPort{"10.0.0.2", 10109}));
  EXPECT_EQ(config.scheduler.timeout, Seconds(7));
  EXPECT_THAT(config.apps, ElementsAre("apptest", "cmd"));
  EXPECT_FALSE(config.any_app);
  EXPECT_EQ(config.launcher.apps, "/r/apps");
  ASSERT_THAT(config.ignored, SizeIs(4));
  EXPECT_THAT(config.ignored[0], HasSubstr("heartbeat"));
  EXPECT_THAT(config.ignored[1], HasSubstr("agentcron"));
  EXPECT_THAT(config.ignored[2], HasSubstr("http"));
  EXPECT_THAT(config.ignored[3], HasSubstr("appsdownloadaddr"));
}

TEST(WorkerConfig, OnlyIpIsNeeded) {
  const auto [config, errors, warnings] = load(R"({"ip": "127.0.0.1"})");
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(config.asset, "127.0.0.1");
  EXPECT_EQ(config.port, 11101);
  EXPECT_TRUE(config.scheduler.addresses.empty());
  EXPECT_TRUE(config.any_app);
  EXPECT_EQ(config.state.folder, "/r/var");
  EXPECT_EQ(config.state.max_bytes, 1024U * 1024 * 1024);
  EXPECT_EQ(config.state.remember.age, std::chrono::days(7));
  EXPECT_EQ(config.state.remember.count, 100'000U);
  EXPECT_THAT(config.ignored, IsEmpty());
  EXPECT_EQ(error_of("{}"),
            "/r/conf/cfg.json: ip: missing: the address of this machine that the scheduler calls");
}

TEST(WorkerConfig, IsLenientAboutTypesAndCase) {
  const auto [config, errors, warnings] = load(
      "\xEF\xBB\xBF"
      R"({
    // users' files vary
    "IP": "::1", "Port": "11102", "asset": 12, "authips": "10.0.0.1, 10.0.0.2;10.0.0.3", "apps": ["a", "b"],
    "Scheduler": {"Addr": "sched.example", "port": "", "timeout": "3"}, "http": null, "heartbeat": {"enabled": "false"},
    "devmode": true, "drainTimeout": 0, "worker": {"max": "3", "queue": 0, "maxoutput": 2048, "timeout": 5,
    "python": "/usr/bin/python2"}, "stateDir": "/srv/state", "state": {"maxbytes": "1048576", "keepdays": 1,
    "keepcount": 1000}, "log": {"level": "debug", "file": "logs/agent.log", "format": "json"},
  })");
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(config.ip, "::1");
  EXPECT_EQ(config.port, 11102);
  EXPECT_EQ(config.asset, "12");
  EXPECT_EQ(config.door.allow.text(), "10.0.0.1,10.0.0.2,10.0.0.3");
  EXPECT_THAT(config.scheduler.addresses, ElementsAre(HostPort{"sched.example", 10101}));
  EXPECT_EQ(config.scheduler.timeout, Seconds(3));
  EXPECT_TRUE(config.any_app);
  EXPECT_EQ(config.drain, Seconds(0));
  EXPECT_EQ(config.limits.max_running, 3U);
  EXPECT_EQ(config.limits.max_waiting, 0U);
  EXPECT_EQ(config.limits.max_output, 2048U);
  EXPECT_EQ(config.limits.default_timeout, Seconds(5));
  EXPECT_EQ(config.launcher.python, "/usr/bin/python2");
  EXPECT_EQ(config.state.folder, "/srv/state");
  EXPECT_EQ(config.state.max_bytes, 1048576U);
  EXPECT_EQ(config.state.remember.age, std::chrono::days(1));
  EXPECT_EQ(config.state.remember.count, 1000U);
  EXPECT_EQ(config.log.file, "/r/logs/agent.log");
  EXPECT_THAT(config.ignored, ElementsAre(HasSubstr("devmode")));
}

TEST(WorkerConfig, ErrorsNameTheKeyAndWhatWouldBeRight) {
  const std::string file = "/r/conf/cfg.json: ";
  EXPECT_EQ(error_of(R"({"ip":"10.1.2.300"})"), file + "ip: '10.1.2.300' is no IP address");
  EXPECT_EQ(error_of(R"({"ip":"::1","listen":"x"})"), file + "listen: 'x' is no IP address");
  for (const auto* port : {"0", "65536", "-1", "\"1.5\"", "true", "\"x\"", "\"11101 \"", "[]"}) {
    EXPECT_EQ(error_of(std::string(R"({"ip":"::1","port":)") + port + "}"),
              file + "port: " + port + " is no port: a number from 1 to 65535");
  }
  EXPECT_EQ(error_of(R"({"ip":"::1","authips":[""]})"),
            file + "authips: '' is no IP address, and no network");
  EXPECT_EQ(error_of(R"({"ip":"::1","authips":["10.0.0.1", 7]})"),
            file + "authips: '7' is no IP address, and no network");
  EXPECT_EQ(error_of(R"({"ip":"::1","scheduler":"10.0.0.1:10101"})"),
            file + "scheduler: must be an object, {...}");
  EXPECT_EQ(error_of(R"({"ip":"::1","scheduler":{"timeout":"5s"}})"),
            file + "scheduler.timeout: \"5s\" is no number of seconds: a number from 0 to 604800");
  EXPECT_EQ(error_of(R"({"ip":"::1","apps":{"../x":"1"}})"),
            file + "apps: '../x' cannot be the name of a folder");
  EXPECT_EQ(error_of(R"({"ip":"::1","asset":{}})"), file + "asset: must be a text in quotes");
  EXPECT_EQ(error_of(R"({"ip":"::1","worker":{"entry":"none.py"}})"),
            file + "worker.entry: there is no file /r/none.py");
  EXPECT_EQ(error_of(R"({"ip":"::1","log":{"level":"loud"}})"),
            file + "log.level: 'loud' is none of trace, debug, info, warn, error");
}

TEST(WorkerConfig, SchedulersMayBeSeveralEachWithAPort) {
  const auto schedulers = [](const std::string& addr) {
    const auto loaded = load(R"({"ip":"::1","scheduler":{"port":7,"addr":)" + addr + "}}");
    EXPECT_THAT(loaded.errors, IsEmpty());
    return loaded.config.scheduler.addresses;
  };
  const std::vector<HostPort> three{{"a", 7}, {"10.0.0.2", 8}, {"::1", 9}};
  EXPECT_EQ(schedulers(R"("a, 10.0.0.2:8,[::1]:9")"), three);
  EXPECT_EQ(schedulers(R"(["a", "10.0.0.2:8", "[::1]:9"])"), three);
  EXPECT_THAT(schedulers(R"("::1")"), ElementsAre(HostPort{"::1", 7}));
  EXPECT_THAT(schedulers(R"("")"), IsEmpty());
  EXPECT_EQ(error_of(R"({"ip":"::1","scheduler":{"addr":"a,b:x"}})"),
            "/r/conf/cfg.json: scheduler.addr: 'b:x' is no scheduler: a name or an IP address, with :port or "
            "without; several with commas between");
}

TEST(WorkerConfig, SilentConnectionsHaveTheirTimes) {
  EXPECT_EQ(load(R"({"ip":"::1"})").config.tcp, TcpLiveness());
  EXPECT_EQ(load(R"({"ip":"::1","tcp":{"keepalive":5,"usertimeout":0}})").config.tcp,
            (TcpLiveness{Seconds(5), Seconds(0)}));
}

TEST(WorkerConfig, ReportsAllErrorsAtOnce) {
  EXPECT_THAT(load(R"({"ip":"x","port":0,"scheduler":{"port":0},"worker":{"max":0}})").errors, SizeIs(4));
}

TEST(WorkerConfig, WhatIsNoJsonIsAnErrorWithItsLine) {
  EXPECT_THAT(error_of("{\n\n  nonsense"), HasSubstr("/r/conf/cfg.json:3: this is no JSON"));
  EXPECT_THAT(error_of("{\"ip\": \"::1\""), HasSubstr("this is no JSON"));
  EXPECT_THAT(error_of("{} {}"), HasSubstr("this is no JSON"));
  EXPECT_THAT(error_of(""), HasSubstr("this is no JSON"));
  EXPECT_EQ(error_of("[]"), "/r/conf/cfg.json: must hold one JSON object, {...}");
}

TEST(WorkerConfig, UnknownKeysAreWarnedOf) {
  EXPECT_THAT(load(R"({"ip":"::1","ports":1,"comment":"c","scheduler":{"adr":"x"}})").warnings,
              testing::IsSupersetOf(
                  {"/r/conf/cfg.json: ports: unknown key, ignored; is port meant?",
                   "/r/conf/cfg.json: scheduler.adr: unknown key, ignored; is scheduler.addr meant?"}));
}

TEST(WorkerConfig, RootIsTheFolderAboveConf) {
  const auto apps = [](const char* file) {
    return load_config_text(R"({"ip":"::1"})", file, "/").config.launcher.apps.string();
  };
  EXPECT_EQ(apps("/r/conf/cfg.json"), "/r/apps");
  EXPECT_EQ(apps("/r/other/../conf/cfg.json"), "/r/apps");
  EXPECT_EQ(apps("/etc/elves/agent.json"), "/etc/elves/apps");
  EXPECT_EQ(load_config_text(R"({"ip":"::1","appsdir":"/srv/apps"})", "/r/c.json", "/").config.launcher.apps,
            "/srv/apps");
}

TEST(WorkerConfig, FileThatCannotBeReadIsAnError) {
  EXPECT_THAT(load_config("/nowhere/cfg.json", "/").errors,
              ElementsAre("/nowhere/cfg.json: cannot be read: No such file or directory"));
  EXPECT_THAT(load_config("/", "/").errors, SizeIs(1));
}

}  // namespace
}  // namespace elves::worker
