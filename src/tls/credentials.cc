#include "tls/credentials.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <new>
#include <utility>

#include "base/log.h"
#include "tls/reason.h"

namespace elves::tls {
namespace {

constexpr std::time_t kSoon = std::time_t{14} * 24 * 3600;

// Instead of asking whoever sits at the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

bool is(unsigned long error, int library, int reason) {
  return ERR_GET_LIB(error) == library && ERR_GET_REASON(error) == reason;
}

// Why OpenSSL did not take a file, from all that it noted on the way; empties its list.
std::string why_not(const std::string& wanted) {
  std::string why = "holds no usable " + wanted;
  while (const auto error = ERR_get_error()) {
    if (is(error, ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ))
      why = "is encrypted: only a key without pass phrase can be used";
    if (is(error, ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH) ||
        is(error, ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH))
      why = "is the key of another certificate";
    if (is(error, ERR_LIB_PEM, PEM_R_NO_START_LINE) ||
        is(error, ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND))
      why = fmt::format("holds no {} in PEM form", wanted);
  }
  return why;
}

void need_readable(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw Fault(fmt::format("{} cannot be read: it is a folder", file));
  const std::ifstream stream(file);
  if (!stream) throw Fault(fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
}

void believe(SSL_CTX* context, const Settings& settings) {
  if (settings.ca.empty()) {
    if (settings.role == Settings::Role::client) SSL_CTX_set_default_verify_paths(context);
    return;
  }
  need_readable(settings.ca);
  if (SSL_CTX_load_verify_file(context, settings.ca.c_str()) != 1)
    throw Fault(fmt::format("{} {}", settings.ca, why_not("certificate of an authority")));
  if (settings.role == Settings::Role::server)
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(settings.ca.c_str()));
}

const std::string& key_file(const Settings& settings) {
  return settings.key.empty() ? settings.cert : settings.key;
}

void show(SSL_CTX* context, const Settings& settings) {
  if (settings.cert.empty()) return;
  const auto& key = key_file(settings);
  need_readable(settings.cert);
  need_readable(key);
  if (SSL_CTX_use_certificate_chain_file(context, settings.cert.c_str()) != 1)
    throw Fault(fmt::format("{} {}", settings.cert, why_not("certificate")));
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw Fault(fmt::format("{} {}", key, why_not("private key")));
}

void warn_of_validity(const X509* own, const Settings& settings) {
  std::time_t soon = std::time(nullptr) + kSoon;
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) {
    log::warn("{}: the certificate has expired: peers that check it refuse it", settings.cert);
  } else if (X509_cmp_time(X509_get0_notAfter(own), &soon) < 0) {
    log::warn("{}: the certificate expires within 14 days", settings.cert);
  } else if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0) {
    log::warn("{}: the certificate is not valid yet", settings.cert);
  }
}

std::shared_ptr<SSL_CTX> make_context(const Settings& settings) {
  const bool server = settings.role == Settings::Role::server;
  const std::shared_ptr<SSL_CTX> made(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()),
                                      SSL_CTX_free);
  if (!made) throw std::bad_alloc();
  configure(made.get(), settings);
  return made;
}

void expect(X509_VERIFY_PARAM* of, const std::string& name) {
  X509_VERIFY_PARAM_set_hostflags(of, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(of, name.c_str()) == 1) return;
  ERR_clear_error();
  X509_VERIFY_PARAM_set1_host(of, name.c_str(), name.size());
}

const std::string& name_of(const Settings& settings, const std::string& host) {
  return settings.server_name.empty() ? host : settings.server_name;
}

bool checks_name(const Settings& settings) { return settings.peer != PeerCheck::none && settings.check_name; }

}  // namespace

void configure(SSL_CTX* context, const Settings& settings) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  int verify = SSL_VERIFY_NONE;
  if (settings.peer != PeerCheck::none) verify = SSL_VERIFY_PEER;
  if (settings.peer == PeerCheck::required) verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, verify, verify == SSL_VERIFY_NONE ? nullptr : note_verdict);
  believe(context, settings);
  show(context, settings);
}

void expect_name(SSL_CTX* context, const Settings& settings, const std::string& host) {
  if (checks_name(settings)) expect(SSL_CTX_get0_param(context), name_of(settings, host));
}

Credentials::Credentials(Settings settings, MetricsSink* metrics)
    : settings_(std::move(settings)), refusals_(metrics), context_(make_context(settings_)) {}

void Credentials::reload() {
  auto fresh = make_context(settings_);
  const std::lock_guard lock(mutex_);
  context_ = std::move(fresh);
}

void Credentials::warn_of_doubts() const {
  const auto used = context();
  const X509* own = SSL_CTX_get0_certificate(used.get());
  if (!own) return;
  warn_of_validity(own, settings_);
  const auto& key = key_file(settings_);
  struct stat status{};
  if (::stat(key.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
    log::warn("{}: the private key can be read by everybody: chmod o-r it", key);
}

std::shared_ptr<SSL_CTX> Credentials::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

SSL* Credentials::session(const std::string& host) const {
  SSL* session = SSL_new(context().get());
  if (!session) throw std::bad_alloc();
  if (settings_.role == Settings::Role::server) return session;
  const auto& name = name_of(settings_, host);
  if (checks_name(settings_)) expect(SSL_get0_param(session), name);
  if (name.find_first_not_of("0123456789.") != name.npos && name.find(':') == name.npos)
    SSL_set_tlsext_host_name(session, name.c_str());
  return session;
}

}  // namespace elves::tls
