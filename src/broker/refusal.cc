#include "broker/refusal.h"

#include <amqp_framing.h>
#include <fmt/format.h>

#include <charconv>

namespace elves::broker {
namespace {

constexpr std::string_view kGrant = ": grant it with rabbitmqctl set_permissions, as docs/security.md has it";

bool says(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// What stands between the quotes behind `mark`.
std::string_view quoted_after(std::string_view text, std::string_view mark) {
  const auto found = text.find(mark);
  if (found == text.npos) return {};
  const auto begin = text.find('\'', found + mark.size());
  if (begin == text.npos) return {};
  return text.substr(begin + 1, text.find('\'', begin + 1) - begin - 1);
}

// What follows `before` in the text, up to the next quote; nullopt without it.
std::optional<std::string_view> up_to_quote(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + before.size());
  return rest.substr(0, rest.find('\''));
}

std::string meaning_of_forbidden(const Refusal& refusal) {
  const auto lacks = [](std::string_view right) {
    return fmt::format("the broker's user has no {}{}", right, kGrant);
  };
  if (says(refusal.text, "ogin was refused"))
    return "the user name or the password is wrong, or the user may not log in from this machine";
  switch (refusal.method) {
    case AMQP_EXCHANGE_DECLARE_METHOD:
    case AMQP_QUEUE_DECLARE_METHOD:
      return lacks("right 'configure' on it");
    case AMQP_QUEUE_BIND_METHOD:
      return lacks("right 'write' on the queue, or 'read' on the exchange");
    case AMQP_BASIC_CONSUME_METHOD:
      if (says(refusal.text, "exclusive"))
        return "another program consumes from it as its only consumer: stop that one";
      return lacks("right 'read' on the queue");
    case AMQP_BASIC_PUBLISH_METHOD:
      if (says(refusal.text, "internal")) return "the exchange is internal: delete it, or set mq.exchange";
      if (says(refusal.text, "topic"))
        return "the broker's user may not write that routing key: see rabbitmqctl list_topic_permissions";
      if (says(refusal.text, "amq.default"))
        return lacks(
            "right 'write' on amq.default, the exchange for replies to reply_to and for dead letters");
      return lacks("right 'write' on the exchange");
    default:
      return "see the broker's log, and docs/security.md for the rights that are needed";
  }
}

std::string meaning_of_otherwise(std::string_view text) {
  if (says(text, "timed out"))
    return "a delivery was not acknowledged within the broker's consumer_timeout: mq.maxHold must be less";
  if (says(text, "larger than"))
    return "answers are cut to that size: raise max_message_size in rabbitmq.conf to have them whole";
  if (says(text, "inequivalent")) return "it exists otherwise: delete it, so that it is made anew";
  return "";
}

std::string meaning_of_not_allowed(std::string_view text) {
  if (says(text, "limit"))
    return "a limit of the broker's user or virtual host: see rabbitmqctl list_user_limits";
  if (says(text, "down")) return "the virtual host does not run: see the broker's log, and restart_vhost";
  if (says(text, "not found")) return "there is no such virtual host: rabbitmqctl add_vhost, or set mq.vhost";
  if (says(text, "vhost")) return "the user has no rights there: rabbitmqctl set_permissions -p VHOST USER";
  return "";
}

std::string meaning(const Refusal& refusal) {
  switch (refusal.code) {
    case AMQP_ACCESS_REFUSED:
      return meaning_of_forbidden(refusal);
    case AMQP_RESOURCE_LOCKED:
      return "another connection has declared it for itself alone (exclusive): stop that program";
    case AMQP_NOT_FOUND:
      return says(refusal.text, "is down") || says(refusal.text, "process is stopped")
                 ? "the node of the cluster that has it is away: it is back with that node, and quorum "
                   "queues "
                   "(mq.queueType) are not so bound"
                 : "it does not exist, or was deleted";
    case AMQP_PRECONDITION_FAILED:
      return meaning_of_otherwise(refusal.text);
    case AMQP_NOT_ALLOWED:
      return meaning_of_not_allowed(refusal.text);
    case AMQP_INTERNAL_ERROR:
      return "the broker failed by itself, or has no majority of its nodes, as its log says; a reply_to that "
             "is no "
             "queue, such as an amq.rabbitmq.reply-to name whose owner is gone, can be the cause";
    case AMQP_RESOURCE_ERROR:
      return "the broker has not enough of something: see its log";
    case AMQP_CONNECTION_FORCED:
      return "the broker shuts down, or an operator closed the connection";
    case AMQP_FRAME_ERROR:
    case AMQP_SYNTAX_ERROR:
    case AMQP_COMMAND_INVALID:
    case AMQP_CHANNEL_ERROR:
    case AMQP_UNEXPECTED_FRAME:
      return "the broker did not understand what it was sent: this is a fault of the scheduler, please "
             "report it";
    default:
      return "";
  }
}

}  // namespace

std::string Refusal::words(const std::string& what) const {
  const std::string means = meaning(*this);
  return fmt::format("{}: {} {}{}{}", what, code, text, means.empty() ? "" : "; ", means);
}

std::string_view Refusal::differs() const { return quoted_after(text, "inequivalent arg "); }

std::string_view Refusal::current() const { return quoted_after(text, "current is "); }

// "message size 2000150 is larger than configured max size 1000000"
std::optional<std::size_t> largest_message(std::string_view text) {
  constexpr std::string_view before = "max size ";
  if (text.find("message size ") == std::string_view::npos) return std::nullopt;
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t most = 0;
  const char* begin = text.data() + at + before.size();
  const auto [end, fault] = std::from_chars(begin, text.data() + text.size(), most);
  return fault == std::errc() && end != begin ? std::optional(most) : std::nullopt;
}

// "access to exchange 'elves' in vhost '/' refused for user 'x'", "cannot publish to internal exchange
// 'elves'", "access to topic 'scheduler.cron' in exchange exchange 'elves' in vhost '/' refused for user 'x'"
std::optional<Forbidden> forbidden_place(std::string_view text) {
  const auto topic = up_to_quote(text, "access to topic '");
  auto exchange = up_to_quote(text, topic ? " exchange '" : "access to exchange '");
  if (!exchange) exchange = up_to_quote(text, "publish to internal exchange '");
  if (!exchange) return std::nullopt;
  Forbidden place{*exchange == "amq.default" ? std::string() : std::string(*exchange), std::nullopt};
  if (topic) place.routing_key = *topic;
  return place;
}

}  // namespace elves::broker
