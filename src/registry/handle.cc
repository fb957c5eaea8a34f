#include "registry/handle.h"

#include <fmt/format.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace elves::registry {
namespace {

std::atomic<bool> muted{false};

// "2026-11-25 14:00:00,000:1(0x7f):ZOO_WARN@function@line: text": what is before the level is in our log
// anyway.
void take_log_line(const char* line) {
  if (muted) return;
  const std::string_view text(line);
  const auto level = text.find("ZOO_");
  log::trace("libzookeeper: {}", text.substr(level == std::string_view::npos ? 0 : level));
}

Status status_of(int code) {
  switch (code) {
    case ZOK:
      return Status::ok;
    case ZNONODE:
      return Status::no_node;
    case ZNODEEXISTS:
      return Status::exists;
    case ZNOAUTH:
    case ZINVALIDACL:
      return Status::refused;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZINVALIDSTATE:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
    case ZSESSIONCLOSEDREQUIRESASLAUTH:
    case ZAUTHFAILED:
    case ZCLOSING:
      return Status::lost;
    default:
      return Status::failed;
  }
}

Handle::State state_of(int state) {
  if (state == ZOO_CONNECTED_STATE) return Handle::State::connected;
  if (state == ZOO_EXPIRED_SESSION_STATE) return Handle::State::expired;
  if (state == ZOO_AUTH_FAILED_STATE) return Handle::State::auth_failed;
  return Handle::State::connecting;
}

// Compares two sorted lists, here so that the loop does not have to.
void compare(Children& answer, const Names* known) {
  const Names none;
  const Names& before = known ? *known : none;
  std::ranges::set_difference(*answer.names, before, std::back_inserter(answer.added));
  std::ranges::set_difference(before, *answer.names, std::back_inserter(answer.removed));
}

std::shared_ptr<const Names> taken_over(const String_vector& strings, std::size_t most) {
  auto names = std::make_shared<Names>(strings.data, strings.data + strings.count);
  std::ranges::sort(*names);
  if (names->size() > most) names->resize(most);
  return names;
}

}  // namespace

void mute_zookeeper_log() { muted = true; }

void Gate::post(std::function<void()> action) {
  std::lock_guard lock(mutex_);
  if (!post_) return;
  post_([gate = shared_from_this(), action = std::move(action)] {
    if (gate->open()) action();
  });
}

bool Gate::open() const {
  std::lock_guard lock(mutex_);
  return post_ != nullptr;
}

void Gate::close() {
  std::lock_guard lock(mutex_);
  post_ = nullptr;
}

struct Handle::Context {
  std::shared_ptr<Gate> gate;
  Events events;
};

// One request under way; libzookeeper hands it back with the answer.
template <class Answer>
struct Handle::Call {
  Gate* gate;
  std::function<void(Answer)> done;
  std::shared_ptr<const Names> known{};
  std::size_t most = 0;

  // Ends the request with what `fill` makes of the answer when there is one.
  static void end(int code, const void* data, const auto& fill) {
    const std::unique_ptr<const Call> call(static_cast<const Call*>(data));
    Answer answer;
    answer.status = status_of(code);
    if (code == ZOK) {
      fill(answer, *call);
    } else {
      answer.error = zerror(code);
    }
    call->gate->post([done = call->done, answer = std::move(answer)]() mutable { done(std::move(answer)); });
  }
  // When libzookeeper has not taken it.
  static void check(int code, const Call* call) {
    if (code != ZOK) end(code, call, [](Answer&, const Call&) {});
  }
};

Handle::Handle(const HandleOptions& options, std::shared_ptr<Gate> gate, Events events)
    : context_(std::make_unique<Context>(std::move(gate), std::move(events))),
      zoo_(nullptr),
      closed_list_(!options.auth.empty()) {
  zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
  zoo_ = zookeeper_init2(options.hosts.c_str(), &Handle::on_event, static_cast<int>(options.out_time.count()),
                         nullptr, context_.get(), ZOO_NO_LOG_CLIENTENV, &take_log_line);
  if (!zoo_) throw std::runtime_error(std::strerror(errno));
  if (options.auth.empty()) return;
  const auto length = static_cast<int>(options.auth.size());
  zoo_add_auth(zoo_, "digest", options.auth.data(), length, nullptr, nullptr);
}

Handle::~Handle() { zookeeper_close(zoo_); }

void Handle::on_event(_zhandle* zoo, int type, int state, const char* path, void*) {
  const auto* context = static_cast<const Context*>(zoo_get_context(zoo));
  if (type == ZOO_SESSION_EVENT) {
    context->gate->post([report = context->events.state, now = state_of(state)] { report(now); });
  } else {
    context->gate->post([report = context->events.touched, node = std::string(path)] { report(node); });
  }
}

Handle::State Handle::state() const { return state_of(zoo_state(zoo_)); }

std::int64_t Handle::session() const { return zoo_client_id(zoo_)->client_id; }

void Handle::children(const std::string& path, std::shared_ptr<const Names> known, std::size_t most,
                      std::function<void(Children)> done) {
  using Request = Call<Children>;
  auto* call = new Request{context_->gate.get(), std::move(done), std::move(known), most};
  const auto answered = [](int code, const String_vector* strings, const void* data) {
    Request::end(code, data, [strings](Children& answer, const Request& asked) {
      answer.total = static_cast<std::size_t>(strings->count);
      answer.names = taken_over(*strings, asked.most);
      compare(answer, asked.known.get());
    });
  };
  Request::check(zoo_aget_children(zoo_, path.c_str(), 1, answered, call), call);
}

void Handle::get(const std::string& path, bool watch, std::function<void(Node)> done) {
  using Request = Call<Node>;
  auto* call = new Request{context_->gate.get(), std::move(done)};
  const auto answered = [](int code, const char* value, int length, const Stat* stat, const void* data) {
    Request::end(code, data, [=](Node& answer, const Request&) {
      if (length > 0) answer.data.assign(value, static_cast<std::size_t>(length));
      answer.created = WallTime(Millis(stat->ctime));
      answer.owner = stat->ephemeralOwner;
    });
  };
  Request::check(zoo_aget(zoo_, path.c_str(), watch ? 1 : 0, answered, call), call);
}

void Handle::exists(const std::string& path, std::function<void(Status)> done) {
  using Request = Call<Node>;
  auto* call =
      new Request{context_->gate.get(), [done = std::move(done)](const Node& node) { done(node.status); }};
  const auto answered = [](int code, const Stat*, const void* data) {
    Request::end(code, data, [](Node&, const Request&) {});
  };
  Request::check(zoo_aexists(zoo_, path.c_str(), 1, answered, call), call);
}

void Handle::create(const std::string& path, const std::string& data, bool ephemeral,
                    std::function<void(Created)> done) {
  using Request = Call<Created>;
  auto* call = new Request{context_->gate.get(), std::move(done)};
  const auto answered = [](int code, const char* made, const void* request) {
    Request::end(code, request, [made](Created& answer, const Request&) { answer.path = made; });
  };
  const ACL_vector& list = closed_list_ ? ZOO_CREATOR_ALL_ACL : ZOO_OPEN_ACL_UNSAFE;
  const int code = zoo_acreate(zoo_, path.c_str(), data.data(), static_cast<int>(data.size()), &list,
                               ephemeral ? ZOO_EPHEMERAL_SEQUENTIAL : ZOO_PERSISTENT, answered, call);
  Request::check(code, call);
}

}  // namespace elves::registry
