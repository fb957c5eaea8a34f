// What one side of TLS connections shows and whom it believes, read from PEM files. TLS 1.2 and later only.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "base/event.h"
#include "tls/refusals.h"

namespace elves::tls {

// Whether the other side has to prove who it is with a certificate.
enum class PeerCheck : std::uint8_t { none, optional, required };

struct Settings {
  enum class Role : std::uint8_t { server, client };
  Role role = Role::client;
  std::string ca;    // authorities that certify peers; "" = for a client, those of the system
  std::string cert;  // own certificate and the chain above it; "" = none, of a client only
  std::string key;   // its private key without pass phrase; "" = it is in `cert`
  PeerCheck peer = PeerCheck::required;
  bool check_name = true;        // of a client: the server's certificate must name it
  std::string server_name = {};  // the name to look for; "" = what the connection was made to
};

// A file cannot be used. what() names the file and says why.
class Fault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Any thread.
class Credentials {
 public:
  // Reads the files: throws Fault. `metrics`, if any, must outlive it.
  explicit Credentials(Settings settings, MetricsSink* metrics = nullptr);

  // Reads the files again, for connections made from now on. Throws Fault and goes on with what it had.
  void reload();

  // Warns in the log of an own certificate that is not valid or soon will not be, and of a private key that
  // everybody can read.
  void warn_of_doubts() const;

  // For one new connection, owned by the caller; a client's is to reach `host` (a name or an IP literal,
  // ignored for a server). Throws std::bad_alloc.
  SSL* session(const std::string& host) const;

  // Tells of a peer that did not get, or did not want, a connection (tls/refusals.h).
  void refused(const std::string& peer, const std::string& reason) { refusals_.tell(peer, reason); }

 private:
  std::shared_ptr<SSL_CTX> context() const;

  const Settings settings_;
  Refusals refusals_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

using CredentialsPtr = std::shared_ptr<Credentials>;

// Makes `context` as `settings` say; throws Fault. For libraries that make the context themselves.
void configure(SSL_CTX* context, const Settings& settings);
// The same for the name that a server's certificate must have.
void expect_name(SSL_CTX* context, const Settings& settings, const std::string& host);

}  // namespace elves::tls
