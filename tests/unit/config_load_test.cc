#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/keys.h"
#include "config/listen.h"
#include "config/load.h"
#include "config/properties.h"

namespace elves::config {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const Environment kNoEnvironment = [](const char*) { return std::nullopt; };

Environment with(const std::string& name, const std::string& value) {
  return [=](const char* asked) { return name == asked ? std::optional(value) : std::nullopt; };
}

Loaded load(const std::string& text, const Environment& environment = kNoEnvironment) {
  return load_text(text, "conf.properties", environment);
}

std::string all_text(const Loaded& loaded) {
  std::string all;
  for (const auto& finding : loaded.errors) all += finding.text() + "\n";
  for (const auto& finding : loaded.warnings) all += finding.text() + "\n";
  return all;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "elves-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string write(const std::string& name, const std::string& content, mode_t mode) const {
    const std::string file = path_ / name;
    std::ofstream(file) << content;
    ::chmod(file.c_str(), mode);
    return file;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(ConfigLoad, NothingGivenIsTheDefaults) {
  const auto loaded = load("");
  EXPECT_EQ(all_text(loaded), "");
  for (const auto& key : keys()) EXPECT_EQ(key.show(loaded.options), key.show(Options{})) << key.name;
  EXPECT_EQ(loaded.options.mq.password, "guest");
}

TEST(ConfigLoad, TheReferenceFileWorksUnchanged) {
  const auto loaded = load(
      "#zookeeper config\nzookeeper.host=192.168.6.117\nzookeeper.outTime=10000\nzookeeper.root = /elves\n\n"
      "#mq config\nmq.ip=192.168.6.117\nmq.port=5672\nmq.user=root\nmq.password=root\n");
  EXPECT_EQ(all_text(loaded), "");
  const Options& options = loaded.options;
  EXPECT_TRUE(options.zookeeper.enabled);
  EXPECT_EQ(options.zookeeper.host, "192.168.6.117");
  EXPECT_EQ(options.zookeeper.out_time, std::chrono::milliseconds(10000));
  EXPECT_EQ(options.zookeeper.root, "/elves");
  EXPECT_EQ(options.mq.ip, "192.168.6.117");
  EXPECT_EQ(options.mq.port, 5672);
  EXPECT_EQ(options.mq.user, "root");
  EXPECT_EQ(options.mq.password, "root");
}

TEST(ConfigLoad, EveryKindOfValueIsTakenOver) {
  const auto loaded = load(
      "thrift.outTime=250\nmq.heartbeat = 3 \nadmin.enabled=FALSE\nlog.level=debug\nlog.format=json\n"
      "agent.maxWaiting=0\nlog.maxBytes=4096\ndrain.timeout=0\nadmin.listen=[::1]:80\nmq.vhost=my vhost\n");
  EXPECT_EQ(all_text(loaded), "");
  const Options& options = loaded.options;
  EXPECT_EQ(options.thrift.out_time, std::chrono::milliseconds(250));
  EXPECT_EQ(options.mq.heartbeat, std::chrono::seconds(3));
  EXPECT_FALSE(options.admin.enabled);
  EXPECT_EQ(options.log.level, "debug");
  EXPECT_EQ(options.log.format, "json");
  EXPECT_EQ(options.agent.max_waiting, 0u);
  EXPECT_EQ(options.log.rotate_bytes, 4096u);
  EXPECT_EQ(options.drain, std::chrono::seconds(0));
  EXPECT_EQ(options.admin.listen, "[::1]:80");
  EXPECT_EQ(options.mq.vhost, "my vhost");
}

TEST(ConfigLoad, ABadValueNamesFileLineKeyAndWhatIsRight) {
  const auto loaded = load("\n\nmq.port=abc\n");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].text(),
            "conf.properties:3: mq.port: 'abc' is no port: a number from 1 to 65535");
  EXPECT_EQ(loaded.options.mq.port, 5672);
}

TEST(ConfigLoad, AllErrorsAreToldAtOnce) {
  const auto loaded = load("mq.port=0\nlog.level=loud\nadmin.enabled=perhaps\nmq.user=\\u12\n");
  EXPECT_EQ(loaded.errors.size(), 4u) << all_text(loaded);
}

class BadValue : public testing::TestWithParam<const char*> {};

