// The second door: what agents bring to dataTransport goes to the dispatcher.
#pragma once

#include <functional>
#include <utility>

#include "dispatch/dispatcher.h"
#include "wire/service.h"

namespace elves::app {

class ResultDoor final : public wire::ResultSink {
 public:
  explicit ResultDoor(Dispatcher& dispatcher) : dispatcher_(dispatcher) {}

  void deliver(AgentResult result, std::function<void(bool)> done) override {
    dispatcher_.deliver(std::move(result), std::move(done));
  }

 private:
  Dispatcher& dispatcher_;
};

}  // namespace elves::app
