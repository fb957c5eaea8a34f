// One JSON object of a configuration file, read key by key; what is wrong is collected, never thrown.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace elves::worker {

struct Findings {
  std::string file;  // the name for messages
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

// Keys are matched in any case; null and "" are absent; a key "comment" means nothing. Each reader leaves its
// target alone when the key is absent or wrong. The object must outlive the section.
class Section {
 public:
  // `prefix` is put before keys in messages: "scheduler.".
  Section(const boost::json::object& object, std::string prefix, Findings& findings);

  // The value, or nullptr. It counts as known from now on.
  const boost::json::value* take(const std::string& key);
  // A string, or a number as text.
  void text(const std::string& key, std::string& target);
  // A whole number, also as a string; `what` names it in errors: "a port".
  bool number(const std::string& key, std::int64_t least, std::int64_t most, const char* what,
              std::int64_t& target);
  // true, false, "true", 1; anything else is an error. `otherwise` when absent.
  bool flag(const std::string& key, bool otherwise = false);
  // The object under `key`; an empty one when absent or something else, which is an error.
  Section section(const std::string& key);
  // "cfg.json: scheduler.port: {message}".
  void error(const std::string& key, const std::string& message);
  // The same that does not keep the agent from starting.
  void warn(const std::string& key, const std::string& message);
  // Warns of every key that nobody took. One that looks like a misspelt guard (authips, tls.*) is an error.
  void finish();

 private:
  std::string nearest(const std::string& key) const;

  std::string prefix_;
  Findings& findings_;
  std::map<std::string, const boost::json::value*> values_;
  std::vector<std::string> known_;  // that were asked for
};

}  // namespace elves::worker
