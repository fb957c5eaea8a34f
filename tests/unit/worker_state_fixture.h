// For the tests of the agent's state: a real file in a folder of its own, a loop driven by hand, a clock that
// is set.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "wire_loop.h"
#include "worker/state.h"

namespace elves::worker::test {

using Kind = Decision::Kind;

class SetClock final : public Clock {
 public:
  SteadyTime now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return wall_; }
  void advance(Millis by) { wall_ = wall_.load() + by; }

 private:
  std::atomic<WallTime> wall_ = std::chrono::system_clock::now();  // the state's thread reads it
};

class StateFixture : public testing::Test {
 public:
  StateFixture() {
    std::string pattern = std::filesystem::temp_directory_path() / "elves-state-XXXXXX";
    root = std::filesystem::canonical(::mkdtemp(pattern.data()));
    options.folder = root / "var";
  }
  ~StateFixture() override {
    state.reset();
    std::filesystem::remove_all(root);
  }

  void open() {
    state = std::make_unique<State>(options, clock, [this](std::function<void()> action) {
      boost::asio::post(loop.io, std::move(action));
    });
    state->on_ended([this] { ++ended; });
    state->on_again([this](UnreportedResult result) { again.push_back(std::move(result)); });
  }
  // As after a crash of the program: what is durable is there.
  void open_again() {
    state.reset();
    open();
  }
  // Why it cannot be opened.
  std::string fault() {
    try {
      open();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  std::vector<Decision> take(std::vector<Offer> offers) {
    std::vector<Decision> got;
    bool done = false;
    state->take(std::move(offers), [&](std::vector<Decision> decisions) {
      got = std::move(decisions);
      done = true;
    });
    loop.until([&] { return done; }, "the decisions");
    return got;
  }
  Decision take(const Instruction& ins) { return take({Offer{.instruction = ins, .refusal = ""}}).at(0); }
  void start(Number number) {
    bool done = false;
    state->start(number, [&] { done = true; });
    loop.until([&] { return done; }, "the mark");
  }
  std::vector<UnreportedResult> results(std::int64_t after = 0) {
    std::vector<UnreportedResult> got;
    bool done = false;
    state->results(after, [&](std::vector<UnreportedResult> found) {
      got = std::move(found);
      done = true;
    });
    loop.until([&] { return done; }, "the results");
    return got;
  }
  void end(Number number, const std::string& text = "ok") {
    state->end(number, {.flag = 1, .costtime = 7, .result = text});
  }
  // Taken, run and reported.
  Number report(const Instruction& ins) {
    const auto number = take(ins).number;
    end(number);
    state->report(number, false);
    results();
    return number;
  }

  static Instruction some(const std::string& type, const std::string& id, const std::string& exec_id) {
    Instruction ins;
    ins.id = id;
    ins.type = type;
    ins.exec_id = exec_id;
    ins.app = "app";
    ins.func = "func";
    ins.param = std::string("any \0 bytes \xff", 13);
    ins.request = "00000000000000AA";
    ins.timeout = 30;
    return ins;
  }
  static Instruction repeat(Instruction ins) {
    ins.may_be_repeat = true;
    return ins;
  }

  std::filesystem::path root;
  SetClock clock;
  wire::test::Loop loop;
  StateOptions options;
  std::unique_ptr<State> state;
  int ended = 0;
  std::vector<UnreportedResult> again;
};

}  // namespace elves::worker::test
