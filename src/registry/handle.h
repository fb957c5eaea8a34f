// One session with a ZooKeeper ensemble, over libzookeeper: requests whose answers are posted to the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

struct _zhandle;  // NOLINT(bugprone-reserved-identifier): libzookeeper's name

namespace elves::registry {

struct HandleOptions {
  std::string hosts;       // host:port,host:port
  Millis out_time{10000};  // asked for as session timeout; also bounds a connection's silence
  std::string auth;        // user:password, a secret; "" = none
};

// How a request ended.
enum class Status : std::uint8_t {
  ok,
  no_node,
  exists,
  refused,  // by an access list
  lost,     // with the connection or the session: it may have been carried out
  failed,   // anything else
};

using Names = std::vector<std::string>;  // sorted

struct Children {
  Status status = Status::ok;
  std::string error;  // of refused and failed
  std::shared_ptr<const Names> names;
  Names added;    // not known before
  Names removed;  // known before
  std::size_t total = 0;
};

struct Node {
  Status status = Status::ok;
  std::string error;
  std::string data;
  WallTime created{};
  std::int64_t owner = 0;  // the session that an ephemeral node ends with; 0 = it is none
};

struct Created {
  Status status = Status::ok;
  std::string error;
  std::string path;  // as made, with its number
};

// Where ZooKeeper's threads hand over to the loop, until it is closed: then nothing of what was posted is run
// any more. Any thread.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  using Post = std::function<void(std::function<void()>)>;

  explicit Gate(Post post) : post_(std::move(post)) {}
  void post(std::function<void()> action);
  void close();

 private:
  bool open() const;

  mutable std::mutex mutex_;
  Post post_;
};

// Opening and destroying block. Everything else returns at once, on the loop, and answers there by exactly
// one call of `done`, unless the gate is closed. What happens is posted in the order in which it happened,
// and nothing once the destructor has returned.
class Handle {
 public:
  enum class State : std::uint8_t { connecting, connected, expired, auth_failed };
  struct Events {
    std::function<void(State)> state;
    std::function<void(const std::string& path)> touched;  // something watched about this node has changed
  };

  // Throws std::runtime_error with the reason, such as a host name nobody knows. `events` are called on the
  // loop, for handles that are no longer looked at too.
  Handle(const HandleOptions& options, std::shared_ptr<Gate> gate, Events events);
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  State state() const;
  std::int64_t session() const;

  // Watches. At most `most` names, the first in their order; compared with `known` on ZooKeeper's thread.
  void children(const std::string& path, std::shared_ptr<const Names> known, std::size_t most,
                std::function<void(Children)> done);
  // Watches if so asked.
  void get(const std::string& path, bool watch, std::function<void(Node)> done);
  // Watches, a node that is not there too.
  void exists(const std::string& path, std::function<void(Status)> done);
  // Ephemeral: also numbered. With `auth`, only who has the same may do anything with it.
  void create(const std::string& path, const std::string& data, bool ephemeral,
              std::function<void(Created)> done);

 private:
  struct Context;
  template <class Answer>
  struct Call;

  static void on_event(_zhandle* zoo, int type, int state, const char* path, void* context);

  std::unique_ptr<Context> context_;
  _zhandle* zoo_;
  bool closed_list_;  // whether what is made is for the same identity only
};

// No line of libzookeeper's log reaches ours any more. Any thread.
void mute_zookeeper_log();

}  // namespace elves::registry
