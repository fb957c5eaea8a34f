#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <future>
#include <memory>
#include <vector>

#include "base/in_turn.h"
#include "base/resolver.h"
#include "unit/wire_loop.h"

namespace elves {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::test::Loop;

// A system that answers when it is let go. Its names are this test's alone: look-ups are the process's.
struct System {
  std::promise<Result<Addresses>> answer;
  std::shared_future<Result<Addresses>> answered = answer.get_future().share();
  std::shared_ptr<std::atomic<int>> asked = std::make_shared<std::atomic<int>>(0);

  Resolver::LookUp look_up() {
    return [answered = answered, asked = asked](const std::string&) {
      ++*asked;
      return answered.get();
    };
  }
};

TEST(Resolver, ALiteralNeedsNoLookUp) {
  Loop loop;
  Resolver resolver(loop.io,
                    [](const std::string&) -> Result<Addresses> { throw std::logic_error("asked"); });
  EXPECT_THAT(*loop.run(resolver.find("10.0.0.1", Loop::in(Seconds(0)))), ElementsAre("10.0.0.1"));
  EXPECT_THAT(*loop.run(resolver.find("::1", Loop::in(Seconds(0)))), ElementsAre("::1"));
}

TEST(Resolver, TheSystemKnowsItsOwnName) {
  Loop loop;
  Resolver resolver(loop.io);
  const auto found = loop.run(resolver.find("localhost", Loop::in(Seconds(10))));
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_THAT(*found, testing::Contains("127.0.0.1"));
}

TEST(Resolver, ANameThatNobodyKnowsIsSaidToBeOne) {
  Loop loop;
  Resolver resolver(loop.io);
  const auto found = loop.run(resolver.find("no..name", Loop::in(Seconds(10))));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::send_failed);
  EXPECT_THAT(found.error().detail, HasSubstr("the name no..name cannot be looked up: "));
}

TEST(Resolver, AskersOfOneNameShareALookUp) {
  Loop loop;
  System system;
  Resolver first(loop.io, system.look_up());
  Resolver second(loop.io, system.look_up());
  std::vector<Result<Addresses>> found;
  for (Resolver* one : {&first, &second, &first}) {
    asio::co_spawn(loop.io, one->find("shared.test", Loop::in(Seconds(20))),
                   [&](const std::exception_ptr&, Result<Addresses> answer) { found.push_back(answer); });
  }
  loop.until([&] { return *system.asked == 1; }, "the look-up");
  system.answer.set_value(Addresses{"10.0.0.1"});
  loop.until([&] { return found.size() == 3; }, "all answers");
  for (const auto& one : found) EXPECT_THAT(*one, ElementsAre("10.0.0.1"));
  EXPECT_EQ(*system.asked, 1);
}

TEST(Resolver, NobodyWaitsForASilentSystem) {
  System system;
  {
    Loop loop;
    Resolver resolver(loop.io, system.look_up());
    const auto late = loop.run(resolver.find("silent.test", Loop::in(Millis(20))));
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().detail,
                HasSubstr("the name silent.test cannot be looked up: no answer within "));

    std::optional<Result<Addresses>> cancelled;
    asio::co_spawn(
        loop.io, resolver.find("silent.test", Loop::in(std::chrono::hours(1))),
        [&](const std::exception_ptr&, Result<Addresses> answer) { cancelled = std::move(answer); });
    loop.io.poll();
    EXPECT_FALSE(cancelled);
    resolver.cancel();
    loop.until([&] { return cancelled.has_value(); }, "the end");
    EXPECT_FALSE(*cancelled);
    EXPECT_FALSE(loop.run(resolver.find("silent.test", Loop::in(std::chrono::hours(1)))));
  }
  // The loop is gone, and the thread is not; its answer reaches nobody.
  system.answer.set_value(Addresses{"10.0.0.1"});
}

TEST(Resolver, ALoopMayEndWithLookUpsInProgress) {
  System system;
  {
    Loop loop;
    const auto resolver = std::make_unique<Resolver>(loop.io, system.look_up());
    asio::co_spawn(loop.io, resolver->find("left.test", Loop::in(std::chrono::hours(1))),
                   [](const std::exception_ptr&, const Result<Addresses>&) {});
    loop.io.poll();
  }
  system.answer.set_value(Addresses{"10.0.0.1"});
}

class InTurn : public testing::Test {
 protected:
  Result<std::string> connect(const std::string& name, const std::string& good,
                              const std::string& doubtful = "") {
    const auto try_one = [&](const std::string& address, Deadline share) -> asio::awaitable<Result<void>> {
      tried_.push_back(address);
      shares_.push_back(share.at() - std::chrono::steady_clock::now());
      if (address == good) co_return Result<void>();
      co_return Error{ErrorCode::send_failed, "connection refused"};
    };
    return loop_.run(connect_in_turn(resolver_, name, Loop::in(Seconds(30)), try_one, doubtful));
  }

  Loop loop_;
  Resolver resolver_{loop_.io, [](const std::string&) -> Result<Addresses> {
                       return Addresses{"::1", "127.0.0.1", "127.0.0.2"};
                     }};
  std::vector<std::string> tried_;
  std::vector<SteadyTime::duration> shares_;
};

TEST_F(InTurn, EveryAddressIsTriedUntilOneIsGood) {
  EXPECT_EQ(*connect("three.test", "127.0.0.1"), "127.0.0.1");
  EXPECT_THAT(tried_, ElementsAre("::1", "127.0.0.1"));
}

TEST_F(InTurn, EachHasItsShareOfWhatIsLeft) {
  EXPECT_FALSE(connect("three.test", "none"));
  ASSERT_EQ(shares_.size(), 3U);
  EXPECT_LE(shares_[0], Seconds(10));
  EXPECT_GT(shares_[0], Seconds(7));
  EXPECT_GT(shares_[1], Seconds(12)) << "what the first did not use is the others'";
  EXPECT_GT(shares_[2], Seconds(25));
}

TEST_F(InTurn, TheErrorNamesEachAddress) {
  EXPECT_EQ(connect("three.test", "none").error().detail,
            "::1: connection refused; 127.0.0.1: connection refused; 127.0.0.2: connection refused");
  EXPECT_EQ(connect("10.0.0.9", "none").error().detail, "connection refused");
}

TEST_F(InTurn, WhatWasOfNoUseComesLast) {
  EXPECT_TRUE(connect("three.test", "none", "::1").has_error());
  EXPECT_THAT(tried_, ElementsAre("127.0.0.1", "127.0.0.2", "::1"));
}

TEST_F(InTurn, WithoutADoubtTheOrderIsTheSystems) {
  const auto try_one = [&](const std::string& address, Deadline) -> asio::awaitable<Result<void>> {
    tried_.push_back(address);
    co_return Error{ErrorCode::send_failed, "connection refused"};
  };
  const std::string name = "three.test";
  EXPECT_FALSE(loop_.run(connect_in_turn(resolver_, name, Loop::in(Seconds(30)), try_one)));
  EXPECT_THAT(tried_, ElementsAre("::1", "127.0.0.1", "127.0.0.2"));
}

TEST_F(InTurn, NothingIsTriedOnceItIsCancelled) {
  resolver_.cancel();
  EXPECT_FALSE(connect("10.0.0.9", "10.0.0.9"));
  EXPECT_TRUE(tried_.empty());
}

}  // namespace
}  // namespace elves
