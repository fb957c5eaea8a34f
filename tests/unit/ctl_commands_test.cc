#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "admin/http_server.h"
#include "ctl/elvesctl.h"

namespace elves::ctl {
namespace {

constexpr const char* kSucceeded =
    R"({"log_id":"00000000000000AA","state":"settled","flag":1,"error":"","agent_sync_flag":1,"worker_message":"hi"})";

// A scheduler that gives the answers the test has put in.
class FakeScheduler final : public admin::AdminView {
 public:
  void submit(std::string body, bool wait, admin::Caller, admin::Respond respond) override {
    std::lock_guard lock(mutex_);
    bodies_.push_back(body);
    respond(wait ? run_answer : admin::Answer{202, R"({"log_id":"00000000000000AB","state":"received"})"});
  }
  void job(std::string log_id, admin::Respond respond) override {
    if (log_id != "00000000000000AB") return respond({404, R"({"error":"no such job","code":"404"})"});
    if (++looks_ < 3) return respond({200, R"({"log_id":"00000000000000AB","state":"accepted"})"});
    respond({200, kSucceeded});
  }
  void jobs(admin::Listing of, admin::Respond respond) override {
    respond({200, R"({"jobs":[{"log_id":")" + of.state + of.ip + std::to_string(of.limit) + R"("}]})"});
  }
  void nodes(admin::Respond respond) override {
    respond({200, R"({"zookeeper":{"state":"stale","stale_since":"then"},"nodes":[{"node":"one"}]})"});
  }
  void agents(admin::Listing of, admin::Respond respond) override {
    respond({200, R"({"agents":[{"ip":")" + of.state + of.ip + std::to_string(of.limit) + R"("}]})"});
  }
  void health(admin::Respond respond) override { respond({200, "{}"}); }
  void metrics(admin::Respond respond) override { respond({200, ""}); }

  std::string last_body() {
    std::lock_guard lock(mutex_);
    return bodies_.empty() ? "" : bodies_.back();
  }

  admin::Answer run_answer{200, kSucceeded};

 private:
  std::mutex mutex_;
  std::vector<std::string> bodies_;
  std::atomic<int> looks_ = 0;
};

struct Printed {
  int code = -1;
  std::string out;
  std::string err;
};

class CtlCommands : public testing::Test {
 protected:
  CtlCommands() {
    admin::HttpOptions options;
    options.port = 0;
    options.tokens.full = "secret";
    server_ = std::make_unique<admin::HttpServer>(options, door_, scheduler_);
    environment_["ELVES_URL"] = "http://127.0.0.1:" + std::to_string(server_->port());
    environment_["ELVES_ADMIN_TOKEN"] = "secret";
  }

  Printed run(std::vector<std::string> words, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    const Io io{in, out, err, false};
    const int code = ctl::run(std::move(words), [this](const char* name) { return environment_[name]; }, io);
    return {code, out.str(), err.str()};
  }

