#include "config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>

#include "config/listen.h"

namespace elves::config {
namespace {

template <class Group, class Field>
auto at(Group Options::* group, Field Group::* field) {
  return [=](auto& options) -> auto& { return options.*group.*field; };
}

template <class T>
concept Duration = requires(T value) { value.count(); };

template <class T>
std::uint64_t count_of(const T& value) {
  if constexpr (Duration<T>) {
    return static_cast<std::uint64_t>(value.count());
  } else {
    return value;
  }
}

std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return {};
  return number;
}

// `what` names the value in "is no {what}".
template <class Field>
Key number(std::string_view name, Field field, std::uint64_t least, std::uint64_t most, const char* what) {
  using Value = std::remove_reference_t<decltype(field(std::declval<Options&>()))>;
  if constexpr (std::is_unsigned_v<Value>)
    most = std::min<std::uint64_t>(most, std::numeric_limits<Value>::max());
  return {name,
          [=](Options& options, const std::string& text) -> std::string {
            const auto parsed = parse_number(text);
            if (!parsed || *parsed < least || *parsed > most) {
              return fmt::format("{}: a number from {} to {}", what, least, most);
            }
            field(options) = Value(*parsed);
            return "";
          },
          [=](const Options& options) { return std::to_string(count_of(field(options))); }};
}

template <class Field>
Key port(std::string_view name, Field field) {
  return number(name, field, 1, 65535, "port");
}
template <class Field>
Key millis(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid time in milliseconds");
}
template <class Field>
Key seconds(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid time in seconds");
}
template <class Field>
Key bytes(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid size in bytes");
}
template <class Field>
Key count(std::string_view name, Field field, std::uint64_t least, std::uint64_t most) {
  return number(name, field, least, most, "valid count");
}

template <class Field>
Key flag(std::string_view name, Field field) {
  return {name,
          [=](Options& options, std::string text) -> std::string {
            std::transform(text.begin(), text.end(), text.begin(),
                           [](unsigned char c) { return std::tolower(c); });
            if (text != "true" && text != "false") return "truth value: true or false";
            field(options) = text == "true";
            return "";
          },
          [=](const Options& options) { return field(options) ? "true" : "false"; }};
}

// A text for which `valid` holds; `right` completes "is no ...".
template <class Field, class Valid>
Key text(std::string_view name, Field field, const Valid& valid, const std::string& right) {
  return {name,
          [=](Options& options, const std::string& value) -> std::string {
            if (!valid(value)) return right;
            field(options) = value;
            return "";
          },
          [=](const Options& options) { return field(options); }};
}

bool has_control(const std::string& value) {
  return std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}
bool any_text(const std::string& value) { return !has_control(value); }
bool some_text(const std::string& value) { return !value.empty() && !has_control(value); }
bool one_word(const std::string& value) { return some_text(value) && value.find(' ') == std::string::npos; }
bool maybe_hosts(const std::string& value) { return value.empty() || one_word(value); }
bool absolute_node(const std::string& value) {
  return one_word(value) && value.front() == '/' && value.find("//") == std::string::npos &&
         (value.size() == 1 || value.back() != '/');
}
bool short_name(const std::string& value) { return some_text(value) && value.size() <= 255; }

template <class Field>
Key choice(std::string_view name, Field field, std::initializer_list<std::string> allowed) {
  const auto right = fmt::format("known choice: one of {}", fmt::join(allowed, ", "));
  return text(
      name, field,
      [all = std::vector<std::string>(allowed)](const std::string& value) {
        return std::find(all.begin(), all.end(), value) != all.end();
      },
      right);
}

constexpr std::uint64_t kDay = 86'400;
constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kMiB = 1U << 20;

std::vector<Key> make_keys() {
  const auto mq = [](auto field) { return at(&Options::mq, field); };
  const auto thrift = [](auto field) { return at(&Options::thrift, field); };
  const auto agent = [](auto field) { return at(&Options::agent, field); };
  const auto job = [](auto field) { return at(&Options::job, field); };
  const auto result = [](auto field) { return at(&Options::result, field); };
  const auto journal = [](auto field) { return at(&Options::journal, field); };
  const auto admin = [](auto field) { return at(&Options::admin, field); };
  const auto zookeeper = [](auto field) { return at(&Options::zookeeper, field); };
  const auto log = [](auto field) { return at(&Options::log, field); };
  return {
      text("mq.ip", mq(&MqOptions::ip), one_word, "address: a host name or an IP address"),
      port("mq.port", mq(&MqOptions::port)),
      text("mq.user", mq(&MqOptions::user), some_text, "user name: some text"),
      text("mq.vhost", mq(&MqOptions::vhost), short_name,
           "virtual host: its name, '/' is the broker's default"),
      text("mq.exchange", mq(&MqOptions::exchange), short_name, "exchange: its name, of 1 to 255 bytes"),
      count("mq.prefetch", mq(&MqOptions::prefetch), 1, 65535),
      seconds("mq.heartbeat", mq(&MqOptions::heartbeat), 1, 3600),
      bytes("mq.maxMessage", mq(&MqOptions::max_message), 1024, 128 * kMiB),
      count("mq.dead.maxLength", mq(&MqOptions::dead_max_length), 1, 10 * kMillion),
      seconds("mq.maxHold", mq(&MqOptions::max_hold), 1, kDay),
      count("mq.peers.maxLength", mq(&MqOptions::peers_max_length), 1, 100 * kMillion),
      seconds("mq.peers.expires", mq(&MqOptions::peers_expires), 60, 365 * kDay),

      text("thrift.scheduler.host", thrift(&ThriftOptions::host), is_ip_literal,
           "address to listen on: an IP address, 0.0.0.0 for all"),
      port("thrift.scheduler.port", thrift(&ThriftOptions::port)),
      port("thrift.agent.port", thrift(&ThriftOptions::agent_port)),
      millis("thrift.outTime", thrift(&ThriftOptions::out_time), 1, 600'000),
      bytes("thrift.maxMessage", thrift(&ThriftOptions::max_message), 1024, 1024 * kMiB),
      count("thrift.maxConnections", thrift(&ThriftOptions::max_connections), 1, kMillion),
      seconds("thrift.idleTimeout", thrift(&ThriftOptions::idle), 1, kDay),

      count("agent.maxInFlight", agent(&AgentOptions::max_in_flight), 1, 100'000),
      count("agent.maxWaiting", agent(&AgentOptions::max_waiting), 0, 10 * kMillion),
      count("agent.maxBatch", agent(&AgentOptions::max_batch), 1, 10'000),
      seconds("agent.idleTimeout", agent(&AgentOptions::idle), 1, kDay),
      count("agent.breaker.failures", agent(&AgentOptions::breaker_failures), 0, kMillion),
      seconds("agent.breaker.pause", agent(&AgentOptions::breaker_pause), 1, 3600),

      seconds("job.defaultTimeout", job(&JobOptions::default_timeout), 1, 7 * kDay),
      seconds("job.grace", job(&JobOptions::grace), 0, 3600),
      count("job.maxOpen", job(&JobOptions::max_open), 1, 10 * kMillion),
      count("job.retry.attempts", job(&JobOptions::retry_attempts), 1, 1000),
      millis("job.retry.pause", job(&JobOptions::retry_pause), 10, 3'600'000),
      millis("job.retry.maxPause", job(&JobOptions::retry_max_pause), 10, 3'600'000),

      seconds("result.keep", result(&ResultOptions::keep), 0, 365 * kDay),
      count("result.keepMax", result(&ResultOptions::keep_max), 0, kMillion),

      text("journal.path", journal(&JournalOptions::path), any_text,
           "file name; empty = in memory, forgotten at every restart"),
      seconds("journal.keep", journal(&JournalOptions::keep), 1, 3650 * kDay),
      count("journal.keepJobs", journal(&JournalOptions::keep_jobs), 0, 100 * kMillion),
      bytes("journal.maxBytes", journal(&JournalOptions::max_bytes), kMiB, kMiB * kMiB),

      flag("admin.enabled", admin(&AdminOptions::enabled)),
      text(
          "admin.listen", admin(&AdminOptions::listen),
          [](const std::string& value) { return parse_listen(value).has_value(); },
          "address to listen on: 127.0.0.1:10180, [::1]:10180 or the like"),

      flag("zookeeper.enabled", zookeeper(&ZookeeperOptions::enabled)),
      text("zookeeper.host", zookeeper(&ZookeeperOptions::host), maybe_hosts,
           "ensemble: host:port,host:port without spaces"),
      millis("zookeeper.outTime", zookeeper(&ZookeeperOptions::out_time), 1, 600'000),
      text("zookeeper.root", zookeeper(&ZookeeperOptions::root), absolute_node,
           "node: a path that begins with / and does not end with one"),

      choice("log.level", log(&log::LogOptions::level), {"trace", "debug", "info", "warn", "error"}),
      text("log.file", log(&log::LogOptions::file), any_text, "file name: empty means standard error"),
      choice("log.format", log(&log::LogOptions::format), {"text", "json"}),
      bytes("log.maxBytes", log(&log::LogOptions::rotate_bytes), 4096, kMiB * kMiB),
      count("log.maxFiles", log(&log::LogOptions::rotate_files), 1, 1000),

      seconds(
          "drain.timeout", [](auto& options) -> auto& { return options.drain; }, 0, 3600),
  };
}

std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(from[i])) ==
                        std::tolower(static_cast<unsigned char>(to[j]));
      const std::size_t replace = diagonal + (same ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({replace, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> table = make_keys();
  return table;
}

const std::vector<Secret>& secrets() {
  static const std::vector<Secret> table{
      {"mq.password", "mq.password.file", "ELVES_MQ_PASSWORD", at(&Options::mq, &MqOptions::password)},
      {"admin.token", "admin.token.file", "ELVES_ADMIN_TOKEN", at(&Options::admin, &AdminOptions::token)},
  };
  return table;
}

std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  for (const Key& key : keys()) names.push_back(key.name);
  for (const Secret& secret : secrets()) names.insert(names.end(), {secret.name, secret.file_key});
  return names;
}

std::string_view nearest_key(std::string_view name) {
  constexpr std::size_t kLongest = 64;  // no key is as long; bounds the work on nonsense
  name = name.substr(0, kLongest);
  const auto names = key_names();
  return *std::min_element(names.begin(), names.end(), [&](std::string_view a, std::string_view b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
}

}  // namespace elves::config
