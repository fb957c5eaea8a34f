// Which instruction is one that was taken before.
#include "worker_state_fixture.h"

namespace elves::worker::test {
namespace {

class WorkerMatching : public StateFixture {
 public:
  WorkerMatching() { open(); }
};

TEST_F(WorkerMatching, TheSameExecutionIsKnownInEveryState) {
  const auto ins = some("cron", "1", "E1");
  const auto first = take(ins);
  EXPECT_EQ(first.kind, Kind::taken);
  const auto expect = [&](Kind kind) {
    const auto decision = take(ins);
    EXPECT_EQ(decision.kind, kind);
    EXPECT_EQ(decision.number, first.number);
  };
  expect(Kind::known);
  start(first.number);
  expect(Kind::known);
  end(first.number);
  expect(Kind::known);
  open_again();
  expect(Kind::known);
  state->report(first.number, true);
  expect(Kind::reported);
  open_again();
  expect(Kind::reported);
}

TEST_F(WorkerMatching, ManyAtOnceAreTakenOnce) {
  const Offer offer{.instruction = some("queue", "1", "E1"), .refusal = ""};
  const auto decisions = take(std::vector<Offer>(100, offer));
  ASSERT_EQ(decisions.size(), 100U);
  EXPECT_EQ(decisions[0].kind, Kind::taken);
  for (std::size_t i = 1; i < decisions.size(); ++i) {
    EXPECT_EQ(decisions[i].kind, Kind::known);
    EXPECT_EQ(decisions[i].number, decisions[0].number);
  }
}

TEST_F(WorkerMatching, ACronsNextFiringIsNew) {
  take(some("cron", "1", "E1"));
  EXPECT_EQ(take(some("cron", "1", "E2")).kind, Kind::taken);
  EXPECT_EQ(take(some("cron", "1", "")).kind, Kind::taken);
  EXPECT_EQ(take(some("cron", "1", "")).kind, Kind::taken);
}

TEST_F(WorkerMatching, ACronThatMayBeARepeatIsToldByItsRequest) {
  const auto first = take(some("cron", "1", "E1"));
  EXPECT_EQ(take(repeat(some("cron", "1", "E2"))).number, first.number);
  auto other = repeat(some("cron", "1", "E3"));
  other.request = "00000000000000BB";
  EXPECT_EQ(take(other).kind, Kind::taken);
  other.request = "";
  other.exec_id = "E4";
  EXPECT_EQ(take(other).kind, Kind::taken);
  auto app = repeat(some("cron", "1", "E5"));
  app.app = "other";
  EXPECT_EQ(take(app).kind, Kind::taken);
  EXPECT_EQ(take(repeat(some("cron", "2", "E6"))).kind, Kind::taken);
  EXPECT_EQ(take(repeat(some("queue", "1", "E7"))).kind, Kind::taken);
}

TEST_F(WorkerMatching, AReportedCronIsTakenForItsRepeatForAMinute) {
  const auto first = report(some("cron", "1", "E1"));
  clock.advance(Millis(59999));
  const auto soon = take(repeat(some("cron", "1", "E2")));
  EXPECT_EQ(soon.kind, Kind::reported);
  EXPECT_EQ(soon.number, first);
  clock.advance(Millis(1));
  EXPECT_EQ(take(repeat(some("cron", "1", "E3"))).kind, Kind::taken);
}

TEST_F(WorkerMatching, AnOpenCronIsTakenForItsRepeatForEver) {
  const auto first = take(some("cron", "1", "E1"));
  clock.advance(std::chrono::hours(100));
  EXPECT_EQ(take(repeat(some("cron", "1", "E2"))).number, first.number);
  end(first.number);
  EXPECT_EQ(take(repeat(some("cron", "1", "E3"))).number, first.number);
}

TEST_F(WorkerMatching, AQueueTaskIsToldByItsId) {
  const auto first = take(some("queue", "1", "E1"));
  EXPECT_EQ(take(some("queue", "1", "E2")).number, first.number);
  end(first.number);
  state->report(first.number, true);
  clock.advance(std::chrono::hours(100));
  auto other_request = some("queue", "1", "E3");
  other_request.request = "00000000000000BB";
  EXPECT_EQ(take(other_request).kind, Kind::reported);
  EXPECT_EQ(take(some("queue", "2", "E4")).kind, Kind::taken);
  auto app = some("queue", "1", "E5");
  app.app = "other";
  EXPECT_EQ(take(app).kind, Kind::taken);
  EXPECT_EQ(take(some("cron", "1", "E6")).kind, Kind::taken);
}

TEST_F(WorkerMatching, WithoutAnIdNothingIsTheSame) {
  EXPECT_EQ(take(some("queue", "", "")).kind, Kind::taken);
  EXPECT_EQ(take(some("queue", "", "")).kind, Kind::taken);
}

TEST_F(WorkerMatching, WhatIsKnownIsAnsweredEvenIfItCouldNotBeRun) {
  const auto ins = some("queue", "1", "E1");
  EXPECT_EQ(take({Offer{.instruction = ins, .refusal = "no room"}}).at(0).why, "no room");
  const auto first = take(ins);
  EXPECT_EQ(first.kind, Kind::taken);
  EXPECT_EQ(take({Offer{.instruction = ins, .refusal = "no room"}}).at(0).kind, Kind::known);
}

TEST_F(WorkerMatching, ARepeatIsBroughtAsOneUnderItsFirstName) {
  const auto first = take(some("queue", "1", "E1"));
  EXPECT_EQ(take(some("queue", "1", "E2")).number, first.number);
  end(first.number);
  const auto found = results();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].result.exec_id, "E1");
  EXPECT_TRUE(found[0].result.may_be_repeat);
}

