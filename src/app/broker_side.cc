#include "app/broker_side.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "app/settings.h"
#include "app/tls_sides.h"
#include "config/broker_nodes.h"

namespace elves::app {
namespace asio = boost::asio;
namespace {

broker::BrokerOptions broker_options(const config::Options& options, const Journal& journal) {
  const auto& mq = options.mq;
  return {.nodes = *config::parse_broker_nodes(mq.hosts, mq.ip, mq.port),
          .user = mq.user,
          .password = mq.password,
          .vhost = mq.vhost,
          .exchange = mq.exchange,
          .prefetch = mq.prefetch,
          .heartbeat = mq.heartbeat,
          .dead_max_length = mq.dead_max_length,
          .queue_type = mq.queue_type,
          .instance = journal.instance(),
          .durable_inbox = journal.durable(),
          .inbox_max_length = mq.peers_max_length,
          .inbox_expires = mq.peers_expires,
          .refused = mq.max_refused,
          .refused_reply = mq.max_refused_reply,
          .tls = broker_tls(options.mq_tls)};
}

}  // namespace

void BrokerSide::open(const config::Options& options, const Journal& journal, MetricsSink& metrics) {
  publisher_.emplace(loop_, broker_options(options, journal), metrics);
  publisher_->start();
}

void BrokerSide::consume(const config::Options& options, const Journal& journal, Dispatcher& dispatcher,
                         MetricsSink& metrics) {
  broker::Consumer::Handlers handlers;
  handlers.request = [&dispatcher](Submission& submission) { dispatcher.submit(std::move(submission)); };
  handlers.notice = [&dispatcher](const Notice& notice, DeliveryRef delivery) {
    dispatcher.settled_elsewhere(notice, delivery);
  };
  handlers.notices_read = [this] {
    asio::post(loop_, [this] {
      for (const auto& done : std::exchange(reading_, {})) done();
    });
  };
  handlers.lost = [&dispatcher] { dispatcher.deliveries_lost(); };
  consumer_.emplace(loop_, timers_, broker_options(options, journal), request_limits(options),
                    std::move(handlers), metrics);
  consumer_->start();
}

void BrokerSide::stop_consuming(std::function<void()> stopped) {
  if (consumer_) return consumer_->stop_consuming(std::move(stopped));
  stopped();
}

void BrokerSide::close() {
  if (consumer_) consumer_->stop();
  if (publisher_) publisher_->stop();
}

void BrokerSide::publish(Publication&& what, std::function<void()> done) {
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

BrokerSide::Places BrokerSide::places() const {
  return {consumer_ ? consumer_->place() : "", publisher_ ? publisher_->place() : ""};
}

bool BrokerSide::connected() const {
  return publisher_ && consumer_ && consumer_->connected() && publisher_->connected();
}

broker::AmqpPublisher::Counts BrokerSide::publishing() const {
  return publisher_ ? publisher_->counts() : broker::AmqpPublisher::Counts{};
}

std::string BrokerSide::trouble() const {
  if (!publisher_ || !consumer_) return "";
  if (!consumer_->connected()) return consumer_->trouble();
  return publisher_->connected() ? "" : publisher_->trouble();
}

}  // namespace elves::app
