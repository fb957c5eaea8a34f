// Destinations that the broker serves badly now: it refuses what is published there, or does not confirm it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/rarely.h"
#include "broker/pending.h"
#include "broker/refusal.h"

namespace elves::broker {

// Messages for such a destination wait here, in their order, and all others pass. One at a time goes out,
// after a pause that grows with every refusal; each confirm lets twice as many go, so that a queue with room
// again gets all of them soon. The log has a line when a destination is paused and one when it is served
// again. A destination that takes and refuses in turn stays paused, without a further line, until it has not
// refused for a while. It holds iterators: a message that is erased elsewhere must be forgotten first. Pure:
// the caller brings the time.
class PausedDestinations {
 public:
  // For how long a message waits, from when its destination was found paused: an answer that somebody waits
  // for, and anything else.
  struct Patience {
    Millis reply{300'000};
    Millis other{86'400'000};
  };
  struct Counts {
    std::size_t destinations = 0;
    std::size_t messages = 0;  // that wait for them here
  };

  explicit PausedDestinations(Patience patience) : patience_(patience) {}

  // Whether every destination is served; then nothing else need be called.
  bool empty() const { return destinations_.empty(); }
  Counts counts() const { return {destinations_.size(), waiting_}; }

  // True: the message waits here, and next() gives it when it is its turn. False: it may be sent.
  bool keep(PendingAt message, SteadyTime now);
  // A message whose turn it is.
  std::optional<PendingAt> next(SteadyTime now);
  // When next() may have one without further news; nullopt = never.
  std::optional<SteadyTime> due() const;

  // A message that next() gave and that was not sent after all.
  void withdrawn(Pending& message);

  // What the broker said of a message that was sent.
  void confirmed(const Pending& message, SteadyTime now);
  // It was refused, and waits here again. `why`: for people, of this destination.
  void refused(PendingAt message, const std::string& why, SteadyTime now);
  // Nothing may be published there; what was is to be kept() again.
  void forbidden(const Forbidden& place, const std::string& why, SteadyTime now);
  // It has not been confirmed for long: nothing more is sent there until something is, or on a new
  // connection.
  void silent(const Pending& message, SteadyTime now);

  // What has waited long enough; it is forgotten here.
  std::vector<PendingAt> give_up(SteadyTime now);
  // A new connection or channel: nothing is in flight, and what waited is handed in again.
  void begin_again(SteadyTime now);
  // Forgets destinations that have been served again for a while, and those that nothing waits for any more.
  void look(SteadyTime now);

 private:
  struct Name {
    std::string exchange;
    std::optional<std::string> routing_key;  // none = all that is published to the exchange
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  struct Destination {
    std::deque<PendingAt> waiting{};  // in the order of handing in
    Backoff backoff{kFirst, kMost};
    SteadyTime begun{};
    SteadyTime pause_until{};
    SteadyTime last_trouble{};
    std::size_t window = 1;     // so many at a time
    std::size_t in_flight = 0;  // sent because it was their turn
    std::uint64_t refusals = 0;
    bool taking = false;                  // the last word about it was good
    std::optional<SteadyTime> turn{};     // its place in turns_
    std::optional<SteadyTime> give_up{};  // not before this is one of `waiting` to be given up
  };
  using At = std::map<Name, Destination>::iterator;

  static constexpr Millis kFirst{500};
  static constexpr Millis kMost{60000};

  static std::string text_of(const Name& name);
  Millis patience_for(Outgoing::Kind kind) const;
  At find(const Outgoing& what);
  At pause(Name name, const std::string& why, SteadyTime now);
  void wait(At at, PendingAt message, SteadyTime now);
  void shut(At at, SteadyTime now);
  void schedule(At at);

  const Patience patience_;
  std::map<Name, Destination> destinations_;
  std::set<std::pair<SteadyTime, const Name*>> turns_;  // of those that have something to send
  std::size_t exchanges_ = 0;                           // of them without a routing key
  std::size_t waiting_ = 0;
  Rarely many_;  // lines about them when they are many
};

}  // namespace elves::broker
