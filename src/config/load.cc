#include "config/load.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "base/nearest_name.h"
#include "base/text_encoding.h"
#include "config/keys.h"
#include "config/properties.h"
#include "config/tls_rules.h"

namespace elves::config {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::size_t kMaxSecret = 4096;
constexpr const char* kNothingForUs =
    "has no setting of elves-scheduler in it: is it the right file, and whole? To run with the defaults on "
    "purpose, write one of them, such as mq.ip=127.0.0.1";

// A piece of the file in a message: bounded, and without bytes that could play tricks on a terminal.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  std::string shown(text.substr(0, kShown));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return fmt::format("'{}{}'", shown, text.size() > kShown ? "..." : "");
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\f") + 1);
  return text;
}

bool readable_by_all(const std::string& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

struct FileText {
  std::string text;
  std::string fault;  // "" or why it could not be read
};

FileText read_file(const std::string& file, std::size_t limit) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0)
    return {"", fmt::format("cannot be read: {}", std::strerror(errno))};
  if (S_ISDIR(status.st_mode)) return {"", "cannot be read: it is a folder"};
  std::ifstream in(file, std::ios::binary);
  if (!in) return {"", fmt::format("cannot be read: {}", std::strerror(errno))};
  std::string text(limit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limit) return {"", fmt::format("is larger than {} bytes", limit)};
  return {std::move(text), ""};
}

class Loader {
 public:
  Loader(const std::string& file, const Environment& environment) : file_(file), environment_(environment) {}

  Loaded run(std::string_view text) {
    if (auto fault = encoding_fault(text); !fault.empty()) {
      error(0, "", std::move(fault));
      return std::move(loaded_);
    }
    for (Property& property : parse_properties(text)) take(std::move(property));
    for (const Key& key : keys()) set(key);
    for (const auto& [key, property] : given_) set_in_family(key, property);
    for (const Secret& secret : secrets()) resolve(secret);
    check_together();
    return std::move(loaded_);
  }

 private:
  void error(int line, std::string_view key, std::string message) {
    loaded_.errors.push_back({file_, line, std::string(key), std::move(message)});
  }
  void warn(int line, std::string_view key, std::string message) {
    loaded_.warnings.push_back({file_, line, std::string(key), std::move(message)});
  }

  static bool in_table(std::string_view key) {
    static const std::vector<std::string_view> known = key_names();
    return std::find(known.begin(), known.end(), key) != known.end();
  }

  // Keeps what is known and readable; the last of several wins.
  void take(Property property) {
    const std::string key = property.key;
    if (!in_table(key) && family_of(key) == nullptr) return unknown(property);
    loaded_.given.insert(key);
    loaded_.meant = true;
    if (!property.fault.empty()) return error(property.line, key, property.fault);
    if (property.cut && is_guard(key) && trimmed(property.value).empty())
      return error(property.line, key,
                   "the file ends in this line: was it cut short? End it with a line end");
    const auto [old, fresh] = given_.try_emplace(key, property);
    if (!fresh) repeated(old->second, std::move(property));
  }

  void unknown(const Property& property) {
    const auto nearest = nearest_key(property.key);
    std::string shown = quoted(property.key);
    shown = shown.substr(1, shown.size() - 2);
    const bool misspelt = edit_distance(property.key, nearest) <= kMisspelt;
    loaded_.meant |= misspelt;
    if (misspelt && is_guard(nearest)) {
      error(property.line, shown,
            fmt::format("unknown key; if {} is meant, without it more would be allowed than you want",
                        nearest));
    } else {
      warn(property.line, shown, fmt::format("unknown key, ignored; the nearest known one is {}", nearest));
    }
  }

  void repeated(Property& old, Property property) {
    if (is_guard(property.key) && trimmed(old.value) != trimmed(property.value)) {
      error(property.line, property.key,
            fmt::format("given before, on line {}, with another value: which one is meant?", old.line));
    } else {
      warn(property.line, property.key, fmt::format("given before, on line {}; this one is used", old.line));
    }
    old = std::move(property);
  }

  const Property* find(std::string_view key) const {
    const auto found = given_.find(key);
    return found == given_.end() ? nullptr : &found->second;
  }

  void set(const Key& key) {
    const Property* const property = find(key.name);
    if (property == nullptr) return;
    const std::string value = trimmed(property->value);
    judge(*property, key.set(loaded_.options, value));
  }

  void set_in_family(const std::string& key, const Property& property) {
    const KeyFamily* const family = in_table(key) ? nullptr : family_of(key);
    if (family == nullptr) return;
    const std::string ending = key.substr(family->prefix.size());
    judge(property, family->set(loaded_.options, ending, trimmed(property.value)));
  }

  void judge(const Property& property, const std::string& right) {
    if (right.empty()) return;
    error(property.line, property.key, fmt::format("{} is no {}", quoted(trimmed(property.value)), right));
  }

