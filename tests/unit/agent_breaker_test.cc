#include <gtest/gtest.h>

#include "agent/breaker.h"

namespace elves::agent {
namespace {

using Pass = Breaker::Pass;

// A breaker with its time.
struct Bench {
  Pass ask() { return breaker.ask(options, now); }
  bool fail(Pass pass) { return breaker.unanswered(pass, options, now); }
  // As many failures in a row as it takes.
  void open() {
    for (std::uint32_t i = 0; i < options.failures; ++i) fail(ask());
  }

  Breaker breaker;
  BreakerOptions options{3, Seconds(10)};
  SteadyTime now{Seconds(1000)};
};

TEST(Breaker, OpensOnceAfterFailuresInARow) {
  Bench bench;
  EXPECT_FALSE(bench.fail(bench.ask()));
  EXPECT_FALSE(bench.fail(bench.ask()));
  EXPECT_EQ(bench.ask(), Pass::normal);
  EXPECT_TRUE(bench.fail(Pass::normal));
  EXPECT_EQ(bench.ask(), Pass::refused);
  EXPECT_EQ(bench.breaker.reason("agent", bench.now),
            "the agent did not answer 3 times in a row; not tried again for 1 s");
}

TEST(Breaker, OneSuccessBetweenStartsTheCountAnew) {
  Bench bench;
  for (int i = 0; i < 10; ++i) {
    bench.fail(bench.ask());
    bench.fail(bench.ask());
    EXPECT_FALSE(bench.breaker.reached());
  }
  EXPECT_EQ(bench.ask(), Pass::normal);
}

TEST(Breaker, LetsOneProbeThroughAfterThePause) {
  Bench bench;
  bench.open();
  bench.now += Seconds(1) - Millis(1);
  EXPECT_EQ(bench.ask(), Pass::refused);
  bench.now += Millis(1);
  EXPECT_FALSE(bench.breaker.refuses(bench.options, bench.now));
  EXPECT_EQ(bench.ask(), Pass::probe);
  EXPECT_EQ(bench.ask(), Pass::refused);
  bench.now += Seconds(100);
  EXPECT_EQ(bench.ask(), Pass::refused);
  EXPECT_EQ(bench.breaker.reason("agent", bench.now),
            "the agent did not answer 3 times in a row; it is being tried");
}

TEST(Breaker, ProbeThatSucceedsClosesIt) {
  Bench bench;
  bench.open();
  bench.now += Seconds(10);
  bench.ask();
  EXPECT_TRUE(bench.breaker.reached());
  EXPECT_EQ(bench.ask(), Pass::normal);
  EXPECT_FALSE(bench.fail(Pass::normal));
  EXPECT_EQ(bench.ask(), Pass::normal);
}

TEST(Breaker, ThePauseBeginsWithASecondAndGrowsToItsLongest) {
  Bench bench;
  bench.open();
  for (const int pause : {1, 2, 4, 8, 10, 10}) {
    bench.now += Seconds(pause) - Millis(1);
    ASSERT_EQ(bench.ask(), Pass::refused) << pause;
    bench.now += Millis(1);
    ASSERT_EQ(bench.ask(), Pass::probe) << pause;
    bench.now += Seconds(3);  // that it takes to hear nothing
    EXPECT_FALSE(bench.fail(Pass::probe));
  }
  EXPECT_TRUE(bench.breaker.reached());
  bench.open();
  bench.now += Seconds(1);
  EXPECT_EQ(bench.ask(), Pass::probe) << "the next outage begins with a second again";
}

TEST(Breaker, ThePauseIsNeverLongerThanItsLongest) {
  Bench bench;
  bench.options.pause = Seconds(3);
  bench.open();
  for (const int pause : {1, 2, 3, 3}) {
    bench.now += Seconds(pause);
    ASSERT_EQ(bench.ask(), Pass::probe) << pause;
    EXPECT_FALSE(bench.fail(Pass::probe));
    EXPECT_EQ(bench.ask(), Pass::refused);
  }
}

TEST(Breaker, WhatFailsAtOnceNeverOpensIt) {
  Bench bench;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(bench.ask(), Pass::normal);
    EXPECT_FALSE(bench.breaker.failed_at_once(bench.now));
  }
  EXPECT_EQ(bench.breaker.failures(), 100U);
  EXPECT_FALSE(bench.fail(bench.ask())) << "one that nobody answers is the first of its kind";
  EXPECT_STREQ(bench.breaker.state(), "closed");
}

TEST(Breaker, AProbeThatIsRefusedClosesIt) {
  Bench bench;
  bench.open();
  bench.now += Seconds(1);
  ASSERT_EQ(bench.ask(), Pass::probe);
  EXPECT_TRUE(bench.breaker.failed_at_once(bench.now));
  EXPECT_EQ(bench.ask(), Pass::normal);
  EXPECT_EQ(bench.breaker.failures(), 4U);
}

TEST(Breaker, ProbeThatSaysNothingLeavesThePlaceToTheNext) {
  Bench bench;
  bench.open();
  bench.now += Seconds(1);
  bench.breaker.spared(bench.ask());
  EXPECT_EQ(bench.ask(), Pass::probe);
}

TEST(Breaker, FailuresOfWhatWasTriedBeforeItOpenedProlongNothing) {
  Bench bench;
  bench.open();
  bench.now += Millis(900);
  EXPECT_FALSE(bench.fail(Pass::normal));
  bench.now += Millis(100);
  ASSERT_EQ(bench.ask(), Pass::probe);
  EXPECT_FALSE(bench.fail(Pass::normal));
  EXPECT_EQ(bench.ask(), Pass::refused);  // the probe is still under way
}

TEST(Breaker, SuccessOfWhatWasTriedBeforeItOpenedClosesIt) {
  Bench bench;
  bench.open();
  EXPECT_TRUE(bench.breaker.reached());
  EXPECT_FALSE(bench.breaker.reached());
  EXPECT_EQ(bench.ask(), Pass::normal);
}

TEST(Breaker, SwitchedOffItNeverRefuses) {
  Bench bench;
  bench.options.failures = 0;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(bench.fail(bench.ask()));
  EXPECT_EQ(bench.ask(), Pass::normal);
}

TEST(Breaker, SwitchedOffWhileOpenItLetsGo) {
  Bench bench;
  bench.open();
  bench.options.failures = 0;
  EXPECT_EQ(bench.ask(), Pass::normal);
}

TEST(Breaker, IsForgottenOnlyWhenItKnowsNothing) {
  Bench bench;
  EXPECT_TRUE(bench.breaker.forgettable(bench.now, Seconds(0)));
  bench.open();
  bench.now += Millis(999);
  EXPECT_FALSE(bench.breaker.forgettable(bench.now, Seconds(0)));  // still open
  bench.now += Millis(1);
  EXPECT_TRUE(bench.breaker.forgettable(bench.now, Seconds(1)));
  EXPECT_FALSE(bench.breaker.forgettable(bench.now, Seconds(60)));
}

}  // namespace
}  // namespace elves::agent
