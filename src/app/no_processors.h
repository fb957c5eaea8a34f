// The processor client of a scheduler that knows no processor's address.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

#include "dispatch/ports.h"

namespace elves::app {

class NoProcessors final : public ProcessorClient {
 public:
  explicit NoProcessors(boost::asio::io_context& loop) : loop_(loop) {}

  void notify(JobPtr job, const WorkerAnswer&, std::function<void(Stage)> done) override {
    boost::asio::post(loop_, [job = std::move(job), done = std::move(done)] {
      done(Stage{false, Error{ErrorCode::app_not_found, "no processor address known for " + job->app},
                 Millis(0)});
    });
  }

 private:
  boost::asio::io_context& loop_;
};

}  // namespace elves::app
