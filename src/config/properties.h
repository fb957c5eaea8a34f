// Java's properties syntax: `key = value`, `key:value`, `key value`, comment lines from # or !, a backslash
// at the end of a line continues it, the escapes \t \n \r \f \\ \= \: \# \! \<space> \uXXXX; UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace elves::config {

struct Property {
  std::string key;
  std::string value;
  int line = 0;       // where it starts, from 1
  std::string fault;  // "" or why the line could not be read (a broken \u escape, bytes that are no UTF-8)
  bool cut = false;   // the text ends in it, without a line end: there may have been more
};

// Every property in the order of the file, repeated keys included. Never throws; any input is legal bytes.
std::vector<Property> parse_properties(std::string_view text);

}  // namespace elves::config
