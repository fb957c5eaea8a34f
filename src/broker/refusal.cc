#include "broker/refusal.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <fmt/format.h>

#include <charconv>

namespace elves::broker {
namespace {

// What follows `before` in the text, up to the next quote; nullopt without it.
std::optional<std::string_view> quoted_after(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + before.size());
  return rest.substr(0, rest.find('\''));
}

}  // namespace

std::string_view advice(int code, std::string_view text) {
  switch (code) {
    case AMQP_ACCESS_REFUSED:
      return "the broker's user lacks a right: rabbitmqctl list_user_permissions USER shows what it has, "
             "docs/security.md what it needs (the default exchange, which replies to reply_to and dead "
             "letters "
             "go through, is called amq.default there)";
    case AMQP_NOT_FOUND:
      return "somebody has removed it: the scheduler makes its own exchange and queues again when it "
             "connects";
    case AMQP_RESOURCE_LOCKED:
      return "another connection has it for itself";
    case AMQP_PRECONDITION_FAILED:
      if (largest_message(text)) {
        return "answers are cut to that size: raise max_message_size in rabbitmq.conf to have them whole";
      }
      return "what is there differs from what was asked for: compare with docs/protocol.md, and remove it if "
             "nobody needs it as it is";
    case AMQP_CONTENT_TOO_LARGE:
      return "raise the broker's limits for messages, or have workers answer with less";
    case AMQP_NOT_ALLOWED:
      return "the broker does not allow it to this user or virtual host: look for limits with rabbitmqctl "
             "list_vhost_limits and list_user_limits, and whether the virtual host is there";
    case AMQP_RESOURCE_ERROR:
      return "the broker is out of something: its log says of what";
    case AMQP_INTERNAL_ERROR:
      return "an error inside the broker, which its log describes; a reply_to that is no queue, such as an "
             "amq.rabbitmq.reply-to name whose owner is gone, can be the cause";
    case AMQP_FRAME_ERROR:
    case AMQP_SYNTAX_ERROR:
    case AMQP_COMMAND_INVALID:
    case AMQP_CHANNEL_ERROR:
    case AMQP_UNEXPECTED_FRAME:
    case AMQP_NOT_IMPLEMENTED:
      return "broker and scheduler do not understand each other: is what stands between them an AMQP 0-9-1 "
             "broker such as RabbitMQ?";
    default:
      return "";
  }
}

std::string refusal_text(std::string_view what, int code, std::string_view text) {
  const std::string_view words = advice(code, text);
  return fmt::format("{} closed by the broker: {} {}{}{}", what, code, text, words.empty() ? "" : "; ",
                     words);
}

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
  const auto topic = quoted_after(text, "access to topic '");
  auto exchange = quoted_after(text, topic ? " exchange '" : "access to exchange '");
  if (!exchange) exchange = quoted_after(text, "publish to internal exchange '");
  if (!exchange) return std::nullopt;
  Forbidden place{*exchange == "amq.default" ? std::string() : std::string(*exchange), std::nullopt};
  if (topic) place.routing_key = *topic;
  return place;
}

}  // namespace elves::broker
