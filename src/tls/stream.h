// A byte stream that is plain or TLS, decided while running, for code that is the same for both. Meets Asio's
// AsyncReadStream and AsyncWriteStream; a plain one costs a comparison per operation more than `Next`.
#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/ssl/stream.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace elves::tls {

template <class Next>
class Stream {
 public:
  using next_layer_type = Next;
  using executor_type = typename Next::executor_type;
  using Side = boost::asio::ssl::stream_base::handshake_type;

  explicit Stream(Next next) : next_(std::move(next)) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  executor_type get_executor() { return next_.get_executor(); }
  Next& next() { return next_; }
  const Next& next() const { return next_; }

  // Plain again, or TLS with `session`, which it owns from now on; the handshake comes next. No operation may
  // be pending.
  void use_plain() { tls_.reset(); }
  void use_tls(SSL* session) { tls_ = std::make_unique<Tls>(next_, session); }
  // Null when plain.
  SSL* session() const { return tls_ ? tls_->native_handle() : nullptr; }
  // Decrypted bytes that no look at the socket shows.
  bool has_buffered() const { return tls_ && SSL_pending(tls_->native_handle()) > 0; }

  // Writes what the system takes at once and without waiting: its number, 0 also over TLS and after any
  // fault, which the next operation tells.
  std::size_t write_some_now(std::string_view bytes) {
    if (tls_) return 0;
    const auto count = ::send(next_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }

  // Reads what is there without waiting: its number, 0 also over TLS, at the end and after any fault, which
  // the next operation tells.
  std::size_t read_some_now(std::span<char> into) {
    if (tls_) return 0;
    const auto count = ::recv(next_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }

  template <class Token>
  auto async_handshake(Side side, Token&& token) {
    return tls_->async_handshake(side, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_read_some(buffers, std::forward<Token>(token))
                : next_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_write_some(buffers, std::forward<Token>(token))
                : next_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  using Tls = boost::asio::ssl::stream<Next&>;

  Next next_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace elves::tls
