#include <gtest/gtest.h>

#include "worker/output.h"

namespace elves::worker {
namespace {

constexpr const char* kGood = "<ElvesWFlag>true</ElvesWFlag> <ElvesWResult>done</ElvesWResult>\n";

TEST(WorkerOutput, ReadsFlagAndResult) {
  EXPECT_EQ(judge({}, kGood, ""), (WorkerAnswer{1, 0, "done"}));
  EXPECT_EQ(judge({}, "<ElvesWFlag>false</ElvesWFlag><ElvesWResult></ElvesWResult>", ""),
            (WorkerAnswer{0, 0, ""}));
}

TEST(WorkerOutput, ReadsAnyOrderAndPassesOverTheRest) {
  const auto report = parse_report(
      "starting\n<ElvesWResult>a\nb</ElvesWResult> x <ElvesWFlag>true</ElvesWFlag>\nbye "
      "<ElvesWFlag>false</ElvesWFlag>");
  EXPECT_EQ(report.flag, true);
  EXPECT_EQ(report.result, "a\nb");
}

TEST(WorkerOutput, FlagIsTrueInAnyCaseAndElseFalse) {
  const auto flag = [](const std::string& text) {
    return parse_report("<ElvesWFlag>" + text + "</ElvesWFlag>").flag;
  };
  for (const auto* yes : {"true", "True", "TRUE", " true\n"}) EXPECT_EQ(flag(yes), true) << yes;
  for (const auto* no : {"false", "", "1", "truet", "tru"}) EXPECT_EQ(flag(no), false) << no;
}

TEST(WorkerOutput, ResultMayHoldTagsItself) {
  const auto report = parse_report(
      "<ElvesWFlag>false</ElvesWFlag> <ElvesWResult>it said "
      "<ElvesWFlag>true</ElvesWFlag> <ElvesWResult>x</ElvesWResult> again</ElvesWResult>");
  EXPECT_EQ(report.flag, false);
  EXPECT_EQ(report.result, "it said <ElvesWFlag>true</ElvesWFlag> <ElvesWResult>x</ElvesWResult> again");
}

TEST(WorkerOutput, ResultIsAnyBytes) {
  const std::string bytes("\0\xff\n<", 4);
  EXPECT_EQ(parse_report("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>" + bytes + "</ElvesWResult>").result,
            bytes);
}

TEST(WorkerOutput, MissingTagsAreNoReport) {
  for (const auto* text :
       {"", "hello", "<ElvesWFlag>", "<ElvesWFlag>true", "</ElvesWFlag><ElvesWFlag>true"}) {
    EXPECT_EQ(parse_report(text).flag, std::nullopt) << text;
  }
  for (const auto* text : {"", "<ElvesWResult>x", "</ElvesWResult><ElvesWResult>"}) {
    EXPECT_EQ(parse_report(text).result, std::nullopt) << text;
  }
}

TEST(WorkerOutput, EveryCutOfAReportIsHarmless) {
  const std::string whole = kGood;
  for (std::size_t size = 0; size < whole.rfind('>'); ++size) {
    EXPECT_EQ(judge({}, whole.substr(0, size), "").flag, -1) << size;
  }
}

TEST(WorkerOutput, NoReportIsQuotedWithHowItEnded) {
  const auto answer = judge({.status = 3}, "first\nlast\n", "why\n");
  EXPECT_EQ(answer.flag, -1);
  EXPECT_EQ(answer.result,
            "worker printed no <ElvesWFlag>, exit status 3; last lines of its error output:\nwhy"
            "; last lines of its output:\nfirst\nlast");
  EXPECT_EQ(judge({}, "<ElvesWFlag>true</ElvesWFlag>", "").result.substr(0, 35),
            "worker printed no <ElvesWResult>, e");
}

TEST(WorkerOutput, ReportCountsWhateverTheExitStatus) { EXPECT_EQ(judge({.status = 1}, kGood, "").flag, 1); }

TEST(WorkerOutput, ReportDoesNotCountAfterASignal) {
  const auto answer = judge({.signal = 11}, kGood, "");
  EXPECT_EQ(answer.flag, -1);
  EXPECT_EQ(answer.result.find("worker was ended by signal 11 (Segmentation fault)"), 0U);
}

TEST(WorkerOutput, LastLinesStartAtALine) {
  EXPECT_EQ(last_lines("  a\nb \n", 100), "a\nb");
  EXPECT_EQ(last_lines("aaaa\nbb\ncc\n", 7), "bb\ncc");
  EXPECT_EQ(last_lines("aaaaaaaa", 3), "aaa");
  EXPECT_EQ(last_lines(" \n", 3), "");
}

}  // namespace
}  // namespace elves::worker
