#include "unit/admin_http_fixture.h"

namespace elves::admin {
namespace {

using namespace testing_http;

class AdminHttpLimits : public ServerTest {};

TEST_F(AdminHttpLimits, AsksForTheToken) {
  options_.tokens.full = "secret";
  start();
  Client client(server_->port());
  const auto refused = client.ask(post("/api/v1/jobs", "{}"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.has("WWW-Authenticate: Bearer\r\n"));
  EXPECT_EQ(once(post("/api/v1/jobs", "{}", "Authorization: Bearer secret\r\n")).status, 202);
  EXPECT_EQ(once(get("/healthz")).status, 200);
}

TEST_F(AdminHttpLimits, RefusesWhatIsTooLarge) {
  options_.max_body = 100;
  options_.max_header = 500;
  start();
  EXPECT_EQ(once(post("/api/v1/jobs", std::string(100, 'x'))).status, 202);
  EXPECT_EQ(once(post("/api/v1/jobs", std::string(101, 'x'))).status, 413);
  const std::string chunked =
      "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(once(chunked + "65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n").status, 413);
  EXPECT_EQ(once(chunked + "64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n").status, 202);
  const auto header = once(get("/healthz", "X: " + std::string(500, 'x') + "\r\n"));
  EXPECT_EQ(header.status, 431);
  EXPECT_TRUE(header.has("Connection: close\r\n"));
}

TEST_F(AdminHttpLimits, TellsAClientThatIsStillSendingWhyItIsRefused) {
  options_.max_body = 4u << 20;
  start();
  const auto response = once(post("/api/v1/jobs", std::string(5u << 20, 'x')));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, R"({"error":"the request's body is too large","code":"413"})");
}

TEST_F(AdminHttpLimits, RefusesWhatIsNoHttp) {
  start();
  for (const char* bytes :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\x80\x01\x00\x01garbage\r\n\r\n"}) {
    Client client(server_->port());
    EXPECT_EQ(client.ask(bytes).status, 400) << bytes;
    EXPECT_TRUE(client.ended()) << bytes;
  }
}

TEST_F(AdminHttpLimits, LetsAClientContinue) {
  start();
  Client client(server_->port());
  client.send(
      "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  EXPECT_EQ(client.ask("{}").status, 202);
}

TEST_F(AdminHttpLimits, ClosesSlowAndIdleClients) {
  options_.header_time = 1s;
  options_.idle = 1s;
  start();
  Client silent(server_->port());
  Client half(server_->port());
  half.send("GET /healthz HT");
  Client bodiless(server_->port());
  bodiless.send(
      "POST /api/v1/jobs HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(silent.ended());
  EXPECT_TRUE(half.ended());
  EXPECT_TRUE(bodiless.ended());
}

TEST_F(AdminHttpLimits, AWaitingClientIsNotIdle) {
  options_.header_time = 1s;
  options_.idle = 1s;
  start();
  Client waiting(server_->port());
  waiting.send(post("/api/v1/jobs?wait=true", "1"));
  ASSERT_TRUE(view_.has_waiting(1));
  Client idle(server_->port());
  EXPECT_TRUE(idle.ended());
  view_.take()({200, "late"});
  EXPECT_EQ(waiting.receive().body, "late");
}

TEST_F(AdminHttpLimits, RefusesMoreConnectionsThanAllowed) {
  start({.max_connections = 2});
  Client first(server_->port());
  Client second(server_->port());
  EXPECT_EQ(first.ask(get("/healthz")).status, 200);
  EXPECT_EQ(second.ask(get("/healthz")).status, 200);
  Client third(server_->port());
  const auto refused = third.receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, R"({"error":"too many connections","code":"503"})");
  third.finish_sending();
  EXPECT_TRUE(third.ended());
  EXPECT_EQ(first.ask(get("/healthz")).status, 200);
  EXPECT_EQ(refusals(), std::vector{Door::Refusal::full});
}

TEST_F(AdminHttpLimits, RefusesMoreOfOneAddressThanAllowed) {
  start({.max_per_address = 1});
  Client first(server_->port());
  EXPECT_EQ(first.ask(get("/healthz")).status, 200);
  EXPECT_EQ(Client(server_->port()).receive().status, 503);
  EXPECT_EQ(first.ask(get("/healthz")).status, 200);
  EXPECT_EQ(refusals(), std::vector{Door::Refusal::address_full});
}

TEST_F(AdminHttpLimits, WhoNeverAsksIsClosedSoonerThanWhoHasAsked) {
  options_.header_time = 1s;
  start();
  Client asked(server_->port());
  EXPECT_EQ(asked.ask(get("/healthz")).status, 200);
  Client silent(server_->port());
  EXPECT_TRUE(silent.ended());
  EXPECT_EQ(asked.ask(get("/healthz")).status, 200);
  EXPECT_EQ(refusals(), std::vector{Door::Refusal::slow});
}

TEST_F(AdminHttpLimits, WhatIsNoRequestIsCounted) {
  start();
  EXPECT_EQ(once("\x16\x03\x01 hello\r\n\r\n").status, 400);
  EXPECT_EQ(refusals(), std::vector{Door::Refusal::broken});
}

TEST_F(AdminHttpLimits, WhoTakesNoAnswersDoesNotFillTheMemory) {
  options_.max_unsent = 40u << 20;
  start();
  const auto answer_with = [this](Client& client, std::size_t size) {
    client.send(post("/api/v1/jobs?wait=true", "{}"));
    EXPECT_TRUE(view_.has_waiting(1));
    view_.take()({200, std::string(size, 'x')});
  };
  Client idle(server_->port());
  answer_with(idle, 32u << 20);
  Client other(server_->port());
  answer_with(other, 16u << 20);
  const auto refused = other.receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("admin.maxUnsent"), std::string::npos);
  EXPECT_EQ(other.ask(get("/healthz")).status, 200);
  EXPECT_EQ(idle.receive().body.size(), std::size_t{32} << 20);
  EXPECT_EQ(idle.ask(get("/healthz")).status, 200) << "its answer is over";
  answer_with(other, 16u << 20);
  EXPECT_EQ(other.receive().body.size(), std::size_t{16} << 20);
}

}  // namespace
}  // namespace elves::admin
