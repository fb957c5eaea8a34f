#include "ctl/send.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "ctl/amqp_client.h"
#include "ctl/envelope.h"
#include "ctl/files.h"
#include "ctl/text.h"

namespace elves::ctl {
namespace {

std::string random_id() {
  std::random_device device;
  return fmt::format("elvesctl-{:08x}{:08x}", device(), device());
}

AmqpMessage prepare(const SendArguments& arguments, std::string envelope) {
  AmqpMessage message;
  message.exchange = arguments.exchange;
  message.key = arguments.key.empty() ? request_key(envelope) : arguments.key;
  message.body = std::move(envelope);
  message.correlation_id = random_id();
  return message;
}

void listen(AmqpClient& client, const SendArguments& arguments, AmqpMessage& message) {
  const auto keys = arguments.reply_to ? std::vector<std::string>() : reply_keys(message.body);
  const auto queue = client.open_reply_queue();
  if (arguments.reply_to) message.reply_to = queue;
  for (const auto& key : keys) client.bind(queue, arguments.exchange, key);
}

void print_reply(const AmqpEvent& reply, const SendArguments& arguments, const AmqpMessage& request,
                 const Io& io) {
  if (arguments.reply_to && reply.correlation_id != request.correlation_id) {
    io.err << fmt::format("elvesctl: the reply's correlation_id is '{}', not '{}'\n",
                          one_line(reply.correlation_id), request.correlation_id);
  }
  io.out << (arguments.pretty || io.terminal ? pretty_json(reply.text) : reply.text) << '\n';
}

}  // namespace

int send(const SendArguments& arguments, const tls::Settings& tls, const Io& io) {
  auto message = prepare(arguments, read_all(arguments.file, io.in));
  AmqpClient client(parse_amqp_url(arguments.amqp), tls);
  if (arguments.wait) listen(client, arguments, message);
  client.publish(message);  // from here on the job may run, whatever becomes of the connection
  const auto deadline = std::chrono::steady_clock::now() + arguments.timeout;
  while (const auto event = client.next(deadline)) {
    switch (event->kind) {
      case AmqpEvent::Kind::returned:
        throw Failure(kExitNotDone, fmt::format("it reached no queue: exchange '{}', routing key '{}': {}",
                                                message.exchange, message.key, one_line(event->text)));
      case AmqpEvent::Kind::refused:
        throw Failure(kExitNotDone, "the broker refused it");
      case AmqpEvent::Kind::confirmed:
        if (!arguments.wait) return kExitDone;
        break;
      case AmqpEvent::Kind::delivered:
        print_reply(*event, arguments, message, io);
        return kExitDone;
    }
  }
  throw Failure(kExitUnknown, fmt::format("{} within {} s", arguments.wait ? "no reply" : "no confirmation",
                                          arguments.timeout.count()));
}

}  // namespace elves::ctl
