// The addresses of a name, looked up as this machine does it for every program: hosts file, DNS and whatever
// else nsswitch.conf names. A look-up may take as long as it likes: it runs on a thread that nobody waits
// for, neither its asker beyond a deadline nor the process when it ends.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace elves {

// IP literals in the system's order of preference, none twice, never empty.
using Addresses = std::vector<std::string>;

// Blocks until the system has answered. Errors: send_failed, with the reason as a person knows it.
Result<Addresses> look_up(const std::string& name);

// Loop thread only. Askers of one name, from all resolvers of the process, share one look-up; a few names are
// looked up at a time, the others wait.
class Resolver {
 public:
  using LookUp = std::function<Result<Addresses>(const std::string& name)>;

  // `looked_up_by` runs on a thread of its own and may outlive the resolver.
  explicit Resolver(boost::asio::io_context& loop, LookUp looked_up_by = look_up);
  // As cancel().
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // A literal is its own address, at once. Errors: send_failed, also when the deadline comes first.
  boost::asio::awaitable<Result<Addresses>> find(std::string name, Deadline deadline);

  // Ends every find() in progress, and from now on at once.
  void cancel();
  bool cancelled() const;

 private:
  struct Wait;
  struct Asker;

  boost::asio::io_context& loop_;
  const LookUp look_up_;
  const std::shared_ptr<Asker> asker_;
};

}  // namespace elves