  void resolve(const Secret& secret) {
    std::string& value = secret.field(loaded_.options);
    const Property* const plain = find(secret.name);
    const Property* const in_file = find(secret.file_key);
    if (plain != nullptr && in_file != nullptr) {
      warn(plain->line, secret.name, fmt::format("ignored: {} is given too", secret.file_key));
    }
    const auto variable = environment_(secret.variable);
    loaded_.secret |= plain != nullptr || in_file != nullptr || (variable && !variable->empty());
    if (variable && !variable->empty()) {
      value = *variable;
      warn_of_edges(0, secret.variable, value);
    } else if (in_file != nullptr) {
      value = read_secret(*in_file);
    } else if (plain != nullptr) {
      value = plain->value;
      warn_of_edges(plain->line, secret.name, value);
      if (secret.guard && value.empty()) warn(plain->line, secret.name, "is empty: nobody is asked for it");
    }
  }

  std::string read_secret(const Property& property) {
    const std::string file = trimmed(property.value);
    auto [text, fault] = read_file(file, kMaxSecret);
    text.erase(text.find_last_not_of("\r\n") + 1);
    if (fault.empty()) fault = fault_of_secret(text);
    if (!fault.empty()) {
      error(property.line, property.key, fmt::format("{} {}", quoted(file), fault));
    } else if (readable_by_all(file)) {
      warn(property.line, property.key,
           fmt::format("{} can be read by everybody: chmod o-r it", quoted(file)));
    }
    if (fault.empty()) warn_of_edges(property.line, property.key, text);
    return text;
  }

  static std::string fault_of_secret(std::string_view text) {
    if (text.empty()) return "is empty";
    if (text.starts_with(kByteOrderMark))
      return "begins with a byte order mark: save it as UTF-8 without one";
    if (text.find_first_of("\r\n") != text.npos) return "holds several lines: it must hold the secret alone";
    return encoding_fault(text);
  }

  // What was hardly meant to be part of a secret, and is: without a word a login is refused for it.
  void warn_of_edges(int line, std::string_view key, std::string_view value) {
    constexpr std::string_view kUnseen = " \t\f\v\r\n";
    if (value.empty()) return;
    const bool first = kUnseen.find(value.front()) != kUnseen.npos;
    const bool last = kUnseen.find(value.back()) != kUnseen.npos;
    if (!first && !last) return;
    const bool line_end = value.front() == '\n' || value.back() == '\n' || value.back() == '\r';
    warn(line, key,
         fmt::format("{} with {}, which {} part of it", last ? "ends" : "begins",
                     line_end ? "a line end" : "blanks", line_end ? "is" : "are"));
  }

  // Rules over several keys.
  void check_together() {
    Options& options = loaded_.options;
    if (find("zookeeper.enabled") == nullptr) options.zookeeper.enabled = !options.zookeeper.host.empty();
    if (options.zookeeper.enabled && options.zookeeper.host.empty()) {
      error(line_of("zookeeper.enabled"), "zookeeper.enabled",
            "true needs zookeeper.host: host:port,host:port");
    }
    for (const std::string* cert : {&options.mq_tls.cert, &options.thrift_tls.cert, &options.admin_tls.cert})
      loaded_.secret |= !cert->empty();
    const auto colon = options.zookeeper.auth.find(':');
    if (!options.zookeeper.auth.empty() && (colon == 0 || colon >= options.zookeeper.auth.size() - 1)) {
      error(line_of("zookeeper.auth"), "zookeeper.auth", "is no identity: user:password");
    }
    for (auto& [key, message, fatal] : objections(options)) {
      if (fatal) {
        error(line_of(key), key, std::move(message));
      } else {
        warn(line_of(key), key, std::move(message));
      }
    }
  }

  int line_of(std::string_view key) const {
    const Property* const property = find(key);
    return property == nullptr ? 0 : property->line;
  }

  const std::string& file_;
  const Environment& environment_;
  Loaded loaded_;
  std::map<std::string, Property, std::less<>> given_;
};

// The names of the secrets that `text` itself holds.
std::vector<std::string_view> secrets_in(std::string_view text) {
  std::vector<std::string_view> names;
  for (const Property& property : parse_properties(text)) {
    for (const Secret& secret : secrets()) {
      if (property.key == secret.name && !property.value.empty()) names.push_back(secret.name);
    }
  }
  return names;
}

}  // namespace

std::string Finding::text() const {
  const std::string place = line > 0 ? fmt::format("{}:{}", file, line) : file;
  return key.empty() ? fmt::format("{}: {}", place, message) : fmt::format("{}: {}: {}", place, key, message);
}

Loaded load_text(std::string_view text, const std::string& file, const Environment& environment) {
  return Loader(file, environment).run(text);
}

Loaded load_file(const std::string& file, const Environment& environment) {
  const auto [text, fault] = read_file(file, kMaxFile);
  if (!fault.empty())
    return {.options = {},
            .meant = false,
            .secret = false,
            .given = {},
            .errors = {{file, 0, "", fault}},
            .warnings = {}};
  Loaded loaded = load_text(text, file, environment);
  if (loaded.errors.empty() && !loaded.meant) loaded.errors.push_back({file, 0, "", kNothingForUs});
  const auto held = secrets_in(text);
  if (!held.empty() && readable_by_all(file)) {
    loaded.warnings.push_back({file, 0, std::string(held.front()),
                               "can be read by everybody in this file: chmod o-r it, or use " +
                                   std::string(held.front()) + ".file"});
  }
  return loaded;
}

}  // namespace elves::config
