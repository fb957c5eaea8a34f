#include <gtest/gtest.h>

#include <algorithm>

#include "ctl/fleet_view.h"
#include "ctl/text.h"

namespace elves::ctl {
namespace {

boost::json::value json(std::string_view text) { return parse_json(text).value(); }

TEST(FleetView, Nodes) {
  EXPECT_EQ(node_table(json(R"({"nodes":[
      {"node":"scheduler-1","self":true,"age":5,"data":{"host":"a","thrift_port":1,"admin_port":2,
       "version":"3","pid":4,"start_time":"t"}},
      {"node":"scheduler-2","self":false,"age":273906,"data":null}]})")),
            "NODE           HOST  THRIFT  ADMIN  VERSION  PID  STARTED  AGE\n"
            "scheduler-1 *  a     1       2      3        4    t        00:00:05\n"
            "scheduler-2                                                3d 04:05:06\n");
  EXPECT_EQ(node_table(json("[]")), node_table(json("{}")));
}

TEST(FleetView, AgentsWithAppsInEveryShape) {
  const auto apps = [](const std::string& value) {
    const auto text = agent_table(json(R"({"agents":[{"apps":)" + value + "}]}"));
    const auto row = text.substr(text.find('\n') + 1);
    const auto begin = std::min(row.find_first_not_of(' '), row.size());
    return row.substr(begin, row.find("  ", begin) - begin);
  };
  EXPECT_EQ(apps(R"({"a":"1.0","b":null})"), "a 1.0, b");
  EXPECT_EQ(apps(R"(["a","b"])"), "a, b");
  EXPECT_EQ(apps(R"([{"app":"a","x":1}])"), "a");
  EXPECT_EQ(apps(R"("a")"), "a");
}

TEST(FleetView, SaysHowFarItCanBeReliedUpon) {
  EXPECT_EQ(reservation(json(R"({"zookeeper":{"state":"current"}})")), "");
  EXPECT_NE(reservation(json(R"({"zookeeper":{"state":"off"}})")).find("zookeeper.host"), std::string::npos);
  EXPECT_EQ(reservation(json(R"({"zookeeper":{"state":"stale","stale_since":"then","trouble":"lost"}})")),
            "what ZooKeeper says is not known since then; this is what it said last (lost)");
}

}  // namespace
}  // namespace elves::ctl
