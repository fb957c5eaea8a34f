// processor.{app}: keys that end in a name of the user's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "config/keys.h"
#include "config/load.h"

namespace elves::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Loaded load(const std::string& text) {
  return load_text(text, "conf.properties", [](const char*) -> std::optional<std::string> { return {}; });
}

TEST(ConfigProcessors, AddressesAreTakenByApp) {
  const auto loaded = load(
      "processor.apptest = 10.0.0.7:11201\nprocessor.other.app=[fd00::7]:11202\nprocessor.timeout=5000\n"
      "processor.named=apps.example:80\n");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_EQ(loaded.options.processor.timeout, std::chrono::milliseconds(5000));
  EXPECT_THAT(loaded.options.processor.addresses,
              ElementsAre(Pair("apptest", "10.0.0.7:11201"), Pair("named", "apps.example:80"),
                          Pair("other.app", "[fd00::7]:11202")));
}

TEST(ConfigProcessors, WhatIsNoAddressIsAnError) {
  for (const std::string value : {"", "apps.example", "10.0.0.7:0", "10.0.0.7:x", "::1:80"}) {
    const auto loaded = load("processor.apptest=" + value + "\n");
    ASSERT_EQ(loaded.errors.size(), 1u) << value;
    EXPECT_THAT(loaded.errors[0].text(), HasSubstr(":1: processor.apptest: '" + value +
                                                   "' is no address of an app's processor: name:port"));
  }
}

TEST(ConfigProcessors, ASettingThatIsMisspelledIsNamed) {
  const auto loaded = load("processor.timout=5000\n");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_THAT(loaded.errors[0].text(), HasSubstr("the setting with the nearest name is processor.timeout"));
  for (const std::string key : {"procesor.apptest", "Processor.apptest", "processor."}) {
    EXPECT_EQ(nearest_key(key), "processor.{app}") << key;
  }
  EXPECT_EQ(nearest_key("mq.ipp"), "mq.ip");
}

}  // namespace
}  // namespace elves::config
