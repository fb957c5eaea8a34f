#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "config/load.h"

namespace elves::config {
namespace {

using testing::HasSubstr;

Loaded load(const std::string& text) {
  return load_text(text, "conf.properties", [](const char*) { return std::optional<std::string>(); });
}

std::string all_text(const Loaded& loaded) {
  std::string text;
  for (const auto& finding : loaded.errors) text += "error: " + finding.text() + "\n";
  for (const auto& finding : loaded.warnings) text += "warning: " + finding.text() + "\n";
  return text;
}

TEST(ConfigTls, IsOffUnlessAskedFor) {
  const auto& options = load("").options;
  EXPECT_FALSE(options.mq_tls.enabled);
  EXPECT_EQ(options.thrift_tls.port, 0);
  EXPECT_EQ(options.thrift_tls.agents, "off");
  EXPECT_TRUE(options.thrift.plain);
  EXPECT_EQ(options.admin_tls.cert, "");
}

TEST(ConfigTls, AWholeFleetOverTls) {
  const auto loaded = load(
      "thrift.tls.port=10102\nthrift.tls.cert=c\nthrift.tls.key=k\nthrift.tls.ca=a\n"
      "thrift.tls.clientCert=required\nthrift.tls.agents=require\nthrift.plain=false\nmq.tls.enabled=true\n"
      "admin.tls.cert=c\nadmin.listen=0.0.0.0:443\nadmin.token=t\nadmin.token.readOnly=r\n");
  EXPECT_EQ(all_text(loaded), "");
  EXPECT_EQ(loaded.options.thrift_tls.port, 10102);
  EXPECT_EQ(loaded.options.admin.read_only_token, "r");
}

struct Mistake {
  const char* text;
  const char* finding;
};

class ConfigTlsMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigTlsMistakes, AreNamedWithTheirKey) {
  EXPECT_THAT(all_text(load(GetParam().text)), HasSubstr(GetParam().finding));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigTlsMistakes,
    testing::Values(
        Mistake{"\nthrift.tls.port=1", "error: conf.properties:2: thrift.tls.port: needs thrift.tls.cert"},
        Mistake{"thrift.tls.port=10101\nthrift.tls.cert=c",
                "thrift.tls.port: is thrift.scheduler.port already"},
        Mistake{"thrift.tls.key=k", "error: conf.properties:1: thrift.tls.key: needs thrift.tls.cert"},
        Mistake{"thrift.tls.clientCert=required", "thrift.tls.clientCert: needs thrift.tls.ca"},
        Mistake{"thrift.tls.clientCert=maybe",
                "thrift.tls.clientCert: 'maybe' is no known choice: one of none"},
        Mistake{"thrift.tls.agents=on", "thrift.tls.agents: 'on' is no known choice: one of off, prefer"},
        Mistake{"thrift.plain=false", "error: conf.properties:1: thrift.plain: false needs thrift.tls.port"},
        Mistake{"mq.tls.key=k", "error: conf.properties:1: mq.tls.key: needs mq.tls.cert"},
        Mistake{"mq.tls.enabled=true\nmq.tls.verify=false",
                "warning: conf.properties:2: mq.tls.verify: false"},
        Mistake{"admin.tls.ca=a", "error: conf.properties:1: admin.tls.ca: needs admin.tls.cert"},
        Mistake{"admin.token=t\nadmin.token.readOnly=t",
                "admin.token.readOnly: must differ from admin.token"},
        Mistake{"admin.token=t\nadmin.listen=0.0.0.0:80",
                "warning: conf.properties:2: admin.listen: '0.0.0.0:80'"},
        Mistake{"admin.listen=0.0.0.0:80\nadmin.tls.cert=c", "and so needs admin.token"}));

}  // namespace
}  // namespace elves::config
