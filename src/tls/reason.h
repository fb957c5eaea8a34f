// What went wrong with a TLS connection, in words.
#pragma once

#include <openssl/types.h>

#include <boost/system/error_code.hpp>
#include <string>

namespace elves::tls {

// For a person, about the peer: "its certificate is refused: certificate has expired". `session` is the
// connection's; null = unknown.
std::string reason(const boost::system::error_code& fault, const SSL* session);

// For SSL_CTX_set_verify(): changes no verdict, and notes it for last_reason().
int note_verdict(int good, X509_STORE_CTX* check);

// Whether the peer itself ended the connection and said why, as one does that refuses a certificate.
bool is_alert(const boost::system::error_code& fault);

// The same for what went wrong on this thread since forget_last(), with a context of configure()
// (tls/credentials.h), for libraries that only tell that it did. "" when nothing is known.
std::string last_reason();
void forget_last();

}  // namespace elves::tls
