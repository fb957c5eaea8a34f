#include <gtest/gtest.h>

#include <variant>

#include "admin/guard.h"
#include "admin/query.h"
#include "admin/routes.h"

namespace elves::admin {
namespace {

Head get(std::string_view target) {
  Head head;
  head.method = "GET";
  head.target = target;
  head.host = "127.0.0.1:10180";
  return head;
}

Head post(std::string_view target) {
  Head head = get(target);
  head.method = "POST";
  head.content_type = "application/json; charset=utf-8";
  return head;
}

Route routed(const Head& head, const Tokens& tokens = {}) {
  auto found = route(head, tokens);
  if (auto* reply = std::get_if<Reply>(&found)) ADD_FAILURE() << reply->status << ' ' << reply->body;
  auto* served = std::get_if<Route>(&found);
  return served ? *served : Route(Endpoint::index);
}

Reply refused(const Head& head, const Tokens& tokens = {}) {
  auto found = route(head, tokens);
  auto* reply = std::get_if<Reply>(&found);
  return reply ? *reply : Reply(0, "served");
}

TEST(AdminRoutes, FindsEveryEndpoint) {
  EXPECT_EQ(routed(get("/")).endpoint, Endpoint::index);
  EXPECT_EQ(routed(get("/healthz")).endpoint, Endpoint::health);
  EXPECT_EQ(routed(get("/metrics?x=1")).endpoint, Endpoint::metrics);
  EXPECT_EQ(routed(get("/api/v1/jobs")).endpoint, Endpoint::jobs);
  EXPECT_EQ(routed(get("/api/v1/nodes")).endpoint, Endpoint::nodes);
  EXPECT_EQ(routed(post("/api/v1/jobs")).endpoint, Endpoint::submit);
  EXPECT_EQ(routed(get("/api/v1/jobs/00AB%41")).endpoint, Endpoint::job);
  EXPECT_EQ(routed(get("/api/v1/jobs/00AB%41")).log_id, "00ABA");
}

TEST(AdminRoutes, ReadsTheQueryOfAListing) {
  const auto route = routed(get("/api/v1/jobs?state=open&ip=%3A%3A1&limit=7"));
  EXPECT_EQ(route.listing.state, "open");
  EXPECT_EQ(route.listing.ip, "::1");
  EXPECT_EQ(route.listing.limit, 7u);
  EXPECT_EQ(routed(get("/api/v1/jobs?")).listing.limit, 100u);
  EXPECT_FALSE(routed(get("/api/v1/jobs?fields=brief")).listing.full);
  EXPECT_TRUE(routed(get("/api/v1/jobs?fields=full")).listing.full);
}

TEST(AdminRoutes, ReadsTheQueryOfAListingOfAgents) {
  const auto route = routed(get("/api/v1/agents?state=offline&ip=10.0.0.1&limit=7"));
  EXPECT_EQ(route.endpoint, Endpoint::agents);
  EXPECT_EQ(route.listing.state, "offline");
  EXPECT_EQ(route.listing.ip, "10.0.0.1");
  EXPECT_EQ(route.listing.limit, 7u);
  EXPECT_NE(refused(get("/api/v1/agents?state=open")).body.find("online, offline, unknown"),
            std::string::npos);
  EXPECT_EQ(refused(post("/api/v1/agents")).allow, "GET, HEAD");
}

TEST(AdminRoutes, RefusesABadQueryAndSaysWhatWouldBeRight) {
  for (const char* limit : {"0", "10001", "-1", "1.5", "abc", "", "7x", "99999999999999999999"}) {
    const auto reply = refused(get(std::string("/api/v1/jobs?limit=") + limit));
    EXPECT_EQ(reply.status, 400u) << limit;
    EXPECT_NE(reply.body.find("from 1 to 10000"), std::string::npos) << reply.body;
  }
  EXPECT_NE(refused(get("/api/v1/jobs?state=Open")).body.find("received, accepted"), std::string::npos);
  EXPECT_EQ(refused(get("/api/v1/jobs?ip=host")).status, 400u);
  EXPECT_EQ(refused(get("/api/v1/jobs?ip=1.2.3.4&ip=1.2.3.5")).status, 400u);
  EXPECT_NE(refused(get("/api/v1/jobs?states=open")).body.find("the nearest known one is state"),
            std::string::npos);
  for (const char* page : {"/api/v1/jobs/00000000000000AA?wait=true", "/api/v1/nodes?limit=1"}) {
    EXPECT_NE(refused(get(page)).body.find("this page takes none"), std::string::npos) << page;
  }
  EXPECT_EQ(routed(get("/healthz?from=balancer")).endpoint, Endpoint::health);
  EXPECT_EQ(refused(get("/api/v1/jobs?ip=%zz")).status, 400u);
  EXPECT_EQ(refused(post("/api/v1/jobs?wait=yes")).status, 400u);
  EXPECT_EQ(refused(post("/api/v1/jobs?limit=1")).status, 400u);
  EXPECT_TRUE(routed(post("/api/v1/jobs?wait=true")).wait);
  EXPECT_FALSE(routed(post("/api/v1/jobs?wait=false")).wait);
}

TEST(AdminRoutes, RefusesUnknownPagesAndMethods) {
  for (const char* target : {"/x", "//", "", "/api/v1/jobs/", "/api/v1/jobsx", "/api/v1/jobs/a/b",
                             "/api/v1/jobs/a%2Fb", "/api/v1/jobs/%00", "*"}) {
    EXPECT_EQ(refused(get(target)).status, 404u) << target;
  }
  Head remove = get("/api/v1/jobs");
  remove.method = "DELETE";
  EXPECT_EQ(refused(remove).status, 405u);
  EXPECT_EQ(refused(remove).allow, "GET, HEAD, POST");
  EXPECT_EQ(refused(post("/healthz")).allow, "GET, HEAD");
  EXPECT_EQ(refused(post("/api/v1/jobs/1")).allow, "GET, HEAD");
}

TEST(AdminRoutes, TakesJobsFromBrowsersOnlyAsJson) {
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    Head head = post("/api/v1/jobs");
    head.content_type = type;
    EXPECT_TRUE(std::holds_alternative<Route>(route(head, {}))) << type;
    head.origin = "http://elsewhere.example";
    EXPECT_EQ(refused(head).status, 415u) << type;
  }
}

TEST(AdminRoutes, AsksForTheTokenEverywhereButOnHealthz) {
  Head head = get("/metrics");
  EXPECT_EQ(refused(head, {"secret", ""}).status, 401u);
  for (const char* wrong :
       {"Bearer ", "Bearer secre", "Bearer secretx", "Bearer Secret", "Basic secret", "secret"}) {
    head.authorization = wrong;
    EXPECT_EQ(refused(head, {"secret", ""}).status, 401u) << wrong;
  }
  head.authorization = "bearer secret";
  EXPECT_EQ(routed(head, {"secret", ""}).endpoint, Endpoint::metrics);
  EXPECT_EQ(refused(get("/nowhere"), {"secret", ""}).status, 401u);
  EXPECT_EQ(routed(get("/healthz"), {"secret", ""}).endpoint, Endpoint::health);
}

TEST(AdminRoutes, AReadOnlyTokenReadsAndSubmitsNothing) {
  const Tokens both{"secret", "look"};
  for (const Tokens& tokens : {both, Tokens{"", "look"}}) {
    Head head = get("/api/v1/jobs");
    EXPECT_EQ(refused(head, tokens).status, 401u);
    head.authorization = "Bearer ";
    EXPECT_EQ(refused(head, tokens).status, 401u);
    head.authorization = "Bearer look";
    EXPECT_EQ(routed(head, tokens).caller.token, "admin.token.readOnly");
    head.method = "HEAD";
    EXPECT_EQ(routed(head, tokens).endpoint, Endpoint::jobs);
    Head submit = post("/api/v1/jobs");
    submit.authorization = "Bearer look";
    EXPECT_EQ(refused(submit, tokens).status, 403u);
    EXPECT_NE(refused(submit, tokens).body.find("may only read"), std::string::npos);
  }
  Head submit = post("/api/v1/jobs");
  submit.authorization = "Bearer secret";
  EXPECT_EQ(routed(submit, both).caller.token, "admin.token");
  EXPECT_EQ(routed(post("/api/v1/jobs")).caller.token, "");
}

TEST(AdminRoutes, WithoutATokenAnswersOnlyToAddresses) {
  Head head = get("/api/v1/jobs");
  for (const char* host : {"localhost", "LOCALHOST:10180", "127.0.0.1", "[::1]:10180", "10.1.2.3:1", ""}) {
    head.host = host;
    EXPECT_EQ(routed(head).endpoint, Endpoint::jobs) << host;
  }
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example:10180", "[evil.example]", "localhost.evil"}) {
    head.host = host;
    EXPECT_EQ(refused(head).status, 403u) << host;
  }
  head.authorization = "Bearer secret";
  EXPECT_EQ(routed(head, {"secret", ""}).endpoint, Endpoint::jobs);
}

TEST(AdminRoutes, WordsAnErrorAsJson) {
  EXPECT_EQ(error_reply(400, "a \"b\"", "403.1").body, R"({"error":"a \"b\"","code":"403.1"})");
  EXPECT_EQ(error_reply(404, "no").body, R"({"error":"no","code":"404"})");
}

TEST(AdminQuery, DecodesPercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(percent_decode("a+c", false), "a+c");
  for (const char* broken : {"%", "%4", "%4g", "%00", "%-1", "% 1"}) {
    EXPECT_EQ(percent_decode(broken, true), std::nullopt) << broken;
  }
  const auto pairs = parse_query("a=1&&b&c=%3D=");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", ""}, {"c", "=="}}));
}

}  // namespace
}  // namespace elves::admin
