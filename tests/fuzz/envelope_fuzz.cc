// Feeds arbitrary bytes to the request decoders; whatever comes out must encode to JSON in every form an
// answer can have.
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dialect/envelope.h"

namespace {

using namespace elves;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void require_json_object(const std::string& text) {
  boost::json::error_code fault;
  const boost::json::value value = boost::json::parse(text, fault);
  require(!fault && value.is_object(), "an answer is a JSON object");
}

void encode_all(const Job& job, const Outcome& outcome) {
  require_json_object(dialect::encode_reply(job, outcome));
  require_json_object(dialect::encode_acceptance(job, outcome));
  require_json_object(dialect::encode_terminal(job, outcome));
  require_json_object(dialect::encode_api_job(job, outcome, "received"));
}

AgentResult echo(const Job& job, std::string_view body) {
  AgentResult result;
  result.id = job.wire_id().text();
  result.type = wire_name(job.type);
  result.mode = job.mode;
  result.ip = job.agent_ip;
  result.param = job.param;
  result.answer.result = body;
  return result;
}

void check(const dialect::Request& request, std::string_view body) {
  const Job& job = request.job;
  Outcome outcome;
  outcome.rejected = request.error.has_value();
  outcome.error = request.error;
  encode_all(job, outcome);
  outcome = Outcome{};
  outcome.worker = WorkerAnswer{.flag = 1, .costtime = 1, .result = std::string(body)};
  encode_all(job, outcome);
  if (request.error) return;
  require(!job.app.empty() && !job.func.empty() && !job.agent_ip.empty(), "a job says what to run where");
  require(job.timeout.count() > 0, "a job has a timeout");
  if (job.synchronous() || job.from == "http") return;
  const Result<Job> rebuilt = dialect::rebuild_job(echo(job, body));
  require(
      rebuilt && rebuilt->id == job.id && rebuilt->rand_id == job.rand_id && rebuilt->dialect == job.dialect,
      "an asynchronous job can be rebuilt from what crosses Thrift");
}

}  // namespace

// The first byte chooses limits and properties.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  dialect::Limits limits;
  limits.max_body = (choice & 1U) != 0 ? limits.max_body : 512;
  limits.max_depth = 1 + (choice >> 4U) * 4;
  dialect::MessageProperties properties;
  if ((choice & 2U) != 0) properties.reply_to = "amq.gen-1";
  if ((choice & 4U) != 0) properties.correlation_id = "c";
  const dialect::Request request = dialect::decode_request(body, properties, limits);
  require(!request.job.reply || request.answerable, "whoever has a reply route can be told");
  check(request, body);
  check(dialect::decode_api_job(body, (choice & 8U) != 0, limits), body);
  return 0;
}
