// Whether files can be written, asked without making them.
#pragma once

#include <string>

namespace elves {

// "" when `file` can be written, or made where it is not there yet; else why not: "its folder /x is not
// there", "is a folder", "Permission denied". `makes_folders`: whoever makes it also makes the folders above
// it.
std::string why_not_writable(const std::string& file, bool makes_folders);

// The same of a folder in which files are to be made, and which is made itself.
std::string why_no_folder(const std::string& folder);

}  // namespace elves
