// Every key of the configuration file: one row each, with how it is read, what it may be, and how it is
// shown. docs/configuration.md describes the same keys to users.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace elves::config {

struct Key {
  std::string_view name;
  // Takes `value` over into the options. Answers "" or what would be right ("a port: a number from 1 to
  // 65535"); then the options are as before.
  std::function<std::string(Options&, const std::string& value)> set;
  // The value in force as the file would give it.
  std::function<std::string(const Options&)> show;
  bool live = false;   // a file read again changes it while running (reload.h)
  bool guard = false;  // without it more is allowed: it must be neither overlooked nor lost
};

// Keys that begin alike and end in a name that the user chooses. A key of the table is none of them.
struct KeyFamily {
  std::string_view prefix;  // with its dot
  std::string_view name;    // for people: "processor.{app}"
  // As Key::set, for the key prefix + `ending`.
  std::function<std::string(Options&, const std::string& ending, const std::string& value)> set;
};

// A value that is never shown, and may come from three places; the first that has it wins.
struct Secret {
  std::string_view name;      // in the file
  std::string_view file_key;  // key naming a file that holds it
  const char* variable;       // of the environment; empty = not given
  std::function<std::string&(Options&)> field;
  bool guard = false;  // as Key::guard
};

const std::vector<Key>& keys();
const std::vector<Secret>& secrets();
const std::vector<KeyFamily>& key_families();

// The family that `key` belongs to; nullptr when it is none's, or has no ending.
const KeyFamily* family_of(std::string_view key);

// Names of all keys, those of secrets included, in the order of the table.
std::vector<std::string_view> key_names();

// Whether the key, secret, or file of a secret of this name is a guard.
bool is_guard(std::string_view name);

// The name of the known key, or family, that takes the fewest edits to get from `name` (case ignored). For a
// name in a family: the key.
std::string_view nearest_key(std::string_view name);

}  // namespace elves::config
