#include "unit/admin_http_fixture.h"

namespace elves::admin {
namespace {

using namespace testing_http;

class AdminHttpServer : public ServerTest {};

TEST_F(AdminHttpServer, ServesEveryEndpointOnOneConnection) {
  start();
  Client client(server_->port());
  EXPECT_NE(client.ask(get("/")).body.find("/api/v1/jobs"), std::string::npos);
  EXPECT_EQ(client.ask(get("/healthz")).body, R"({"status":"ok"})");
  const auto metrics = client.ask(get("/metrics"));
  EXPECT_EQ(metrics.body, "elves_jobs 1\n");
  EXPECT_TRUE(metrics.has("text/plain; version=0.0.4"));
  EXPECT_EQ(client.ask(post("/api/v1/jobs", "{}")).status, 202);
  EXPECT_EQ(client.ask(get("/api/v1/jobs/00000000000000AA")).status, 200);
  EXPECT_EQ(client.ask(get("/api/v1/jobs/1")).status, 404);
  EXPECT_EQ(client.ask(get("/api/v1/jobs?state=done&ip=10.0.0.5&limit=3")).body, "done|10.0.0.5|3");
  const auto refused = client.ask("DELETE /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(refused.status, 405);
  EXPECT_TRUE(refused.has("Allow: GET, HEAD, POST\r\n"));
  EXPECT_TRUE(refused.has("application/json"));
  EXPECT_EQ(client.ask(get("/nowhere")).status, 404);
  EXPECT_EQ(client.ask(get("/healthz")).status, 200);
}

TEST_F(AdminHttpServer, AnswersHeadWithoutABody) {
  start();
  Client client(server_->port());
  client.send("HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_TRUE(client.receive(true).has("Content-Length: 15\r\n"));
  EXPECT_EQ(client.ask(get("/healthz")).body, R"({"status":"ok"})");
}

TEST_F(AdminHttpServer, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(server_->port());
  client.send(post("/api/v1/jobs?wait=true", "first") + get("/healthz"));
  ASSERT_TRUE(view_.has_waiting(1));
  view_.take()({200, "the first"});
  EXPECT_EQ(client.receive().body, "the first");
  EXPECT_EQ(client.receive().body, R"({"status":"ok"})");
}

TEST_F(AdminHttpServer, ClosesWhenAskedTo) {
  start();
  Client client(server_->port());
  EXPECT_EQ(client.ask(get("/healthz", "Connection: close\r\n")).status, 200);
  EXPECT_TRUE(client.ended());
  Client old(server_->port());
  EXPECT_EQ(old.ask("GET /healthz HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.ended());
}

TEST_F(AdminHttpServer, WaitsForTheResultAndTakesItFromAnotherThread) {
  start();
  Client client(server_->port());
  client.send(post("/api/v1/jobs?wait=true", R"({"app":"apptest"})"));
  ASSERT_TRUE(view_.has_waiting(1));
  EXPECT_EQ(view_.body(0), R"({"app":"apptest"})");
  const auto respond = view_.take();
  std::thread([respond] {
    respond({200, "the result"});
    respond({200, "a second call"});
  }).join();
  EXPECT_EQ(client.receive().body, "the result");
  EXPECT_EQ(client.ask(get("/healthz")).body, R"({"status":"ok"})");
}

TEST_F(AdminHttpServer, AHundredWaitingClientsDoNotDelayHealthz) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    clients.back()->send(post("/api/v1/jobs?wait=true", std::to_string(i)));
  }
  ASSERT_TRUE(view_.has_waiting(100));
  EXPECT_EQ(once(get("/healthz")).status, 200);
  for (std::size_t i = 0; i < 100; ++i) view_.take()({200, view_.body(i)});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(clients[i]->receive().body, std::to_string(i));
}

TEST_F(AdminHttpServer, ForgetsAClientThatGoesAwayWhileWaiting) {
  start({.max_connections = 1});
  Client impatient(server_->port());
  impatient.send(post("/api/v1/jobs?wait=true", "1"));
  ASSERT_TRUE(view_.has_waiting(1));
  impatient.close();
  EXPECT_TRUE(serves_again());
  view_.take()({200, "too late"});
  EXPECT_TRUE(serves_again());
}

TEST_F(AdminHttpServer, EndsWhileAnswersAreOutstanding) {
  start();
  Client client(server_->port());
  client.send(post("/api/v1/jobs?wait=true", "1"));
  Client idle(server_->port());
  ASSERT_TRUE(view_.has_waiting(1));
  server_.reset();
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(idle.ended());
  view_.take()({200, "nobody is there"});
}

TEST_F(AdminHttpServer, AViewThatThrowsOrForgetsIsAnInternalError) {
  start();
  Client client(server_->port());
  const auto thrown = client.ask(post("/api/v1/jobs", "throw"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find("broken view"), std::string::npos);
  EXPECT_EQ(client.ask(post("/api/v1/jobs", "drop")).status, 500);
}

TEST_F(AdminHttpServer, FailsToStartOnATakenPort) {
  start();
  options_.port = server_->port();
  EXPECT_ANY_THROW(HttpServer(options_, door_, view_));
}

}  // namespace
}  // namespace elves::admin
