// Both envelopes of docs/protocol.md, "Envelopes", as pure functions between bytes and values: no socket,
// clock or logger. A released peer's message decodes into a Job; outcomes encode back in the dialect they
// came in. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dialect/limits.h"
#include "model/job.h"
#include "model/outcome.h"

namespace elves::dialect {

// The AMQP properties of a request that decide where its reply goes.
struct MessageProperties {
  std::string_view routing_key{};
  std::string_view reply_to{};        // "" = not set
  std::string_view correlation_id{};  // "" = not set
  std::string_view message_id{};      // "" = not set
};

// What a message turned out to be. With `error` set it must not be run, and `job` holds as much as could be
// understood: of the type and the dialect it was meant to be, of an illegal field what was given if that was
// text.
//
// `answerable`: somebody can be told of a rejection. Whom: with job.reply set, by encode_reply() if the job
// is synchronous, else by encode_acceptance(); without it, by encode_terminal() to the component job.type. A
// rejection that is not answerable is a dead letter. Two things that a Job has no field for stand elsewhere
// in a rejected one: with unknown_action `mid` is "{action}.{mid}" or "{action}"; with illegal_type `type` is
// the sending component's, else queue.
struct Request {
  Job job{};
  std::optional<Error> error{};
  bool answerable = false;
};

// Never throws on any input. Sizes and depth beyond `limits` are message_malformed. What is no JSON is
// answered where `reply_to` says, as far as the members before its fault show how.
Request decode_request(std::string_view body, const MessageProperties& properties, const Limits& limits);

// The same for a message that must not be run whatever it says.
Request refuse_request(std::string_view body, const MessageProperties& properties, const Limits& limits,
                       Error why);

// The HTTP job API's body {ip, app, func, param, timeout, mode, proxy, type}: the same fields, limits and
// errors as the flat envelope's. `waits`: the client waits for the end; then `type` "rt", "" or none is
// synchronous. A client that does not wait cannot have a synchronous job: "" or none is a queue task, and
// "rt" is illegal_type. The job has no reply route, is not announced, and has no id: who gives it its log id
// names an asynchronous one after that.
Request decode_api_job(std::string_view body, bool waits, const Limits& limits);

// The message to publish, as UTF-8 JSON. Bytes of the worker that are no UTF-8 become U+FFFD, one each.
// The reply: a synchronous job's result, or a rejection.
std::string encode_reply(const Job& job, const Outcome& outcome);
// Whether an asynchronous job was accepted; flat only.
std::string encode_acceptance(const Job& job, const Outcome& outcome);
// How an asynchronous job ended, to the component job.type.
std::string encode_terminal(const Job& job, const Outcome& outcome);

// Where encode_terminal()'s message goes: routing key "scheduler.cron" or "scheduler.queue" on mq.exchange.
ReplyRoute terminal_route(const Job& job);

// What became of a job, in a word: "running" until it has ended, "succeeded", "failed" (its worker, or what
// came after it), "not_run" (its agent was not reached, or could not bring it to an end), "unknown" (it may
// have run). `open`: its agent has not answered yet.
std::string_view outcome_word(const Outcome& outcome, bool open);

// Of a job's `param` and `worker_message`: there; lost, which `texts_left_out`: 1 says; or left out because
// nobody asked for them.
enum class ApiTexts : std::uint8_t { there, lost, unasked };

// The job as the HTTP API shows it: the flat envelope's `data` object, with times as RFC 3339 has them, plus
// `id`, `rand_id`, `type` ("rt", "cron", "queue"), `dialect` ("flat", "body"), `state` (as given), `outcome`
// and `attempts`.
std::string encode_api_job(const Job& job, const Outcome& outcome, std::string_view state,
                           ApiTexts texts = ApiTexts::there);

// Rebuilds the job that a result belongs to when this scheduler did not dispatch it: dialect by mode (P, NP =
// body), id and rand_id from Instruct.id, log_id from exec_id (0 without one), from the component that `type`
// names; one of the job API is not announced. Fails with illegal_type or illegal_id when it names no
// asynchronous job.
Result<Job> rebuild_job(const AgentResult& result);

}  // namespace elves::dialect
