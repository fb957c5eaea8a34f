#include "load.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "process_clock.h"

namespace elves::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMostAtOnce = 256;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Load::Load(LoadOptions options)
    : options_(std::move(options)), publishing_(options_.broker), consuming_(options_.broker) {
  consuming_.declare_requests(options_.broker);
  open_answers();
}

void Load::open_answers() {
  const bool exclusive = options_.shape.synchronous();
  const std::string name = exclusive ? "" : "queue";
  const auto* made = amqp_queue_declare(consuming_.raw(), kChannel, bytes(name), false, !exclusive, exclusive,
                                        exclusive, amqp_empty_table);
  consuming_.check("declaring the queue of the answers");
  reply_to_ = view(made->queue);
  if (!exclusive) {
    amqp_queue_bind(consuming_.raw(), kChannel, bytes(name), bytes(options_.broker.exchange),
                    amqp_cstring_bytes("*.queue"), amqp_empty_table);
    consuming_.check("binding the queue of the answers");
  }
  amqp_basic_consume(consuming_.raw(), kChannel, bytes(reply_to_), amqp_empty_bytes, false, true, false,
                     amqp_empty_table);
  consuming_.check("consuming the answers");
}

void Load::run(const std::function<void()>& first_sent) {
  last_answer_ = Clock::now();
  std::uint64_t planned = 0;
  for (const auto& plan : options_.phases)
    planned += plan.jobs + static_cast<std::uint64_t>(plan.seconds * std::max(plan.rate, 50'000.0));
  jobs_.reserve(planned);
  results_.reserve(options_.phases.size());
  for (const auto& plan : options_.phases) {
    if (results_.size() == 1) calm_ns_ = 2000 * results_.front().latency.quantile_us(0.999);
    results_.emplace_back();
    begins_.push_back(Clock::now());
    if (results_.size() == 1) {
      send_due(plan);
      first_sent();
    }
    run_phase(plan);
  }
  drain();
}

void Load::run_phase(const PhasePlan& plan) {
  PhaseResult& result = results_.back();
  for (const auto& [name, pid] : options_.watched) result.cpu_us[name] = -cpu_time_us(pid);
  while (!phase_over(plan)) {
    send_due(plan);
    wait(plan);
    take_answers();
  }
  result.seconds = seconds_in();
  for (const auto& [name, pid] : options_.watched) result.cpu_us[name] += cpu_time_us(pid);
}

bool Load::phase_over(const PhasePlan& plan) const {
  if (seconds_since(last_answer_) > options_.patience && in_flight() > 0) return true;
  if (plan.jobs != 0) return results_.back().sent >= plan.jobs && in_flight() == 0;
  return seconds_in() >= plan.seconds;
}

void Load::send_due(const PhasePlan& plan) {
  PhaseResult& result = results_.back();
  const auto may_send = [&] { return plan.jobs == 0 || result.sent < plan.jobs; };
  if (plan.window != 0) {
    while (may_send() && in_flight() < plan.window) send(Clock::now());
    return;
  }
  const double now = plan.jobs == 0 ? std::min(seconds_in(), plan.seconds) : seconds_in();
  const auto wanted = static_cast<std::uint64_t>(now * plan.rate);
  for (int run = 0; may_send() && result.sent < wanted && run < kMostAtOnce; ++run) {
    const auto offset = std::chrono::duration<double>(static_cast<double>(result.sent) / plan.rate);
    send(begins_.back() + std::chrono::duration_cast<Clock::duration>(offset));
  }
}

void Load::send(Time due) {
  const std::uint64_t number = jobs_.size();
  const std::string body = request_body(options_.shape, number);
  const std::string correlation = std::to_string(number);
  const std::string key = options_.shape.synchronous() ? "openapi.scheduler" : "queue.scheduler";
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = options_.shape.synchronous() ? 1 : 2;
  if (options_.shape.synchronous()) {
    properties._flags |= AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
    properties.reply_to = bytes(reply_to_);
    properties.correlation_id = bytes(correlation);
  }
  jobs_.push_back({due, static_cast<std::uint32_t>(results_.size() - 1), true});
  ++results_.back().sent;
  results_.back().most_in_flight = std::max(results_.back().most_in_flight, in_flight());
  BlockingConnection::check(amqp_basic_publish(publishing_.raw(), kChannel, bytes(options_.broker.exchange),
                                               bytes(key), false, false, &properties, bytes(body)),
                            "publishing");
}

void Load::wait(const PhasePlan& plan) {
  if (consuming_.has_buffered()) return;
  timespec most{0, 100'000'000};
  if (plan.seconds > 0) {
    const double left = plan.seconds - seconds_in();
    most.tv_nsec = std::clamp(static_cast<long>(left * 1e9), 0L, most.tv_nsec);
  }
  if (plan.rate > 0) {
    const double next = static_cast<double>(results_.back().sent + 1) / plan.rate - seconds_in();
    most.tv_nsec = std::clamp(static_cast<long>(next * 1e9), 0L, most.tv_nsec);
  }
  pollfd socket{consuming_.fd(), POLLIN, 0};
  ::ppoll(&socket, 1, &most, nullptr);
}

void Load::take_answers() {
  const timeval now{0, 0};
  for (int i = 0; i < kMostAtOnce; ++i) {
    amqp_envelope_t envelope;
    const auto reply = amqp_consume_message(consuming_.raw(), &envelope, &now, 0);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
      if (reply.library_error == AMQP_STATUS_TIMEOUT) break;
      throw broker::BrokerError(std::string("receiving: ") + amqp_error_string2(reply.library_error));
    }
    take(envelope);
    amqp_destroy_envelope(&envelope);
  }
  amqp_maybe_release_buffers(consuming_.raw());
}

void Load::take(const amqp_envelope_t& envelope) {
  const auto& properties = envelope.message.properties;
  const auto body = view(envelope.message.body);
  std::uint64_t number = jobs_.size();
  if (!options_.shape.synchronous()) {
    number = find_number(body).value_or(number);
  } else if (properties._flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
    number = std::strtoull(std::string(view(properties.correlation_id)).c_str(), nullptr, 10);
  }
  if (number >= jobs_.size()) {
    ++unknown_;
  } else if (!jobs_[number].open) {
    ++repeated_;
  } else {
    answer_bytes_ = body.size();
    settle(jobs_[number], body);
  }
}

void Load::settle(Sent& job, std::string_view body) {
  last_answer_ = Clock::now();
  if (answered_++ == 0) first_answer_ = last_answer_;
  job.open = false;
  ++results_.back().replies;
  PhaseResult& sent_in = results_[job.phase];
  const auto took = std::chrono::nanoseconds(last_answer_ - job.at).count();
  const auto failure = options_.check ? failure_in(options_.shape, body) : std::nullopt;
  if (failure) {
    ++sent_in.failed[*failure];
  } else {
    sent_in.latency.add(took);
  }
  if (job.phase > 0 && (failure || static_cast<double>(took) > calm_ns_)) note_disturbed(job);
}

void Load::note_disturbed(const Sent& job) {
  double& until = results_[job.phase].disturbed_until;
  until = std::max(until, std::chrono::duration<double>(job.at - begins_[job.phase]).count());
}

double Load::seconds_in() const { return seconds_since(begins_.back()); }

void Load::drain() {
  while (in_flight() > 0 && seconds_since(last_answer_) < options_.patience) {
    wait(PhasePlan{});
    take_answers();
  }
}

std::string Load::report() const {
  std::string phases;
  for (const auto& result : results_) phases += (phases.empty() ? "" : ",") + result.json();
  return fmt::format(
      R"({{"sent":{},"answered":{},"lost":{},"repeated":{},"unknown":{},"answer_bytes":{},"request_bytes":{},)"
      R"("first_answer_ns":{},"last_answer_ns":{},"phases":[{}]}})",
      jobs_.size(), answered_, in_flight(), repeated_, unknown_, answer_bytes_,
      request_body(options_.shape, 0).size(),
      std::chrono::nanoseconds(first_answer_.time_since_epoch()).count(),
      std::chrono::nanoseconds(last_answer_.time_since_epoch()).count(), phases);
}

}  // namespace elves::bench
