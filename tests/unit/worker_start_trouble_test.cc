#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "worker/start_trouble.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Step = NotStarted::Step;

class StartTrouble : public ::testing::Test {
 protected:
  StartTrouble() {
    std::string name = (fs::temp_directory_path() / "elves-start-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~StartTrouble() override { fs::remove_all(folder_); }

  Command script(const std::string& text, fs::perms mode = fs::perms::owner_all) const {
    const auto file = folder_ / "run.sh";
    std::ofstream(file, std::ios::binary) << text;
    fs::permissions(file, mode);
    return {.argv = {file.string(), "app", "func", ""}, .folder = folder_, .input = "", .mark = ""};
  }
  static std::string why(const Command& command, int code) {
    return why_not_started(command, {code, Step::program});
  }

  fs::path folder_;
};

TEST_F(StartTrouble, WindowsLineEndsAreNamed) {
  EXPECT_THAT(why(script("#!/bin/bash\r\necho\r\n"), ENOENT),
              AllOf(HasSubstr("run.sh"), HasSubstr("'/bin/bash\\r'"), HasSubstr("line ends of Windows")));
}

TEST_F(StartTrouble, AMissingInterpreterIsNamed) {
  EXPECT_THAT(why(script("#! /opt/none/python -u\n"), ENOENT),
              HasSubstr("'/opt/none/python', which is not there"));
}

TEST_F(StartTrouble, AMissingPermissionIsNamedWithWhatToDo) {
  EXPECT_THAT(why(script("#!/bin/sh\n", fs::perms::owner_read), EACCES), HasSubstr("chmod +x"));
}

TEST_F(StartTrouble, WhatIsNoProgramIsDescribed) {
  EXPECT_THAT(why(script("echo hello\n"), ENOEXEC), HasSubstr("#!/bin/sh"));
  EXPECT_THAT(why(script(""), ENOEXEC), HasSubstr("empty"));
  EXPECT_THAT(why(script("\xEF\xBB\xBF#!/bin/sh\n"), ENOEXEC), HasSubstr("byte order mark"));
  std::string elf(
      "\x7F"
      "ELF\x02\x01\x01",
      7);
  elf.resize(64, '\0');
  elf[18] = static_cast<char>(183);  // e_machine: aarch64
  EXPECT_THAT(why(script(elf), ENOEXEC), HasSubstr("built for aarch64, and this machine is"));
}

TEST_F(StartTrouble, LimitsOfTheSystemAreNamed) {
  const auto command = script("#!/bin/sh\n");
  EXPECT_THAT(why_not_started(command, {EAGAIN, Step::process}), HasSubstr("TasksMax"));
  EXPECT_THAT(why_not_started(command, {EMFILE, Step::process}), HasSubstr("LimitNOFILE"));
  EXPECT_THAT(why_not_started(command, {EACCES, Step::folder}), HasSubstr(folder_.string()));
}

TEST_F(StartTrouble, ALikelyCauseIsGivenForWhatEndedWithoutAReport) {
  const auto command = script("#!/usr/bin/env python3\r\nprint()\r\n");
  EXPECT_THAT(doubts_about(command, 127, ""), HasSubstr("line ends of Windows"));
  EXPECT_THAT(doubts_about(script("#!/usr/bin/env pyton3\n"), 127, ""), HasSubstr("pyton3"));
  EXPECT_THAT(doubts_about(script("echo\r\n"), 1, "1: $'\\r': command not found"), HasSubstr("Windows"));
  EXPECT_THAT(doubts_about(script("#!/bin/sh\nexit 1\n"), 1, ""), IsEmpty());
  EXPECT_THAT(doubts_about(command, 1, "no disk"), IsEmpty());
}

}  // namespace
}  // namespace elves::worker
