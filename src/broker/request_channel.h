// One channel of the consumer's connection: what is open on it, and what the broker is told of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace elves::broker {

// Delivery tags count up from 1, one by one, whichever consumer they are for. Loop thread only.
class RequestChannel {
 public:
  // Basic.Ack.
  using Tell = std::function<void(std::uint64_t tag, bool multiple)>;

  // Consumer `tag` gets what is delivered from now on, and may have `prefetch` of it open. One at a time.
  void begin(std::string tag, std::size_t prefetch);
  void end() { tag_.clear(); }
  bool consumes() const { return !tag_.empty(); }
  const std::string& consumer_tag() const { return tag_; }
  // How many deliveries its consumer may be sent yet, or has on their way.
  std::size_t room() const;
  // It has a consumer without room: the broker can have sent that no more than what is here.
  bool is_full() const { return consumes() && room() == 0; }

  void delivered(std::uint64_t tag);
  // The broker is to be told of this delivery, once.
  void acknowledge(std::uint64_t tag) { waiting_.push_back(tag); }
  // Tells it of all these: of those that continue the unbroken run of acknowledged ones in one word, of each
  // other one singly.
  void tell(const Tell& tell);
  // Deliveries that it was not told of.
  std::size_t open() const { return open_; }

 private:
  std::string tag_;  // of the consumer; "" when there is none
  std::size_t prefetch_ = 0;
  std::uint64_t begun_after_ = 0;  // tags above are those of this consumer
  std::size_t own_open_ = 0;       // of these
  std::size_t open_ = 0;
  std::uint64_t newest_ = 0;
  std::vector<std::uint64_t> waiting_;
  std::uint64_t run_ = 0;               // all up to here are acknowledged
  std::set<std::uint64_t> beyond_run_;  // and these
};

}  // namespace elves::broker
