// From a properties file and the environment to Options. Everything wrong is reported at once.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace elves::config {

// One thing wrong with, or odd about, the configuration.
struct Finding {
  std::string file;
  int line = 0;  // 0 = not from a line (the environment, or a rule over several keys)
  std::string key;
  std::string message;  // what is wrong and what would be right; never a secret's value

  // "conf.properties:12: mq.port: 'abc' is no port: a number from 1 to 65535"
  std::string text() const;
};

struct Loaded {
  Options options;
  bool meant = false;   // a key of this program, or one that is nearly one, was there
  bool secret = false;  // a password, token or private key was given: it must not get into a core dump
  std::set<std::string, std::less<>> given;  // keys that the file has, known ones only
  std::vector<Finding> errors;               // with any of these the options must not be used: exit 78
  std::vector<Finding>
      warnings;  // unknown keys (naming the nearest known one), keys given twice, readable secrets
};

// Looks up an environment variable; nullopt when unset.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// Reads `text` (the content of `file`). Pure but for secret files named in it (mq.password.file, ...). A
// guard (Key::guard) that is misspelt, given twice with different values, or cut off is an error: what is not
// understood must not leave open what somebody meant to close.
Loaded load_text(std::string_view text, const std::string& file, const Environment& environment);

// Reads `file`. A file that cannot be read, or that has no key of this program, is an error in the answer.
Loaded load_file(const std::string& file, const Environment& environment);

}  // namespace elves::config
