// A fake view, a client that speaks bytes, and the fixture of the HTTP server's tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "admin/http_server.h"

namespace elves::admin::testing_http {

using namespace std::chrono_literals;

// Answers at once, but keeps those that wait until the test answers them.
class FakeView final : public AdminView {
 public:
  void submit(std::string body, bool wait, Caller caller, Respond respond) override {
    note(std::move(caller));
    if (body == "throw") throw std::runtime_error("broken view");
    if (body == "drop") return;
    if (!wait) return respond({202, R"({"log_id":"00000000000000AA","state":"received"})"});
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(respond));
    bodies_.push_back(std::move(body));
    changed_.notify_all();
  }
  void job(std::string log_id, Respond respond) override {
    if (log_id != "00000000000000AA") return respond({404, R"({"error":"no such job","code":"404"})"});
    respond({200, R"({"log_id":"00000000000000AA"})"});
  }
  void jobs(Listing listing, Respond respond) override {
    respond({200, listing.state + '|' + listing.ip + '|' + std::to_string(listing.limit)});
  }
  void agents(Listing listing, Respond respond) override { jobs(std::move(listing), std::move(respond)); }
  void nodes(Respond respond) override { respond({200, R"({"nodes":[]})"}); }
  void health(Respond respond) override { respond({200, R"({"status":"ok"})"}); }
  void metrics(Respond respond) override { respond({200, "elves_jobs 1\n"}); }
  Caller last_caller() {
    std::lock_guard lock(mutex_);
    return last_caller_;
  }

  // Waits until `count` requests wait for their answers.
  bool has_waiting(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return waiting_.size() >= count; });
  }
  Respond take() {
    std::lock_guard lock(mutex_);
    auto respond = std::move(waiting_.front());
    waiting_.pop_front();
    return respond;
  }
  std::string body(std::size_t index) {
    std::lock_guard lock(mutex_);
    return bodies_.at(index);
  }

 private:
  void note(Caller caller) {
    std::lock_guard lock(mutex_);
    last_caller_ = std::move(caller);
  }

  std::mutex mutex_;
  Caller last_caller_;
  std::condition_variable changed_;
  std::deque<Respond> waiting_;
  std::vector<std::string> bodies_;
};

struct Response {
  int status = 0;  // 0 = the connection ended without one
  std::string head;
  std::string body;

  bool has(const std::string& text) const { return head.find(text) != std::string::npos; }
};

// A client that speaks bytes. Reads give up after ten seconds.
class Client {
 public:
  explicit Client(unsigned short port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(); }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  void send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }

  Response receive(bool head_only = false) {
    Response response;
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return response;
    }
    response.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    response.status = std::stoi(response.head.substr(9, 3));
    const auto at = response.head.find("Content-Length: ");
    const std::size_t length =
        at == std::string::npos || head_only ? 0 : std::stoul(response.head.substr(at + 16));
    while (pending_.size() < length && more()) {
    }
    response.body = pending_.substr(0, length);
    pending_.erase(0, length);
    return response;
  }

  // Whether the server has closed, or closes within the patience, without sending another byte.
  bool ended() { return pending_.empty() && !more() && !timed_out_; }

  Response ask(const std::string& request) {
    send(request);
    return receive();
  }

 private:
  bool more() {
    char bytes[4096];
    const auto n = ::recvfrom(fd_, bytes, sizeof bytes, 0, nullptr, nullptr);
    timed_out_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (n <= 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  std::string pending_;
  bool timed_out_ = false;
};

inline std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + "\r\n";
}

inline std::string post(const std::string& target, const std::string& body, const std::string& fields = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() { options_.port = 0; }
  void start(DoorLimits doors = {.max_connections = 1000}) {
    door_.set_limits(std::move(doors));
    server_ = std::make_unique<HttpServer>(options_, door_, view_);
  }
  Response once(const std::string& request) { return Client(server_->port()).ask(request); }
  std::vector<Door::Refusal> refusals() {
    std::lock_guard lock(refusals_mutex_);
    return refused_;
  }
  // Whether a new connection is served, now or within ten seconds.
  bool serves_again() {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (once(get("/healthz")).body == R"({"status":"ok"})") return true;
    }
    return false;
  }

  HttpOptions options_;
  FakeView view_;
  std::mutex refusals_mutex_;
  std::vector<Door::Refusal> refused_;
  Door door_{{"", "connections", "per address"}, {}, [this](Door::Refusal why) {
               std::lock_guard lock(refusals_mutex_);
               refused_.push_back(why);
             }};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace elves::admin::testing_http