TEST_P(BadValue, IsAnError) {
  const auto loaded = load(GetParam());
  ASSERT_EQ(loaded.errors.size(), 1u) << all_text(loaded);
  EXPECT_EQ(loaded.errors[0].line, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadValue,
    testing::Values("mq.port=", "mq.port=65536", "mq.port=-1", "mq.port=5672x", "mq.port=+1", "mq.port=5 672",
                    "mq.port=99999999999999999999", "mq.ip=", "mq.ip=a b", "mq.prefetch=65536",
                    "mq.heartbeat=0", "mq.maxMessage=1023", "mq.exchange=", "mq.exchange=a\\tb",
                    "mq.dead.maxLength=10000001", "thrift.scheduler.host=everywhere",
                    "thrift.scheduler.port=0", "thrift.outTime=10s", "thrift.outTime=0",
                    "job.defaultTimeout=604801", "agent.breaker.failures=-1", "agent.breaker.pause=0",
                    "job.retry.attempts=0", "job.retry.attempts=1001", "job.retry.pause=9",
                    "job.retry.maxPause=1s", "admin.listen=10180", "admin.listen=127.0.0.1",
                    "admin.listen=127.0.0.1:0", "admin.listen=::1:10180", "admin.listen=host:80",
                    "zookeeper.enabled=1", "zookeeper.enabled=true", "zookeeper.host=a, b",
                    "zookeeper.root=elves", "zookeeper.root=/elves/", "zookeeper.root=//elves",
                    "log.level=INFO", "log.file=a\\u0000b", "log.format=xml", "drain.timeout=forever"));

TEST(ConfigLoad, AnUnknownKeyIsAWarningNamingTheNearest) {
  const auto loaded = load("mq.passwort=geheim\nMQ.Port=1\nx\\u001b[2J=1\n");
  EXPECT_TRUE(loaded.errors.empty());
  ASSERT_EQ(loaded.warnings.size(), 3u);
  EXPECT_THAT(loaded.warnings[0].text(), AllOf(HasSubstr("conf.properties:1: mq.passwort: "),
                                               HasSubstr("is mq.password"), Not(HasSubstr("geheim"))));
  EXPECT_THAT(loaded.warnings[1].text(), HasSubstr("is mq.port"));
  EXPECT_THAT(loaded.warnings[2].text(), Not(HasSubstr("\x1b")));
}

TEST(ConfigLoad, TheLastOfARepeatedKeyWinsWithAWarning) {
  const auto loaded = load("mq.port=1\nmq.port=2\n");
  EXPECT_EQ(loaded.options.mq.port, 2);
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_EQ(loaded.warnings[0].line, 2);
  EXPECT_THAT(loaded.warnings[0].message, HasSubstr("line 1"));
}

TEST(ConfigLoad, AnAdminPortForOthersNeedsAToken) {
  for (const char* listen : {"0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"}) {
    const std::string line = std::string("admin.listen=") + listen + "\n";
    EXPECT_EQ(load(line).errors.size(), 1u) << listen;
    EXPECT_TRUE(load(line + "admin.token=t0ken").errors.empty()) << listen;
    EXPECT_TRUE(load(line, with("ELVES_ADMIN_TOKEN", "t0ken")).errors.empty()) << listen;
    EXPECT_TRUE(load(line + "admin.enabled=false").errors.empty()) << listen;
  }
  for (const char* listen :
       {"127.0.0.1:80", "127.8.0.1:80", "[::1]:80", "localhost:80", "[::ffff:127.0.0.1]:80"}) {
    EXPECT_TRUE(load(std::string("admin.listen=") + listen).errors.empty()) << listen;
  }
}

TEST(ConfigLoad, ZookeeperIdentityIsUserAndPassword) {
  EXPECT_EQ(load("zookeeper.auth=user:pass:word").options.zookeeper.auth, "user:pass:word");
  for (const char* wrong : {"user", "user:", ":password", ":"}) {
    const auto loaded = load(std::string("zookeeper.auth=") + wrong);
    ASSERT_EQ(loaded.errors.size(), 1u) << wrong;
    EXPECT_EQ(loaded.errors[0].message, "is no identity: user:password");
  }
}

TEST(ConfigLoad, ZookeeperIsEnabledByItsHost) {
  EXPECT_TRUE(load("zookeeper.host=a:2181").options.zookeeper.enabled);
  EXPECT_FALSE(load("zookeeper.host=").options.zookeeper.enabled);
  EXPECT_FALSE(load("zookeeper.host=a:2181\nzookeeper.enabled=false").options.zookeeper.enabled);
}

TEST(ConfigSecrets, TheEnvironmentWinsOverTheFileOverTheKey) {
  const TemporaryFolder folder;
  const std::string file = folder.write("password", "from file\r\n\n", 0600);
  const std::string text = "mq.password=from key\nmq.password.file=" + file + "\n";
  EXPECT_EQ(load("mq.password=from key").options.mq.password, "from key");
  const auto both = load(text);
  EXPECT_EQ(both.options.mq.password, "from file");
  ASSERT_EQ(both.warnings.size(), 1u);
  EXPECT_THAT(both.warnings[0].text(), HasSubstr("ignored: mq.password.file"));
  EXPECT_EQ(load(text, with("ELVES_MQ_PASSWORD", "from env")).options.mq.password, "from env");
  EXPECT_EQ(load(text, with("ELVES_MQ_PASSWORD", "")).options.mq.password, "from file");
}

TEST(ConfigSecrets, BlanksAtTheEndArePartOfASecret) {
  const auto loaded = load("mq.password=a \n");
  EXPECT_EQ(loaded.options.mq.password, "a ");
  EXPECT_EQ(loaded.warnings.size(), 1u);
}

TEST(ConfigSecrets, AnUnusableSecretFileIsAnError) {
  const TemporaryFolder folder;
  const std::string empty = folder.write("empty", "\n", 0600);
  const std::string large = folder.write("large", std::string(4097, 'x'), 0600);
  for (const std::string& file :
       {empty, large, folder.path().string(), (folder.path() / "missing").string()}) {
    const auto loaded = load("admin.token.file=" + file);
    ASSERT_EQ(loaded.errors.size(), 1u) << file;
    EXPECT_EQ(loaded.errors[0].key, "admin.token.file");
  }
}

TEST(ConfigSecrets, AreNeverInAMessage) {
  const TemporaryFolder folder;
  const std::string file = folder.write("password", "geheim", 0644);
  const auto loaded = load("mq.password=geheim \nmq.password=geheim\\uD800\nmq.password.file=" + file +
                           "\nadmin.token=geheim\nadmin.token=geheim");
  EXPECT_FALSE(loaded.errors.empty());
  EXPECT_FALSE(loaded.warnings.empty());
  EXPECT_THAT(all_text(loaded), Not(HasSubstr("geheim")));
}

TEST(ConfigSecrets, AFileThatEverybodyCanReadIsAWarning) {
  const TemporaryFolder folder;
  const std::string open = folder.write("open.properties", "mq.password=x\n", 0644);
  const std::string closed = folder.write("closed.properties", "mq.password=x\n", 0640);
  const std::string harmless = folder.write("harmless.properties", "mq.port=1\n", 0644);
  EXPECT_EQ(load_file(open, kNoEnvironment).warnings.size(), 1u);
  EXPECT_TRUE(load_file(closed, kNoEnvironment).warnings.empty());
  EXPECT_TRUE(load_file(harmless, kNoEnvironment).warnings.empty());
  const std::string secret = folder.write("secret", "x", 0644);
  EXPECT_EQ(load("mq.password.file=" + secret).warnings.size(), 1u);
}

TEST(ConfigFile, ThatCannotBeReadIsAnError) {
  const TemporaryFolder folder;
  const std::string large = folder.write("large", std::string((1 << 20) + 1, '#'), 0600);
  for (const std::string& file : {folder.path().string(), (folder.path() / "missing").string(), large}) {
    const auto loaded = load_file(file, kNoEnvironment);
    ASSERT_EQ(loaded.errors.size(), 1u) << file;
    EXPECT_THAT(loaded.errors[0].text(), HasSubstr(file + ": "));
  }
}

std::string read_all(const std::filesystem::path& file) {
  std::ostringstream content;
  content << std::ifstream(file).rdbuf();
  return content.str();
}

std::filesystem::path source_folder() { return std::filesystem::path(ELVES_TESTS) / ".."; }

TEST(ConfigFile, TheShippedOneIsCleanAndShowsTheDefaults) {
  const std::string shipped = read_all(source_folder() / "conf/conf.properties");
  EXPECT_EQ(all_text(load(shipped)), "");

  std::string uncommented;
  std::istringstream lines(shipped);
  for (std::string line; std::getline(lines, line);) {
    const bool setting = line.starts_with('#') && line.find('=') != std::string::npos;
    if (!line.starts_with('#')) uncommented += line + "\n";
    if (setting && !line.starts_with("#zookeeper.host")) uncommented += line.substr(1) + "\n";
  }
  const auto loaded = load(uncommented, with("ELVES_MQ_PASSWORD", "x"));
  for (const auto& key : keys()) EXPECT_EQ(key.show(loaded.options), key.show(Options{})) << key.name;
  for (const auto name : key_names())
    EXPECT_THAT("\n" + shipped, ContainsRegex("\n#?" + std::string(name) + "="));
}

TEST(ConfigPage, ShowsEveryDefault) {
  const std::string page = read_all(source_folder() / "docs/configuration.md");
  for (const auto& key : keys()) {
    const std::string value = key.show(Options{});
    const std::string cell = value.empty() ? " |" : " `" + value + "` |";
    EXPECT_THAT(page, HasSubstr("| `" + std::string(key.name) + "` |" + cell));
  }
}

TEST(ListenAddress, IsTakenApart) {
  const auto v6 = parse_listen("[::1]:8080");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 8080);
  EXPECT_EQ(parse_listen("localhost:1")->host, "127.0.0.1");
  EXPECT_FALSE(parse_listen("[127.0.0.1]:1"));
  EXPECT_FALSE(parse_listen("[]:1"));
  EXPECT_FALSE(parse_listen(":1"));
}

}  // namespace
}  // namespace elves::config
