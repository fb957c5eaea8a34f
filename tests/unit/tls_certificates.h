// Certificates for tests, made in memory and written to a folder of their own that goes with the object.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "tls/credentials.h"

namespace elves::tls::test {

class Certificates {
 public:
  Certificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "elves-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    authority_ = make("ca", nullptr, "", 3600);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string ca() const { return folder_ / "ca.pem"; }

  // A file with key and certificate for `names` ("IP:127.0.0.1"), good for so many seconds from now.
  std::string issue(const char* name, const char* names, long seconds = 3600) {
    make(name, &authority_, names, seconds);
    return folder_ / (std::string(name) + ".pem");
  }

  CredentialsPtr server(const std::string& own, PeerCheck clients = PeerCheck::none) const {
    return std::make_shared<Credentials>(
        Settings{.role = Settings::Role::server, .ca = ca(), .cert = own, .key = "", .peer = clients});
  }
  CredentialsPtr client(const std::string& own = "") const {
    return std::make_shared<Credentials>(Settings{.ca = ca(), .cert = own, .key = ""});
  }

 private:
  template <auto release>
  struct Release {
    template <class T>
    void operator()(T* object) const {
      release(object);
    }
  };
  struct Own {
    std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>> key;
    std::unique_ptr<X509, Release<X509_free>> cert;
  };

  Own make(const char* name, const Own* issuer, const std::string& names, long seconds) {
    Own own;
    own.key.reset(EVP_EC_gen("P-256"));
    own.cert.reset(X509_new());
    X509* cert = own.cert.get();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer->cert.get() : cert));
    X509_set_pubkey(cert, own.key.get());
    extend(cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (!names.empty()) extend(cert, NID_subject_alt_name, names.c_str());
    X509_sign(cert, issuer ? issuer->key.get() : own.key.get(), EVP_sha256());
    const std::unique_ptr<FILE, Release<std::fclose>> file(
        std::fopen((folder_ / (std::string(name) + ".pem")).c_str(), "w"));
    PEM_write_X509(file.get(), cert);
    PEM_write_PrivateKey(file.get(), own.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return own;
  }

  static void extend(X509* cert, int kind, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>> made(
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value));
    X509_add_ext(cert, made.get(), -1);
  }

  std::filesystem::path folder_;
  long serial_ = 0;
  Own authority_;
};

}  // namespace elves::tls::test