TEST_F(WorkerMatching, OneThatMayBeARepeatAndIsNewIsNotBroughtAsOne) {
  end(take(repeat(some("cron", "1", "E1"))).number);
  const auto found = results();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].result.may_be_repeat);
}

TEST_F(WorkerMatching, ARepeatWhileTheResultIsOnItsWayBringsItOnceMore) {
  const auto ins = some("cron", "1", "E1");
  const auto first = take(ins);
  end(first.number, "text");
  EXPECT_FALSE(results().at(0).result.may_be_repeat);
  EXPECT_EQ(take(repeat(some("cron", "1", "E2"))).kind, Kind::known);
  state->report(first.number, false);  // as it was sent before the repeat came
  loop.until([&] { return !again.empty(); }, "it to be brought again");
  EXPECT_TRUE(again[0].result.may_be_repeat);
  EXPECT_EQ(again[0].result.exec_id, "E1");
  EXPECT_EQ(again[0].result.answer.result, "text");
  state->report(first.number, true);
  EXPECT_TRUE(results().empty());
}

// As another scheduler sends it.
Instruction marked_repeat() {
  auto ins = StateFixture::some("cron", "1", "E2");
  ins.may_be_repeat = true;
  return ins;
}

TEST_F(WorkerMatching, AnOvertakenFirstSendingIsTheSame) {
  const auto taken = take(marked_repeat());
  ASSERT_EQ(taken.kind, Kind::taken);
  const auto first = take(some("cron", "1", "E1"));
  EXPECT_EQ(first.kind, Kind::known);
  end(taken.number);
  EXPECT_TRUE(results().at(0).result.may_be_repeat);
}

TEST_F(WorkerMatching, OnlyOneSendingWasOvertaken) {
  take(marked_repeat());
  take(some("cron", "1", "E1"));
  EXPECT_EQ(take(some("cron", "1", "E3")).kind, Kind::taken);
}

TEST_F(WorkerMatching, WhatComesLaterIsAnotherFiring) {
  take(marked_repeat());
  clock.advance(std::chrono::seconds(6));
  EXPECT_EQ(take(some("cron", "1", "E1")).kind, Kind::taken);
}

TEST_F(WorkerMatching, AnotherRequestWasNotOvertaken) {
  take(marked_repeat());
  auto other = some("cron", "1", "E1");
  other.request = "00000000000000BB";
  EXPECT_EQ(take(other).kind, Kind::taken);
}

}  // namespace
}  // namespace elves::worker::test
