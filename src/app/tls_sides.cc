#include "app/tls_sides.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "base/log.h"

namespace elves::app {
namespace {

using Role = tls::Settings::Role;

tls::CredentialsPtr read(const char* keys, tls::Settings settings, MetricsSink& metrics) {
  try {
    return std::make_shared<tls::Credentials>(std::move(settings), &metrics);
  } catch (const tls::Fault& fault) {
    throw std::runtime_error(fmt::format("{}: {}", keys, fault.what()));
  }
}

tls::PeerCheck peer_check(const std::string& choice) {
  if (choice == "required") return tls::PeerCheck::required;
  return choice == "optional" ? tls::PeerCheck::optional : tls::PeerCheck::none;
}

}  // namespace

std::optional<tls::Settings> broker_tls(const config::MqTlsOptions& mq) {
  if (!mq.enabled) return std::nullopt;
  return tls::Settings{.role = Role::client,
                       .ca = mq.ca,
                       .cert = mq.cert,
                       .key = mq.key,
                       .peer = mq.verify ? tls::PeerCheck::required : tls::PeerCheck::none,
                       .server_name = mq.server_name};
}

TlsSides::TlsSides(const config::Options& options, MetricsSink& metrics) {
  const auto& thrift = options.thrift_tls;
  if (const auto broker = broker_tls(options.mq_tls); broker && !options.standalone) {
    read("mq.tls.*", *broker, metrics);  // each connection reads them anew
  }
  tls::Settings own{.role = Role::server,
                    .ca = thrift.ca,
                    .cert = thrift.cert,
                    .key = thrift.key,
                    .peer = peer_check(thrift.client_cert)};
  if (thrift.port != 0) results = read("thrift.tls.*", own, metrics);
  own.role = Role::client;
  own.peer = tls::PeerCheck::required;
  own.check_name = thrift.verify_name;
  if (thrift.agents != "off") agents = read("thrift.tls.*", std::move(own), metrics);
  const auto& http = options.admin_tls;
  if (options.admin.enabled && !http.cert.empty()) {
    admin = read("admin.tls.*",
                 {.role = Role::server,
                  .ca = http.ca,
                  .cert = http.cert,
                  .key = http.key,
                  .peer = http.ca.empty() ? tls::PeerCheck::none : tls::PeerCheck::required},
                 metrics);
  }
  warn_of_doubts();
}

// Results and agents have the same certificate.
void TlsSides::warn_of_doubts() const {
  for (const auto& side : {results ? results : agents, admin}) {
    if (side) side->warn_of_doubts();
  }
}

void TlsSides::reload() {
  for (const auto& side : {results, agents, admin}) {
    if (!side) continue;
    try {
      side->reload();
    } catch (const tls::Fault& fault) {
      log::error("{}; the certificate before is still used", fault.what());
    }
  }
  warn_of_doubts();
}

}  // namespace elves::app
