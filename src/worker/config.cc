#include "worker/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/json.hpp>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>

#include "base/text_encoding.h"
#include "worker/config_repeats.h"
#include "worker/config_section.h"
#include "worker/config_tls.h"

namespace elves::worker {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t kMostSeconds = 7LL * 24 * 3600;

bool is_ip(const std::string& text) {
  boost::system::error_code fault;
  boost::asio::ip::make_address(text, fault);
  return !fault;
}

void read_port(Section& section, std::uint16_t& port) {
  std::int64_t number = 0;
  if (section.number("port", 1, 65535, "port", number)) port = static_cast<std::uint16_t>(number);
}

void read_seconds(Section& section, const char* key, std::int64_t least, Seconds& target) {
  std::int64_t number = 0;
  if (section.number(key, least, kMostSeconds, "number of seconds", number)) target = Seconds(number);
}

void read_size(Section& section, const char* key, std::int64_t least, std::int64_t most,
               std::size_t& target) {
  std::int64_t number = 0;
  if (section.number(key, least, most, "size", number)) target = static_cast<std::size_t>(number);
}

// A list of strings, or one string with commas, semicolons or blanks between.
std::vector<std::string> words_of(const json::value& value) {
  std::vector<std::string> words;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) {
      words.push_back(item.is_string() ? std::string(item.get_string()) : json::serialize(item));
    }
    return words;
  }
  auto text = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  std::ranges::replace_if(text, [](char c) { return c == ',' || c == ';'; }, ' ');
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void read_address(Section& top, AgentConfig& config) {
  top.text("asset", config.asset);
  top.text("ip", config.ip);
  top.text("listen", config.listen);
  read_port(top, config.port);
  if (config.ip.empty()) {
    top.error("ip", "missing: the address of this machine that the scheduler calls");
  } else if (!is_ip(config.ip)) {
    top.error("ip", fmt::format("'{}' is no IP address", config.ip));
  }
  if (config.asset.empty()) config.asset = config.ip;
  if (config.listen.empty()) config.listen = config.ip;
  if (config.listen != config.ip && !is_ip(config.listen)) {
    top.error("listen", fmt::format("'{}' is no IP address", config.listen));
  }
}

void read_door(Section& top, DoorLimits& door) {
  read_size(top, "maxconnections", 1, 1000000, door.max_connections);
  read_size(top, "maxconnectionsperaddress", 1, 1000000, door.max_per_address);
  const auto* value = top.take("authips");
  if (value == nullptr) return;
  const auto words = words_of(*value);
  if (words.empty() && value->is_string()) top.error("authips", json::serialize(*value) + " names nobody");
  for (const auto& word : words) {
    if (word.empty() || !Networks::parse(word))
      top.error("authips", fmt::format("'{}' is no IP address, and no network", word));
  }
  door.allow = Networks::parse(fmt::format("{}", fmt::join(words, ","))).value_or(Networks());
}

void read_scheduler(Section section, SchedulerOptions& scheduler) {
  std::uint16_t port = 10101;
  read_port(section, port);
  if (const auto* value = section.take("addr")) {
    for (const auto& word : words_of(*value)) {
      auto address = parse_host_port(word, port);
      if (!address) {
        section.error("addr",
                      fmt::format("'{}' is no scheduler: a name or an IP address, with :port or without; "
                                  "several with commas between",
                                  word));
        continue;
      }
      scheduler.addresses.push_back(std::move(*address));
    }
  }
  Seconds timeout{0};
  read_seconds(section, "timeout", 0, timeout);
  if (timeout.count() > 0) scheduler.timeout = timeout;
  section.finish();
}

void read_tcp(Section section, TcpLiveness& tcp) {
  read_seconds(section, "keepalive", 0, tcp.ask_after);
  read_seconds(section, "usertimeout", 0, tcp.give_up_after);
  section.finish();
}

