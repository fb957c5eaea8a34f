#include "audit/entry.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <string_view>

#include "base/time_text.h"
#include "dialect/error_text.h"
#include "dialect/json_writer.h"

namespace elves::audit {
namespace {

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

const char* event_of(const Entry& entry) {
  if (!entry.ended) return "asked";
  return entry.ended->rejected ? "refused" : "ended";
}

void write_who(dialect::JsonWriter& json, const Job& job) {
  json.text("from", job.from);
  if (!job.caller.empty()) json.text("caller", job.caller);
  if (job.reply) json.text("reply_to", job.reply->routing_key);
}

void write_what(dialect::JsonWriter& json, const Job& job) {
  json.text("type", wire_name(job.type));
  if (!job.id.empty()) json.text("id", job.id);
  if (!job.rand_id.empty()) json.text("rand_id", job.rand_id);
  json.text("ip", job.agent_ip);
  json.text("app", job.app);
  json.text("func", job.func);
  if (!job.mode.empty()) json.text("mode", job.mode);
  if (!job.proxy.empty()) json.text("proxy", job.proxy);
  json.number("timeout", job.timeout.count());
}

void write_end(dialect::JsonWriter& json, const Job& job, const End& end) {
  json.text("outcome", end.succeeded ? "succeeded" : end.rejected ? "refused" : "failed");
  json.text("error", end.error ? dialect::error_text(*end.error, !job.synchronous()) : "");
  if (end.worker_flag) json.number("worker_flag", *end.worker_flag);
}

}  // namespace

End::End(const Outcome& outcome)
    : rejected(outcome.rejected), succeeded(outcome.succeeded()), error(outcome.error) {
  if (outcome.worker) worker_flag = outcome.worker->flag;
}

std::size_t weight_of(const Entry& entry) {
  constexpr std::size_t without_text = 512;
  return without_text + (entry.job ? entry.job->param.size() : 0);
}

std::string line_of(const Entry& entry, bool whole_param) {
  const Job& job = *entry.job;
  dialect::JsonWriter json(512 + (whole_param ? job.param.size() : 0));
  json.text("time", utc_text_ms(entry.when));
  json.text("event", event_of(entry));
  json.text("log_id", job.log_id.text());
  write_who(json, job);
  write_what(json, job);
  const bool after_asked = entry.ended && !entry.ended->rejected;
  if (whole_param && !after_asked) json.text("param", job.param);
  if (!whole_param && !after_asked) json.text("param_sha256", sha256(job.param));
  if (entry.ended) write_end(json, job, *entry.ended);
  return std::move(json).finish() + "\n";
}

std::string lost_line(WallTime when, std::uint64_t lines) {
  dialect::JsonWriter json(100);
  json.text("time", utc_text_ms(when));
  json.text("event", "lost");
  json.number("lines", static_cast<std::int64_t>(lines));
  return std::move(json).finish() + "\n";
}

}  // namespace elves::audit
