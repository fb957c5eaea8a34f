#include "base/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace elves {
namespace asio = boost::asio;
namespace {

using Answer = Result<Addresses>;

constexpr std::size_t kAtATime = 8;  // look-ups

bool is_literal(const std::string& name) {
  boost::system::error_code fault;
  asio::ip::make_address(name, fault);
  return !fault;
}

Error unknown(const std::string& name, const std::string& why) {
  return {ErrorCode::send_failed, fmt::format("the name {} cannot be looked up: {}", name, why)};
}

// The look-ups of all resolvers. It lives as long as the last thread, and so beyond the end of main().
class Desk {
 public:
  using Told = std::function<void(const Answer&)>;

  static Desk& of_process() {
    static Desk* const desk = new Desk;
    return *desk;
  }

  // `told` is called once, on another thread, or here when no thread can be had.
  void ask(const std::string& name, const Resolver::LookUp& look_up, Told told) {
    std::unique_lock lock(mutex_);
    auto& waiting = waiting_[name];
    waiting.push_back(std::move(told));
    if (waiting.size() > 1) return;
    names_.push_back({name, look_up});
    if (threads_ == kAtATime || start_thread() || threads_ > 0) return;
    names_.pop_back();
    const auto nobody = std::move(waiting_.extract(name).mapped());
    lock.unlock();
    for (const auto& tell : nobody) tell(unknown(name, "no thread can be started"));
  }

 private:
  struct Job {
    std::string name;
    Resolver::LookUp look_up;
  };

  // Signals are for the threads that know what to do with them.
  bool start_thread() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
      std::thread([this] { serve(); }).detach();
      ++threads_;
    } catch (const std::system_error&) {
      started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (!names_.empty()) {
      const Job job = std::move(names_.front());
      names_.pop_front();
      lock.unlock();
      const Answer answer = job.look_up(job.name);
      lock.lock();
      const auto waiting = std::move(waiting_.extract(job.name).mapped());
      lock.unlock();
      for (const auto& tell : waiting) tell(answer);
      lock.lock();
    }
    --threads_;
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<Told>> waiting_;  // by name
  std::deque<Job> names_;                             // that no thread has taken yet
  std::size_t threads_ = 0;
};

}  // namespace

Result<Addresses> look_up(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int fault = ::getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  if (fault == EAI_NONAME || fault == EAI_ADDRFAMILY) {  // localhost, where only loopback has an address
    wanted.ai_flags = 0;
    fault = ::getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  }
  if (fault != 0) return unknown(name, fault == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(fault));
  Addresses addresses;
  for (const auto* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) ==
            0 &&
        std::ranges::find(addresses, text.data()) == addresses.end())
      addresses.emplace_back(text.data());
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return unknown(name, "it has no address");
  return addresses;
}

// One find() in progress. Its timer is touched on the loop only.
struct Resolver::Wait {
  Wait(asio::io_context& loop, Deadline deadline) : over(loop, deadline.at()) {}
  asio::steady_timer over;  // expires at the deadline; cancelled when there is an answer, or will be none
  std::optional<Answer> answer;
};

// The resolver as other threads know it.
struct Resolver::Asker {
  explicit Asker(asio::io_context& io) : loop(&io) {}

  std::mutex mutex;
  asio::io_context* loop;                    // null once it is cancelled
  std::vector<std::shared_ptr<Wait>> waits;  // loop thread

  void tell(const std::weak_ptr<Wait>& waiting, const Answer& answer) {
    const std::lock_guard lock(mutex);
    if (loop == nullptr) return;
    asio::post(*loop, [waiting, answer] {
      const auto wait = waiting.lock();
      if (!wait) return;
      wait->answer = answer;
      wait->over.cancel();
    });
  }
};

Resolver::Resolver(asio::io_context& loop, LookUp looked_up_by)
    : loop_(loop), look_up_(std::move(looked_up_by)), asker_(std::make_shared<Asker>(loop)) {}

Resolver::~Resolver() { cancel(); }

void Resolver::cancel() {
  {
    const std::lock_guard lock(asker_->mutex);
    asker_->loop = nullptr;
  }
  for (const auto& wait : std::exchange(asker_->waits, {})) wait->over.cancel();
}

bool Resolver::cancelled() const { return asker_->loop == nullptr; }

asio::awaitable<Answer> Resolver::find(std::string name, Deadline deadline) {
  if (is_literal(name)) co_return Addresses{name};
  const auto asker = asker_;  // what is after the wait may come after this resolver
  if (cancelled()) co_return unknown(name, "it is not needed any more");
  const auto begun = std::chrono::steady_clock::now();
  const auto wait = std::make_shared<Wait>(loop_, deadline);
  asker->waits.push_back(wait);
  Desk::of_process().ask(name, look_up_, [asker, waiting = std::weak_ptr(wait)](const Answer& answer) {
    asker->tell(waiting, answer);
  });
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await wait->over.async_wait(token);
  std::erase(asker->waits, wait);
  if (wait->answer) co_return std::move(*wait->answer);
  if (asker->loop == nullptr) co_return unknown(name, "it is not needed any more");
  const auto waited = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun);
  co_return unknown(name, fmt::format("no answer within {} ms", waited.count()));
}

}  // namespace elves