void read_apps(Section& top, AgentConfig& config) {
  if (const auto* value = top.take("apps")) {
    if (const auto* names = value->if_object()) {
      for (const auto& [name, version] : *names) config.apps.emplace(name);
    } else {
      for (auto& name : words_of(*value)) config.apps.insert(std::move(name));
    }
  }
  for (const auto& name : config.apps) {
    if (!is_app_name(name)) top.error("apps", fmt::format("'{}' cannot be the name of a folder", name));
  }
  config.any_app = config.apps.empty();
}

void read_unsupported(Section& top, AgentConfig& config) {
  const auto in_use = [&top](const char* key) {
    const auto* value = top.take(key);
    if (value == nullptr) return false;
    const json::object only{{"enabled", value->is_object() ? json::value(nullptr) : *value}};
    Findings unused;
    return Section(value->is_object() ? value->get_object() : only, "", unused).flag("enabled");
  };
  if (in_use("heartbeat")) config.ignored.emplace_back("heartbeat (apps are neither installed nor updated)");
  if (in_use("agentcron")) config.ignored.emplace_back("agentcron (conf/cron.json is not run)");
  if (in_use("http")) config.ignored.emplace_back("http (no dashboard)");
  if (in_use("devmode")) {
    config.ignored.emplace_back("devmode's HTTP API (every folder of appsdir is an app, though)");
    config.any_app = true;
  }
  if (top.take("appsdownloadaddr") != nullptr) {
    config.ignored.emplace_back("appsdownloadaddr (apps are not downloaded)");
  }
}

// The shipped app-worker.py beside the configuration, beside the program, or in the source tree it was built
// in.
fs::path shipped_entry(const fs::path& root, const fs::path& program) {
  for (const auto& candidate : {root / "sdk/python", program / "../sdk/python",
                                program / "../share/elves-agent", program / "../../../sdk/python"}) {
    std::error_code fault;
    auto entry = fs::canonical(candidate / "app-worker.py", fault);
    if (!fault) return entry;
  }
  return {};
}

void read_worker(Section section, const fs::path& root, const fs::path& program, AgentConfig& config) {
  section.text("python", config.launcher.python);
  std::string entry;
  section.text("entry", entry);
  std::error_code fault;
  if (entry.empty()) {
    config.launcher.entry = shipped_entry(root, program);
  } else if (config.launcher.entry = root / entry; !fs::is_regular_file(config.launcher.entry, fault)) {
    section.error("entry", fmt::format("there is no file {}", config.launcher.entry.string()));
  }
  read_size(section, "max", 1, 10000, config.limits.max_running);
  read_size(section, "queue", 0, 1000000, config.limits.max_waiting);
  read_size(section, "maxoutput", 1024, std::numeric_limits<std::int32_t>::max(), config.limits.max_output);
  read_seconds(section, "timeout", 1, config.limits.default_timeout);
  section.finish();
}

void read_state(Section& top, const fs::path& root, StateOptions& state) {
  std::string folder = "var";
  top.text("statedir", folder);
  state.folder = root / folder;
  auto section = top.section("state");
  std::int64_t bytes = 0;
  if (section.number("maxbytes", 1 << 20, 1LL << 50, "size", bytes)) {
    state.max_bytes = static_cast<std::uint64_t>(bytes);
  }
  std::int64_t days = 0;
  if (section.number("keepdays", 1, 3650, "number of days", days))
    state.remember.age = std::chrono::days(days);
  read_size(section, "keepcount", 1000, 100'000'000, state.remember.count);
  section.finish();
}

void read_log(Section section, const fs::path& root, log::LogOptions& options) {
  const auto one_of = [&section](const char* key, std::initializer_list<const char*> known,
                                 std::string& target) {
    section.text(key, target);
    if (std::ranges::find(known, target) == known.end()) {
      section.error(key, fmt::format("'{}' is none of {}", target, fmt::join(known, ", ")));
    }
  };
  one_of("level", {"trace", "debug", "info", "warn", "error"}, options.level);
  one_of("format", {"text", "json"}, options.format);
  section.text("file", options.file);
  if (!options.file.empty()) options.file = (root / options.file).string();
  section.finish();
}

