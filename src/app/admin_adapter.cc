#include "app/admin_adapter.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
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

std::string accepted(LogId id) {
  dialect::JsonWriter json(80);
  json.text("log_id", id.text());
  json.text("state", state_name(JobState::received));
  return std::move(json).finish();
}

// Job::caller.
std::string text_of(const admin::Caller& caller) {
  return caller.token.empty() ? caller.address : caller.token + '@' + caller.address;
}

std::string shown(const JobRecord& record, bool full) {
  auto texts = record.texts_left_out ? dialect::ApiTexts::lost : dialect::ApiTexts::there;
  if (!full) texts = dialect::ApiTexts::unasked;
  return dialect::encode_api_job(*record.job, record.outcome, state_name(record.state), texts);
}

std::string text_of(const JobList& list) {
  dialect::JsonWriter rest(100 + list.trouble.size());
  rest.json("cut", list.more ? "true" : "false");
  if (!list.trouble.empty()) rest.text("trouble", list.trouble);
  const std::string end = std::move(rest).finish();
  std::size_t size = 100 + end.size() + list.shown.size();
  for (const std::string& job : list.shown) size += job.size();
  std::string text = R"({"jobs":[)";
  text.reserve(size);
  for (const std::string& job : list.shown) (text += job) += ',';
  if (!list.shown.empty()) text.pop_back();
  text += "],";
  return text.append(end, 1);
}

admin::Answer unreadable(const Error& error) {
  dialect::JsonWriter json(200);
  json.text("error", error.detail);
  json.text("code", "503");
  return {503, std::move(json).finish()};
}

admin::Answer unknown(const std::string& log_id) {
  dialect::JsonWriter json(120);
  json.text("error", "no job " + log_id + " is known: finished jobs are kept for a while only");
  json.text("code", "404");
  return {404, std::move(json).finish()};
}

constexpr Millis kPatience{10'000};  // for answers that are being made at the end

}  // namespace

AdminAdapter::~AdminAdapter() { clerk_.finish(kPatience); }

void AdminAdapter::on_loop(std::function<void()> action) {
  boost::asio::post(parts_.loop, std::move(action));
}

void AdminAdapter::submit(std::string body, bool wait, admin::Caller caller, admin::Respond respond) {
  auto request = dialect::decode_api_job(body, wait, parts_.limits);
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
      on_end = [this, respond](const JobPtr& job, const Outcome& outcome) {
        clerk_.run([respond, job, outcome] {
          respond({200, dialect::encode_api_job(*job, outcome, state_name(JobState::settled))});
        });
      };
    }
    submission.on_recorded = [respond, wait](const Result<LogId>& id) {
      if (!id) return respond(refusal(id.error(), true));
      if (wait) return respond({admin::kBegun, std::string(id->text())});
      respond({202, accepted(*id)});
    };
    const auto id = parts_.dispatcher.submit(std::move(submission), std::move(on_end));
    if (!id) return respond(refusal(id.error(), asynchronous));
    if (wait && !asynchronous) respond({admin::kBegun, std::string(id->text())});
  });
}

void AdminAdapter::job(std::string log_id, admin::Respond respond) {
  const auto id = LogId::parse(log_id);
  if (!id) return respond(unknown(log_id));
  on_loop([this, id = *id, log_id = std::move(log_id), respond = std::move(respond)] {
    parts_.dispatcher.record_all();
    parts_.journal.find(
        id, [](const JobRecord& record) { return shown(record, true); },
        [log_id, respond](Result<std::optional<std::string>> found) {
          if (!found) return respond(unreadable(found.error()));
          if (!*found) return respond(unknown(log_id));
          respond({200, std::move(**found)});
        });
  });
}

void AdminAdapter::jobs(admin::Listing listing, admin::Respond respond) {
  on_loop([this, listing = std::move(listing), respond = std::move(respond)] {
    parts_.dispatcher.record_all();
    JobFilter filter{.state = listing.state, .ip = listing.ip, .limit = listing.limit};
    parts_.journal.list(
        std::move(filter), [full = listing.full](const JobRecord& record) { return shown(record, full); },
        [respond](const JobList& list) { respond({200, text_of(list)}); });
  });
}

// The loop is asked twice, so that it does not sort.
void AdminAdapter::agents(admin::Listing wanted, admin::Respond respond) {
  AgentFilter filter{std::move(wanted.state), std::move(wanted.ip), wanted.limit};
  on_loop([this, filter = std::move(filter), respond = std::move(respond)] {
    clerk_.run([this, filter, respond, called = parts_.agents.status()]() mutable {
      auto listing = std::make_shared<AgentListing>(std::move(filter), std::move(called));
      on_loop([this, listing = std::move(listing), respond] {
        parts_.registry.agents(listing, [this, listing, respond](std::string reach, AgentNodes nodes) {
          clerk_.run([listing, respond, reach = std::move(reach), nodes = std::move(nodes)] {
            dialect::JsonWriter json(1000);
            json.json("zookeeper", reach);
            json.json("agents", listing->text(nodes));
            respond({200, std::move(json).finish()});
          });
        });
      });
    });
  });
}

void AdminAdapter::nodes(admin::Respond respond) {
  on_loop([this, respond = std::move(respond)] {
    clerk_.run([respond, nodes = parts_.registry.nodes()] { respond({200, nodes.text()}); });
  });
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
    clerk_.run([this, respond] { respond({200, parts_.metrics.text()}); });
  });
}

}  // namespace elves::app
