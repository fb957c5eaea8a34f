// bench-echo, the yardstick: what any scheduler on this broker must do at least, and nothing else. It takes
// requests from the queue `scheduler` and publishes an answer of `--reply` bytes to where the scheduler
// would. docs/performance.md, "The yardstick", says how it differs from the scheduler. Runs until it is
// killed.
#include <poll.h>

#include <cstdio>
#include <exception>
#include <string>

#include "blocking_connection.h"
#include "broker/topology.h"
#include "broker_arguments.h"

namespace {

using namespace elves;
using bench::bytes;
using bench::kChannel;
using bench::view;
using Connection = bench::BlockingConnection;

constexpr int kMostAtOnce = 256;  // as the scheduler takes

class Echo {
 public:
  Echo(const broker::BrokerOptions& options, std::size_t reply_bytes)
      : options_(options), reply_bytes_(reply_bytes), consuming_(options), publishing_(options) {
    consuming_.declare_requests(options);
    amqp_basic_qos(consuming_.raw(), kChannel, 0, options.prefetch, false);
    consuming_.check("setting the prefetch");
    amqp_basic_consume(consuming_.raw(), kChannel, bytes(broker::kRequestQueue), amqp_empty_bytes, false,
                       false, false, amqp_empty_table);
    consuming_.check("consuming");
  }

  [[noreturn]] void run() {
    for (;;) {
      pollfd socket{consuming_.fd(), POLLIN, 0};
      if (!consuming_.has_buffered()) ::poll(&socket, 1, -1);
      answer_all_there_is();
      amqp_maybe_release_buffers(consuming_.raw());
    }
  }

 private:
  void answer_all_there_is() {
    const timeval now{0, 0};
    std::uint64_t last = 0;
    for (int i = 0; i < kMostAtOnce; ++i) {
      amqp_envelope_t envelope;
      const auto reply = amqp_consume_message(consuming_.raw(), &envelope, &now, 0);
      if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        if (reply.library_error == AMQP_STATUS_TIMEOUT) break;
        throw broker::BrokerError(std::string("receiving: ") + amqp_error_string2(reply.library_error));
      }
      answer(envelope.message);
      last = envelope.delivery_tag;
      amqp_destroy_envelope(&envelope);
    }
    if (last == 0) return;
    Connection::check(amqp_basic_ack(consuming_.raw(), kChannel, last, true), "acknowledging");
  }

  // The request itself, cut off or filled up with blanks; it begins with the number the load generator looks
  // for.
  void answer(const amqp_message_t& request) {
    body_ = view(request.body);
    body_.resize(reply_bytes_, ' ');
    const auto& asked = request.properties;
    const bool direct = asked._flags & AMQP_BASIC_REPLY_TO_FLAG;
    amqp_basic_properties_t properties{};
    properties._flags =
        AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");
    properties.delivery_mode = direct ? 1 : 2;
    properties.message_id = amqp_cstring_bytes("0123456789ABCDEF");
    if (direct) {
      properties._flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
      properties.correlation_id = asked.correlation_id;
    }
    Connection::check(
        amqp_basic_publish(publishing_.raw(), kChannel, direct ? amqp_empty_bytes : bytes(options_.exchange),
                           direct ? asked.reply_to : amqp_cstring_bytes("scheduler.queue"), true, false,
                           &properties, bytes(body_)),
        "publishing");
  }

  const broker::BrokerOptions options_;
  const std::size_t reply_bytes_;
  Connection consuming_;
  Connection publishing_;
  std::string body_;
};

}  // namespace

int main(int argc, char** argv) {
  broker::BrokerOptions options;
  std::size_t reply_bytes = 200;
  CLI::App arguments("Answers requests with messages of equal size.", "bench-echo");
  bench::add_broker_arguments(arguments, options);
  arguments.add_option("--reply", reply_bytes, "bytes of an answer")->required();
  CLI11_PARSE(arguments, argc, argv);
  try {
    Echo echo(options, reply_bytes);
    std::puts("ready");
    std::fflush(stdout);
    echo.run();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench-echo: %s\n", fault.what());
    return 1;
  }
}
