#include "app/admin_adapter.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "dialect/envelope.h"
#include "dialect/error_text.h"
#include "dialect/json_writer.h"

namespace elves::app {
namespace {

admin::Answer refusal(const Error& error, bool asynchronous) {
  unsigned status = 400;
  if (error.code == ErrorCode::overloaded) status = 503;
  if (error.code == ErrorCode::internal) status = 500;
  dialect::JsonWriter json(200);
  json.text("error", dialect::error_text(error, asynchronous));
  json.text("code", dialect::error_number(error.code, asynchronous));
  return {status, std::move(json).finish()};
}

// Job::caller.
std::string text_of(const admin::Caller& caller) {
  return caller.token.empty() ? caller.address : caller.token + '@' + caller.address;
}

std::string shown(const JobRecord& record) {
  return dialect::encode_api_job(*record.job, record.outcome, state_name(record.state),
                                 record.texts_left_out);
}

std::string shown(const std::vector<JobRecord>& found, const JobFilter& filter) {
  std::string body = R"({"jobs":[)";
  std::size_t weight = 0;
  for (const JobRecord& record : found) {
    if (body.back() != '[') body += ',';
    body += shown(record);
    weight += weight_of(record);
  }
  const bool cut = weight >= filter.bytes && found.size() < filter.limit;
  return body + (cut ? R"(],"cut":true})" : R"(],"cut":false})");
}

}  // namespace

void AdminAdapter::on_loop(std::function<void()> action) {
  boost::asio::post(parts_.loop, std::move(action));
}

void AdminAdapter::submit(std::string body, bool wait, admin::Caller caller, admin::Respond respond) {
  auto request = dialect::decode_api_job(body, parts_.limits);
  Submission submission;
  submission.job = std::move(request.job);
  submission.job.from = "http";
  submission.job.caller = text_of(caller);
  submission.rejected = std::move(request.error);
  submission.answerable = false;
  on_loop([this, submission = std::move(submission), wait, respond = std::move(respond)]() mutable {
    const bool asynchronous = !submission.job.synchronous();
    Dispatcher::OnEnd on_end;
    if (wait) {
      on_end = [respond](const Job& job, const Outcome& outcome) {
        respond({200, dialect::encode_api_job(job, outcome, state_name(JobState::settled))});
      };
    }
    const auto id = parts_.dispatcher.submit(std::move(submission), std::move(on_end));
    if (!id) return respond(refusal(id.error(), asynchronous));
    if (wait) return;
    dialect::JsonWriter json(80);
    json.text("log_id", id->text());
    json.text("state", state_name(JobState::received));
    respond({202, std::move(json).finish()});
  });
}

void AdminAdapter::job(std::string log_id, admin::Respond respond) {
  const auto unknown = [log_id, respond] {
    dialect::JsonWriter json(120);
    json.text("error", "no job " + log_id + " is known: finished jobs are kept for a while only");
    json.text("code", "404");
    respond({404, std::move(json).finish()});
  };
  const auto id = LogId::parse(log_id);
  if (!id) return unknown();
  on_loop([this, id = *id, respond, unknown] {
    parts_.dispatcher.record_all();
    parts_.journal.find(id, [respond, unknown](const std::vector<JobRecord>& found) {
      if (found.empty()) return unknown();
      respond({200, shown(found.front())});
    });
  });
}

void AdminAdapter::jobs(std::string state, std::string ip, std::size_t limit, admin::Respond respond) {
  JobFilter filter{.state = std::move(state), .ip = std::move(ip), .limit = limit};
  on_loop([this, filter = std::move(filter), respond = std::move(respond)]() mutable {
    parts_.dispatcher.record_all();
    parts_.journal.list(filter, [filter, respond = std::move(respond)](const std::vector<JobRecord>& found) {
      respond({200, shown(found, filter)});
    });
  });
}

void AdminAdapter::agents(std::string state, std::string ip, std::size_t limit, admin::Respond respond) {
  AgentFilter filter{std::move(state), std::move(ip), limit};
  on_loop([this, filter = std::move(filter), respond = std::move(respond)] {
    parts_.registry.agents(parts_.agents.status(), filter,
                           [respond](std::string body) { respond({200, std::move(body)}); });
  });
}

void AdminAdapter::nodes(admin::Respond respond) {
  on_loop([this, respond = std::move(respond)] { respond({200, parts_.registry.nodes()}); });
}

void AdminAdapter::health(admin::Respond respond) {
  on_loop([this, respond = std::move(respond)] {
    const std::string trouble = parts_.trouble();
    dialect::JsonWriter json(200);
    json.text("status", trouble.empty() ? "ok" : "degraded");
    json.text("trouble", trouble);
    const auto [requests, answers] = parts_.broker.places();
    json.begin("broker");
    json.text("requests", requests);
    json.text("answers", answers);
    json.end();
    json.text("history_trouble", parts_.journal.history_trouble());
    json.number("jobs_open", static_cast<std::int64_t>(parts_.dispatcher.open()));
    json.text("version", ELVES_VERSION);
    respond({trouble.empty() ? 200U : 503U, std::move(json).finish()});
  });
}

void AdminAdapter::metrics(admin::Respond respond) {
  on_loop([this, respond = std::move(respond)] {
    parts_.take_readings();
    respond({200, parts_.metrics.text()});
  });
}

}  // namespace elves::app