  Door door_{{"", "", ""}, {}};
  FakeScheduler scheduler_;
  std::unique_ptr<admin::HttpServer> server_;
  std::map<std::string, std::string> environment_;
};

TEST_F(CtlCommands, RunPrintsTheWorkersMessage) {
  const auto printed =
      run({"run", "10.0.0.5", "apptest", "hello", "text", "--timeout", "7", "--mode", "sap"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, "hi\n");
  EXPECT_EQ(printed.err, "");
  EXPECT_EQ(scheduler_.last_body(),
            R"({"ip":"10.0.0.5","app":"apptest","func":"hello","param":"text","timeout":7,"mode":"sap"})");
}

TEST_F(CtlCommands, RunTakesItsParamFromStandardInput) {
  EXPECT_EQ(run({"run", "10.0.0.5", "a", "f", "--param-file", "-"}, "line\n").code, 0);
  EXPECT_EQ(scheduler_.last_body(), R"({"ip":"10.0.0.5","app":"a","func":"f","param":"line\n"})");
  const auto missing = run({"run", "10.0.0.5", "a", "f", "--param-file", "/nonexistent/file"});
  EXPECT_EQ(missing.code, 64);
  EXPECT_EQ(missing.err, "elvesctl: cannot read /nonexistent/file: No such file or directory\n");
}

TEST_F(CtlCommands, RunEndsAsTheJobDid) {
  scheduler_.run_answer.body =
      R"({"state":"settled","flag":0,"error":"","agent_sync_flag":1,"worker_message":"sorry"})";
  const auto failed = run({"run", "10.0.0.5", "a", "f"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.out, "sorry\n");
  EXPECT_EQ(failed.err, "elvesctl: the worker failed\n");

  scheduler_.run_answer.body =
      R"({"state":"settled","flag":0,"error":"[410.0]Send Job To Agent Fail","agent_sync_flag":0,"worker_message":""})";
  const auto unreachable = run({"run", "10.0.0.5", "a", "f"});
  EXPECT_EQ(unreachable.code, 2);
  EXPECT_EQ(unreachable.out, "");
  EXPECT_EQ(unreachable.err, "elvesctl: [410.0]Send Job To Agent Fail\n");

  scheduler_.run_answer = {400, R"({"error":"[403.1]Request Params (ip) Illegal","code":"403.1"})"};
  const auto rejected = run({"run", "10.0.0.5", "a", "f"});
  EXPECT_EQ(rejected.code, 2);
  EXPECT_EQ(rejected.err, "elvesctl: [403.1]Request Params (ip) Illegal\n");
}

TEST_F(CtlCommands, JsonPrintsTheAnswerAsItCame) {
  const auto printed = run({"run", "10.0.0.5", "a", "f", "--json"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, std::string(kSucceeded) + '\n');
}

TEST_F(CtlCommands, SubmitPrintsTheLogId) {
  const auto printed = run({"submit", "10.0.0.5", "a", "f"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(printed.out, "00000000000000AB\n");
  EXPECT_EQ(scheduler_.last_body(), R"({"ip":"10.0.0.5","app":"a","func":"f","param":"","type":"queue"})");
}

TEST_F(CtlCommands, JobShowsOneAndWaitsIfAsked) {
  const auto now = run({"job", "00000000000000AB"});
  EXPECT_EQ(now.code, 0);
  EXPECT_EQ(now.out, "log_id  00000000000000AB\nstate   accepted\n");
  const auto ended = run({"job", "--wait", "00000000000000AB"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.out.find("worker_message:\nhi\n"), std::string::npos);
  const auto unknown = run({"job", "a/b?c"});
  EXPECT_EQ(unknown.code, 2);
}

TEST_F(CtlCommands, JobsListsWhatIsAskedFor) {
  EXPECT_NE(run({"jobs", "--state", "open", "--ip", "::1", "--limit", "3"}).out.find("open::13"),
            std::string::npos);
  const auto bad = run({"jobs", "--state", "now"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err.find("one of received"), std::string::npos);
}

TEST_F(CtlCommands, TheTokenComesFromTheEnvironmentOrAFile) {
  environment_.erase("ELVES_ADMIN_TOKEN");
  const auto refused = run({"jobs"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("--token-file"), std::string::npos);
  std::string name = testing::TempDir() + "elvesctl-token-XXXXXX";
  ::close(::mkstemp(name.data()));
  std::ofstream(name) << "secret\n";
  EXPECT_EQ(run({"jobs", "--token-file", name}).code, 0);
  ::unlink(name.c_str());
}

TEST_F(CtlCommands, SaysWhenNobodyAnswers) {
  const auto url = environment_["ELVES_URL"];
  server_.reset();
  const auto printed = run({"run", "10.0.0.5", "a", "f"});
  EXPECT_EQ(printed.code, 2);
  EXPECT_EQ(printed.err,
            "elvesctl: no scheduler answers at " + url + ": connection refused; is it running? (--url)\n");
}

TEST_F(CtlCommands, NodesAreListedWithAReservation) {
  const auto printed = run({"nodes"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find("\none "), std::string::npos) << printed.out;
  EXPECT_EQ(printed.err,
            "elvesctl: what ZooKeeper says is not known since then; this is what it said last\n");
}

TEST_F(CtlCommands, AgentsAreFiltered) {
  const auto printed = run({"agents", "--state", "online", "--ip", "10.0.0.1", "--limit", "7"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_NE(printed.out.find("online10.0.0.17"), std::string::npos) << printed.out;
  EXPECT_EQ(run({"agents", "--state", "open"}).code, 2);
}

TEST_F(CtlCommands, SendSaysWhenNoBrokerAnswersAndKeepsThePassword) {
  const auto port = std::to_string(server_->port());
  server_.reset();
  environment_["ELVES_AMQP"] = "amqp://user:secret@127.0.0.1:" + port + "/jobs";
  const auto printed = run({"send", "-"}, "{}");
  EXPECT_EQ(printed.code, 2);
  EXPECT_EQ(printed.err.find("secret"), std::string::npos);
  EXPECT_NE(printed.err.find("amqp://user@127.0.0.1:" + port + "/jobs: no broker answers: "),
            std::string::npos);
  EXPECT_NE(printed.err.find("refused"), std::string::npos) << printed.err;
  EXPECT_EQ(run({"send", "--no-reply-to", "-"}, "{}").code, 2);
}

}  // namespace
}  // namespace elves::ctl
