#include "broker/request_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/log.h"
#include "broker/topology.h"

namespace elves::broker {
namespace {

constexpr std::size_t kFew = 512;    // deliveries of one consumer that are open
constexpr std::size_t kSpare = 128;  // with less room than this there is to be another

}  // namespace

RequestChannels::RequestChannels(const BrokerOptions& options)
    : options_(options), tags_(fmt::format("elves-scheduler-{:08x}", std::random_device{}())) {}

std::string RequestChannels::new_tag() { return fmt::format("{}-{}", tags_, ++tags_given_); }

void RequestChannels::begin(Connection& connection, std::uint32_t epoch) {
  connection_ = &connection;
  epoch_ = epoch;
  channels_.clear();
  channels_.try_emplace(kChannel);
  room_ = consumers_ = leaving_ = untold_ = 0;
  opening_ = 0;
  subscribed_ = filling_up_ = false;
}

void RequestChannels::end() {
  connection_ = nullptr;
  subscribed_ = false;
  consumers_ = leaving_ = 0;
}

void RequestChannels::lost(const BrokerError& why) {
  if (opening_ == 0 || why.cause() != BrokerError::Cause::refusal) return;
  may_open_ = false;
  log::warn(
      "consumer: the broker allows no further channel, so that many jobs that take long make it slow: raise "
      "its user's limit max-channels, and restart");
}

void RequestChannels::subscribe() {
  subscribed_ = true;
  make_room();
}

void RequestChannels::fill_up() { filling_up_ = std::exchange(subscribed_, false); }

void RequestChannels::cancel() {
  filling_up_ = false;
  if (connection_ == nullptr) return;
  for (auto& entry : channels_) {
    if (entry.second.consumes()) leave(entry);
  }
}

DeliveryRef RequestChannels::delivered(const Incoming& incoming) {
  const auto tag = incoming.as<amqp_basic_deliver_t>().delivery_tag;
  const auto found = channels_.find(incoming.channel);
  if (found == channels_.end()) throw BrokerError("a delivery on a channel that is not open");
  RequestChannel& channel = found->second;
  const std::size_t before = channel.room();
  channel.delivered(tag);
  room_ -= before - channel.room();
  make_room();
  if (channel.is_full() && (consumers_ > 1 || filling_up_)) leave(*found);
  return {tag, epoch_, incoming.channel};
}

void RequestChannels::handle(const Incoming& incoming) {
  if (incoming.id == AMQP_BASIC_CANCEL_OK_METHOD) --leaving_;
  if (incoming.id != AMQP_CHANNEL_OPEN_OK_METHOD || incoming.channel != opening_) return;
  const auto opened = channels_.try_emplace(std::exchange(opening_, 0)).first;
  if (subscribed_) consume_on(*opened);
}

void RequestChannels::acknowledge(DeliveryRef delivery) {
  if (delivery.epoch != epoch_) return;
  channels_.at(delivery.channel).acknowledge(delivery.tag);
  ++untold_;
}

void RequestChannels::tell() {
  for (auto& [number, channel] : channels_) {
    if (filling_up_ && channel.consumes()) continue;
    const std::size_t room = channel.room();
    const std::size_t open = channel.open();
    channel.tell([this, on = number](std::uint64_t tag, bool multiple) {
      amqp_basic_ack_t ack{tag, multiple};
      connection_->send(AMQP_BASIC_ACK_METHOD, &ack, on);
    });
    room_ += channel.room() - room;
    untold_ -= open - channel.open();
  }
  make_room();
}

// The connection's first channel, which others are told things and asked on, is for requests only if it must.
std::uint16_t RequestChannels::first() const {
  return may_open_ && connection_->most_channels() > kChannel ? kChannel + 1 : kChannel;
}

std::size_t RequestChannels::channels_allowed() const {
  return first() == kChannel ? 1 : connection_->most_channels() - kChannel;
}

// The prefetch count without what is open, and what may still come.
std::size_t RequestChannels::free() const {
  std::size_t taken = room_;
  for (auto entry = channels_.lower_bound(first()); entry != channels_.end(); ++entry)
    taken += entry->second.open();
  return options_.prefetch - std::min<std::size_t>(taken, options_.prefetch);
}

// What a consumer gets of it. All that may be open must fit on the channels that the broker allows, and no
// remainder is left that would be too little for another.
std::size_t RequestChannels::share(std::size_t free) const {
  const std::size_t most = channels_allowed();
  const std::size_t few = std::max(kFew, (options_.prefetch + most - 1) / most);
  return free < few + kSpare ? free : few;
}

void RequestChannels::make_room() {
  if (!subscribed_ || opening_ != 0 || room_ >= kSpare) return;
  if (consumers_ == 0 || free() >= kSpare) open_or_reuse();
}

// A channel with nothing open, or else a new one, or else that with the least open.
void RequestChannels::open_or_reuse() {
  Channels::value_type* least = nullptr;
  for (auto entry = channels_.lower_bound(first()); entry != channels_.end(); ++entry) {
    const RequestChannel& channel = entry->second;
    if (!channel.consumes() && (least == nullptr || channel.open() < least->second.open())) least = &*entry;
  }
  const std::uint16_t last = channels_.rbegin()->first;
  const bool may_open = may_open_ && last < connection_->most_channels();
  if (may_open && (least == nullptr || least->second.open() > 0)) {
    opening_ = last + 1;
    amqp_channel_open_t open{amqp_empty_bytes};
    connection_->send(AMQP_CHANNEL_OPEN_METHOD, &open, opening_);
  } else if (least != nullptr) {
    consume_on(*least);
  }
}

void RequestChannels::consume_on(Channels::value_type& entry) {
  auto& [number, channel] = entry;
  const std::size_t prefetch = std::max<std::size_t>(share(free()), 1);  // 0 would be no limit
  channel.begin(new_tag(), prefetch);
  room_ += prefetch;
  ++consumers_;
  consume(*connection_, kRequestQueue, channel.consumer_tag(), static_cast<std::uint16_t>(prefetch), number);
  log::debug("consumer: up to {} requests come on channel {}, one of {}", prefetch, number, channels_.size());
  for (auto& other : channels_) {
    if (other.second.is_full()) leave(other);
  }
}

void RequestChannels::leave(Channels::value_type& entry) {
  auto& [number, channel] = entry;
  room_ -= channel.room();
  --consumers_;
  ++leaving_;
  amqp_basic_cancel_t cancel{bytes(channel.consumer_tag()), 0};
  connection_->send(AMQP_BASIC_CANCEL_METHOD, &cancel, number);
  channel.end();
}

}  // namespace elves::broker
