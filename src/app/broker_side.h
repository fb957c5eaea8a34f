// The broker as the dispatcher sees it, with a broker or (standalone) without one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/consumer.h"
#include "broker/publisher.h"
#include "config/options.h"
#include "dispatch/dispatcher.h"

namespace elves::app {

// Loop thread only. Standalone it has nobody to publish to: jobs come in over HTTP and have no reply route.
class BrokerSide final : public Publisher, public DeliveryAcker, public NoticeReader {
 public:
  BrokerSide(boost::asio::io_context& loop, Timers& timers) : loop_(loop), timers_(timers) {}

  // Connects for publishing, now and whenever the connection is lost.
  void open(const config::Options& options, const Journal& journal, MetricsSink& metrics);
  // Takes requests, and what other schedulers tell, to the dispatcher. After open().
  void consume(const config::Options& options, const Journal& journal, Dispatcher& dispatcher,
               MetricsSink& metrics);
  // `stopped`: nothing more comes.
  void stop_consuming(std::function<void()> stopped);
  // Last words to the broker; the loop ends after them.
  void close();

  void publish(Publication&& what, std::function<void()> done) override;
  void acknowledge(DeliveryRef delivery) override;
  void read_notices(std::function<void()> done) override;

  // Both ways: requests come, and answers leave.
  bool connected() const;
  broker::AmqpPublisher::Counts publishing() const;
  // "" when all is well or there is no broker; else what is wrong, for people.
  std::string trouble() const;
  // The nodes that are connected to, for requests and for answers; "" for none.
  struct Places {
    std::string requests;
    std::string answers;
  };
  Places places() const;
  // How many exchanges and queues of the broker are otherwise than they are made here.
  std::size_t misfits() const { return consumer_ ? consumer_->misfits() : 0; }

 private:
  boost::asio::io_context& loop_;
  Timers& timers_;
  std::vector<std::function<void()>> reading_;  // who asked for notices
  std::optional<broker::AmqpPublisher> publisher_;
  std::optional<broker::Consumer> consumer_;
};

}  // namespace elves::app
