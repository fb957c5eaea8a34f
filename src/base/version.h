// What a program's --version says: the version and of which commit it was built, as "0.1.0 (commit
// 0123456789ab)". Only the programs have it: cmake/commit.cmake makes its source in each build, and nothing
// else is to be linked anew for it.
#pragma once

namespace elves {

extern const char* const kVersion;

}  // namespace elves