fs::path root_of(const fs::path& file) {
  const auto folder = fs::absolute(file).lexically_normal().parent_path();
  return folder.filename() == "conf" ? folder.parent_path() : folder;
}

void read_all(Section top, const fs::path& root, const fs::path& program, AgentConfig& config) {
  read_address(top, config);
  read_door(top, config.door);
  read_scheduler(top.section("scheduler"), config.scheduler);
  read_tls(top.section("tls"), root, config);
  read_tcp(top.section("tcp"), config.tcp);
  read_apps(top, config);
  read_unsupported(top, config);
  std::string apps = "apps";
  top.text("appsdir", apps);
  config.launcher.apps = root / apps;
  read_worker(top.section("worker"), root, program, config);
  read_state(top, root, config.state);
  read_log(top.section("log"), root, config.log);
  read_seconds(top, "draintimeout", 0, config.drain);
  top.finish();
}

// A guard must not depend on which of two values a parser keeps.
void tell_repeats(std::string_view text, Findings& findings) {
  for (const auto& key : repeated_keys(text)) {
    const bool guard = key == "authips" || key == "tls" || key.starts_with("tls.");
    auto message =
        fmt::format("{}: {}: given more than once (keys are the same in any case)", findings.file, key);
    if (guard) {
      findings.errors.push_back(message + ": which one is meant?");
    } else {
      findings.warnings.push_back(message + "; the last one is used");
    }
  }
}

// Every value of the file by its dotted path in lower case, as JSON.
void flatten(const json::object& object, const std::string& prefix, std::map<std::string, std::string>& all) {
  for (const auto& [key, value] : object) {
    std::string path = prefix + std::string(key);
    std::ranges::transform(path, path.begin(), [](unsigned char c) { return std::tolower(c); });
    if (value.is_object()) {
      flatten(value.get_object(), path + '.', all);
    } else if (key != "comment") {
      all[path] = json::serialize(value);
    }
  }
}

LoadedConfig one_error(std::string message) {
  return {.config = {}, .errors = {std::move(message)}, .warnings = {}};
}

}  // namespace

LoadedConfig load_config_text(std::string_view text, const fs::path& file, const fs::path& program) {
  if (const auto fault = encoding_fault(text); !fault.empty()) return one_error(file.string() + ": " + fault);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  json::parse_options lenient;
  lenient.allow_comments = true;
  lenient.allow_trailing_commas = true;
  json::stream_parser parser({}, lenient);
  boost::system::error_code fault;
  const auto parsed = parser.write(text.data(), text.size(), fault);
  if (!fault) parser.finish(fault);
  if (fault) {
    const auto line = 1 + std::ranges::count(text.substr(0, parsed), '\n');
    return one_error(fmt::format("{}:{}: this is no JSON: {}", file.string(), line, fault.message()));
  }
  const auto value = parser.release();
  if (!value.is_object()) return one_error(file.string() + ": must hold one JSON object, {...}");

  Findings findings{.file = file.string(), .errors = {}, .warnings = {}};
  AgentConfig config;
  read_all({value.get_object(), "", findings}, root_of(file), program, config);
  tell_repeats(text, findings);
  std::error_code missing;
  if (!fs::is_directory(config.launcher.apps, missing)) {
    findings.warnings.push_back(
        fmt::format("{}: appsdir: there is no folder {}", findings.file, config.launcher.apps.string()));
  }
  if (config.launcher.entry.empty()) {
    findings.warnings.push_back(fmt::format(
        "{}: worker.entry: no shipped app-worker.py found, every app must bring its own", findings.file));
  }
  flatten(value.get_object(), "", config.given);
  return {std::move(config), std::move(findings.errors), std::move(findings.warnings)};
}

LoadedConfig load_config(const fs::path& file, const fs::path& program) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return one_error(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return one_error(fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno)));
  return load_config_text(text.str(), file, program);
}

}  // namespace elves::worker
