#include "config/tls_rules.h"

#include <fmt/format.h>

#include "config/listen.h"

namespace elves::config {
namespace {

using List = std::vector<Objection>;

void check_mq(const MqTlsOptions& tls, List& list) {
  if (!tls.key.empty() && tls.cert.empty())
    list.push_back({"mq.tls.key", "needs mq.tls.cert, the certificate it belongs to", true});
  if (tls.enabled && !tls.verify)
    list.push_back({"mq.tls.verify", "false: anybody on the way can pretend to be the broker", false});
}

void check_thrift(const ThriftOptions& thrift, const ThriftTlsOptions& tls, List& list) {
  if (tls.port != 0 && tls.cert.empty())
    list.push_back({"thrift.tls.port", "needs thrift.tls.cert and thrift.tls.key", true});
  if (tls.port != 0 && tls.port == thrift.port && thrift.plain)
    list.push_back({"thrift.tls.port", "is thrift.scheduler.port already", true});
  if (!tls.key.empty() && tls.cert.empty())
    list.push_back({"thrift.tls.key", "needs thrift.tls.cert, the certificate it belongs to", true});
  if (tls.client_cert != "none" && tls.ca.empty())
    list.push_back({"thrift.tls.clientCert", "needs thrift.tls.ca, whose certificates are good", true});
  if (!thrift.plain && tls.port == 0)
    list.push_back({"thrift.plain", "false needs thrift.tls.port: agents must reach the scheduler", true});
}

void check_admin(const AdminOptions& admin, const AdminTlsOptions& tls, List& list) {
  const bool token = !admin.token.empty() || !admin.read_only_token.empty();
  const auto listen = parse_listen(admin.listen);
  if (tls.cert.empty() && !(tls.key.empty() && tls.ca.empty()))
    list.push_back({tls.key.empty() ? "admin.tls.ca" : "admin.tls.key", "needs admin.tls.cert", true});
  if (!admin.token.empty() && admin.token == admin.read_only_token)
    list.push_back({"admin.token.readOnly", "must differ from admin.token", true});
  if (!admin.enabled || listen->loopback()) return;
  if (!token) {
    list.push_back({"admin.listen",
                    fmt::format("'{}' can be reached from other machines and so needs admin.token; without "
                                "one only an address such as 127.0.0.1:10180 is right",
                                admin.listen),
                    true});
  } else if (tls.cert.empty()) {
    list.push_back({"admin.listen",
                    fmt::format("'{}' can be reached from other machines, and without admin.tls.cert the "
                                "token and all jobs cross the network readable",
                                admin.listen),
                    false});
  }
}

}  // namespace

std::vector<Objection> objections(const Options& options) {
  List list;
  check_mq(options.mq_tls, list);
  check_thrift(options.thrift, options.thrift_tls, list);
  check_admin(options.admin, options.admin_tls, list);
  return list;
}

}  // namespace elves::config
