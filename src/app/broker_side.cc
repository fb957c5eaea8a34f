#include "app/broker_side.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "app/settings.h"
#include "app/tls_sides.h"

namespace elves::app {
namespace asio = boost::asio;
namespace {

broker::BrokerOptions broker_options(const config::Options& options, const Journal& journal) {
  const auto& mq = options.mq;
  return {.host = mq.ip,
          .port = mq.port,
          .user = mq.user,
          .password = mq.password,
          .vhost = mq.vhost,
          .exchange = mq.exchange,
          .prefetch = mq.prefetch,
          .heartbeat = mq.heartbeat,
          .dead_max_length = mq.dead_max_length,
          .instance = journal.instance(),
          .durable_inbox = journal.durable(),
          .inbox_max_length = mq.peers_max_length,
          .inbox_expires = mq.peers_expires,
          .tls = broker_tls(options.mq_tls)};
}

}  // namespace

void BrokerSide::open(const config::Options& options, const Journal& journal, MetricsSink& metrics) {
  publisher_.emplace(
      broker_options(options, journal),
      [this](std::vector<std::function<void()>> done) {
        asio::post(loop_, [done = std::move(done)] {
          for (const auto& confirmed : done) confirmed();
        });
      },
      metrics);
}

void BrokerSide::consume(const config::Options& options, const Journal& journal, Dispatcher& dispatcher,
                         MetricsSink& metrics) {
  broker::Consumer::Handlers handlers;
  handlers.requests = [this, &dispatcher, fresh = options.mq.heartbeat](std::vector<Submission> batch) {
    const auto stale = std::chrono::steady_clock::now() + fresh;
    asio::post(loop_, [&dispatcher, stale, batch = std::move(batch)]() mutable {
      // After a pause of this process the broker may have delivered them to another scheduler, too.
      const bool again = std::chrono::steady_clock::now() > stale;
      for (Submission& submission : batch) {
        submission.redelivered = submission.redelivered || again;
        dispatcher.submit(std::move(submission));
      }
    });
  };
  handlers.notices = [this, &dispatcher](std::vector<broker::Consumer::Told> batch) {
    asio::post(loop_, [&dispatcher, batch = std::move(batch)] {
      for (const auto& told : batch) dispatcher.settled_elsewhere(told.notice, told.delivery);
    });
  };
  handlers.notices_read = [this] {
    asio::post(loop_, [this] {
      for (const auto& done : std::exchange(reading_, {})) done();
    });
  };
  handlers.lost = [this, &dispatcher] { asio::post(loop_, [&dispatcher] { dispatcher.deliveries_lost(); }); };
  consumer_.emplace(broker_options(options, journal), request_limits(options), std::move(handlers), metrics);
}

void BrokerSide::stop_consuming() {
  if (consumer_) consumer_->stop_consuming();
}

void BrokerSide::close() {
  if (publisher_) publisher_->request_stop();
  consumer_.reset();
  publisher_.reset();
}

void BrokerSide::publish(Publication what, std::function<void()> done) {
  if (publisher_) return publisher_->publish(std::move(what), std::move(done));
  asio::post(loop_, std::move(done));
}

void BrokerSide::acknowledge(DeliveryRef delivery) {
  if (consumer_) consumer_->acknowledge(delivery);
}

void BrokerSide::read_notices(std::function<void()> done) {
  if (!publisher_) return asio::post(loop_, std::move(done));
  reading_.push_back(std::move(done));
  if (consumer_) consumer_->read_notices();
}

bool BrokerSide::connected() const {
  return publisher_ && consumer_ && consumer_->connected() && publisher_->connected();
}

std::string BrokerSide::trouble() const {
  if (!publisher_ || !consumer_) return "";
  if (!consumer_->connected()) return consumer_->trouble();
  return publisher_->connected() ? "" : publisher_->trouble();
}

}  // namespace elves::app
