#include "worker/config_tls.h"

#include <fmt/format.h>

#include <utility>

namespace elves::worker {
namespace {

namespace fs = std::filesystem;
using Role = tls::Settings::Role;

void read_file(Section& section, const char* key, const fs::path& root, std::string& target) {
  section.text(key, target);
  if (!target.empty()) target = (root / target).string();
}

void read_client_cert(Section& section, tls::PeerCheck& target) {
  std::string choice = "none";
  section.text("clientcert", choice);
  if (choice == "optional") {
    target = tls::PeerCheck::optional;
  } else if (choice == "required") {
    target = tls::PeerCheck::required;
  } else if (choice != "none") {
    section.error("clientcert", fmt::format("'{}' is none of none, optional, required", choice));
  }
}

void check(Section& section, const AgentConfig& config) {
  const auto& tls = config.tls;
  if (tls.port != 0 && tls.cert.empty()) section.error("port", "needs tls.cert and tls.key");
  if (tls.port != 0 && tls.port == config.port && tls.plain)
    section.error("port", "is the plain port already");
  if (!tls.key.empty() && tls.cert.empty()) section.error("key", "needs tls.cert");
  if (!tls.plain && tls.port == 0) section.error("plain", "false needs tls.port");
  if (tls.client_cert != tls::PeerCheck::none && tls.ca.empty())
    section.error("clientcert", "needs tls.ca, whose certificates are good");
}

}  // namespace

void read_tls(Section section, const fs::path& root, AgentConfig& config) {
  auto& tls = config.tls;
  std::int64_t port = 0;
  if (section.number("port", 0, 65535, "port, or 0 for none", port))
    tls.port = static_cast<std::uint16_t>(port);
  tls.plain = section.flag("plain", tls.plain);
  tls.scheduler = section.flag("scheduler", tls.scheduler);
  tls.verify_name = section.flag("verifyname", tls.verify_name);
  read_file(section, "ca", root, tls.ca);
  read_file(section, "cert", root, tls.cert);
  read_file(section, "key", root, tls.key);
  read_client_cert(section, tls.client_cert);
  check(section, config);
  section.finish();
}

AgentCredentials load_credentials(const AgentConfig& config) {
  const auto& tls = config.tls;
  AgentCredentials made;
  tls::Settings own{
      .role = Role::server, .ca = tls.ca, .cert = tls.cert, .key = tls.key, .peer = tls.client_cert};
  if (tls.port != 0) made.port = std::make_shared<tls::Credentials>(own);
  if (!tls.scheduler) return made;
  own.role = Role::client;
  own.peer = tls::PeerCheck::required;
  own.check_name = tls.verify_name;
  made.scheduler = std::make_shared<tls::Credentials>(std::move(own));
  return made;
}

}  // namespace elves::worker
