#include "tls/reason.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace elves::tls {
namespace {

namespace asio = boost::asio;

thread_local long last_verdict = X509_V_OK;  // of a certificate that was refused

std::string certificate_text(long verify) {
  switch (verify) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is refused: it is made for another name or address";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is refused: it is of an unknown authority";
    default:
      break;
  }
  return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(verify));
}

// What the peer said in an alert, for which OpenSSL's own words are about protocol versions.
std::string alert_text(int alert) {
  if (alert == SSL_AD_PROTOCOL_VERSION) return "it speaks no TLS version from 1.2 on";
  if (alert == SSL_AD_CERTIFICATE_REQUIRED) return "it refuses this side: certificate required";
  return fmt::format("it refuses this side: {}", SSL_alert_desc_string_long(alert));
}

// `verify`: of the peer's certificate, X509_V_OK when it was not refused.
std::string text_of(unsigned long error, long verify) {
  if (verify != X509_V_OK) return certificate_text(verify);
  const int code = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (code > SSL_AD_REASON_OFFSET) return alert_text(code - SSL_AD_REASON_OFFSET);
    switch (code) {
      case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "it closed the connection";
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "it shows no certificate";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_VERSION_TOO_LOW:
        return "it speaks no TLS version from 1.2 on";
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
      case SSL_R_RECORD_LENGTH_MISMATCH:
      case SSL_R_RECORD_TOO_SMALL:
      case SSL_R_LENGTH_TOO_SHORT:
      case SSL_R_BAD_RECORD_TYPE:
      case SSL_R_UNEXPECTED_RECORD:
        return "what it sends is not TLS";
      default:
        break;
    }
  }
  const char* text = ERR_reason_error_string(error);
  return text ? text : fmt::format("TLS error {:#x}", error);
}

bool is_tls(const boost::system::error_code& fault) {
  return fault.category() == asio::error::get_ssl_category();
}

unsigned long number_of(const boost::system::error_code& fault) {
  return static_cast<unsigned int>(fault.value());
}

}  // namespace

std::string reason(const boost::system::error_code& fault, const SSL* session) {
  if (fault == asio::error::eof || fault == asio::ssl::error::stream_truncated) {
    return "it closed the connection";
  }
  if (!is_tls(fault)) return fault.message();
  const bool verified = session && (SSL_get_verify_mode(session) & SSL_VERIFY_PEER) != 0;
  return text_of(number_of(fault), verified ? SSL_get_verify_result(session) : X509_V_OK);
}

bool is_alert(const boost::system::error_code& fault) {
  return is_tls(fault) && ERR_GET_LIB(number_of(fault)) == ERR_LIB_SSL &&
         ERR_GET_REASON(number_of(fault)) > SSL_AD_REASON_OFFSET;
}

int note_verdict(int good, X509_STORE_CTX* check) {
  if (!good) last_verdict = X509_STORE_CTX_get_error(check);
  return good;
}

std::string last_reason() {
  const auto error = ERR_peek_last_error();
  auto text = error == 0 ? std::string() : text_of(error, last_verdict);
  forget_last();
  return text;
}

void forget_last() {
  ERR_clear_error();
  last_verdict = X509_V_OK;
}

}  // namespace elves::tls
