#include <gtest/gtest.h>

#include "agent/breaker.h"

namespace elves::agent {
namespace {

using Pass = Breaker::Pass;

// A breaker with its time.
struct Bench {
  Pass ask() { return breaker.ask(options, now); }
  bool fail(Pass pass) { return breaker.failed(pass, options, now); }
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
            "the agent could not be reached 3 times in a row; not tried again for 10 s");
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
  bench.now += Seconds(10) - Millis(1);
  EXPECT_EQ(bench.ask(), Pass::refused);
  bench.now += Millis(1);
  EXPECT_FALSE(bench.breaker.refuses(bench.options, bench.now));
  EXPECT_EQ(bench.ask(), Pass::probe);
  EXPECT_EQ(bench.ask(), Pass::refused);
  bench.now += Seconds(100);
  EXPECT_EQ(bench.ask(), Pass::refused);
  EXPECT_EQ(bench.breaker.reason("agent", bench.now),
            "the agent could not be reached 3 times in a row; it is being tried");
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

TEST(Breaker, ProbeThatFailsBeginsThePauseAnew) {
  Bench bench;
  bench.open();
  for (int i = 0; i < 5; ++i) {
    bench.now += Seconds(10);
    ASSERT_EQ(bench.ask(), Pass::probe);
    bench.now += Seconds(3);
    EXPECT_FALSE(bench.fail(Pass::probe));
    EXPECT_EQ(bench.ask(), Pass::refused);
  }
}

TEST(Breaker, ProbeThatSaysNothingLeavesThePlaceToTheNext) {
  Bench bench;
  bench.open();
  bench.now += Seconds(10);
  bench.breaker.spared(bench.ask());
  EXPECT_EQ(bench.ask(), Pass::probe);
}

TEST(Breaker, FailuresOfWhatWasTriedBeforeItOpenedProlongNothing) {
  Bench bench;
  bench.open();
  bench.now += Seconds(9);
  EXPECT_FALSE(bench.fail(Pass::normal));
  bench.now += Seconds(1);
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
  EXPECT_TRUE(bench.breaker.forgettable(bench.now, Seconds(5)));
  bench.open();
  bench.now += Seconds(6);
  EXPECT_FALSE(bench.breaker.forgettable(bench.now, Seconds(5)));  // still open
  bench.now += Seconds(4);
  EXPECT_TRUE(bench.breaker.forgettable(bench.now, Seconds(5)));
  EXPECT_FALSE(bench.breaker.forgettable(bench.now, Seconds(60)));
}

}  // namespace
}  // namespace elves::agent
