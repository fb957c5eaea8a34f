#include "app/broker_side.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace elves::app {
namespace asio = boost::asio;
namespace {

broker::BrokerOptions broker_options(const config::MqOptions& mq) {
  return {mq.ip,       mq.port,     mq.user,      mq.password,       mq.vhost,
          mq.exchange, mq.prefetch, mq.heartbeat, mq.dead_max_length};
}

}  // namespace

void BrokerSide::open(const config::Options& options, MetricsSink& metrics) {
  publisher_.emplace(
      broker_options(options.mq),
      [this](std::vector<std::function<void()>> done) {
        asio::post(loop_, [done = std::move(done)] {
          for (const auto& confirmed : done) confirmed();
        });
      },
      metrics);
}

void BrokerSide::consume(const config::Options& options, std::function<void(Submission)> on_submission,
                         std::function<void()> on_lost, MetricsSink& metrics) {
  on_submission_ = std::move(on_submission);
  dialect::Limits limits;
  limits.max_body = options.mq.max_message;
  limits.default_timeout = options.job.default_timeout;
  consumer_.emplace(
      broker_options(options.mq), limits,
      [this](std::vector<Submission> batch) {
        asio::post(loop_, [this, batch = std::move(batch)]() mutable {
          for (Submission& submission : batch) on_submission_(std::move(submission));
        });
      },
      [this, on_lost = std::move(on_lost)] { asio::post(loop_, on_lost); }, metrics);
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

std::string BrokerSide::trouble() const {
  if (!publisher_ || !consumer_) return "";
  if (!consumer_->connected()) return consumer_->trouble();
  return publisher_->connected() ? "" : publisher_->trouble();
}

}  // namespace elves::app
