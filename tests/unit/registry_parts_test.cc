#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <vector>

#include "base/side_thread.h"
#include "registry/agent_states.h"
#include "registry/report.h"

namespace elves::registry {
namespace {

TEST(AgentStates, ForgetsThoseThatAreOfflineForLongest) {
  AgentStates states;
  for (int i = 0; i < 10; ++i) {
    states["10.0.0." + std::to_string(i)] = {i % 2 == 0, SteadyTime(Seconds(100 - i)), {}};
  }
  forget_offline(states, 5);
  EXPECT_EQ(states.size(), 10u);
  forget_offline(states, 2);
  EXPECT_EQ(states.size(), 7u);
  EXPECT_TRUE(states.contains("10.0.0.1"));
  EXPECT_TRUE(states.contains("10.0.0.3"));
  EXPECT_FALSE(states.contains("10.0.0.9"));
  forget_offline(states, 0);
  EXPECT_EQ(states.size(), 5u);
}

TEST(Report, TellsATroubleOnce) {
  Report report("here");
  EXPECT_TRUE(report.trouble("broken"));
  EXPECT_FALSE(report.trouble("broken"));
  EXPECT_EQ(report.why(), "broken");
  EXPECT_TRUE(report.trouble("otherwise broken"));
  report.fine("well");
  EXPECT_EQ(report.why(), "");
  EXPECT_TRUE(report.trouble("broken"));
}

TEST(SideThread, RunsEverythingInOrderBeforeItEnds) {
  std::vector<int> ran;
  SideThread side;
  for (int i = 0; i < 100; ++i) side.run([&ran, i] { ran.push_back(i); });
  EXPECT_TRUE(side.finish(Seconds(10)));
  ASSERT_EQ(ran.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[static_cast<std::size_t>(i)], i);
  side.run([&ran] { ran.clear(); });
  EXPECT_TRUE(side.finish(Seconds(10)));
  EXPECT_EQ(ran.size(), 100u);
}

TEST(SideThread, IsLeftToItselfWhenAJobHangs) {
  auto let_go = std::make_shared<std::promise<void>>();
  auto over = std::make_shared<std::promise<void>>();
  {
    SideThread side;
    side.run([let_go] { let_go->get_future().wait(); });
    side.run([over] { over->set_value(); });
    EXPECT_FALSE(side.finish(Millis(20)));
  }
  let_go->set_value();
  EXPECT_EQ(over->get_future().wait_for(Seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace elves::registry
