# Writes OUTPUT, the source of kVersion (src/base/version.h), from VERSION and what SOURCE is: a clone of ours, a source
# archive that git made, or neither. Runs in each build; an unchanged text leaves the file alone.
set(said "built outside of git")
set(git git --no-optional-locks -C ${SOURCE})
execute_process(COMMAND ${git} rev-parse --show-toplevel HEAD OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE fault)
string(REPLACE "\n" ";" found "${found}")
file(STRINGS ${SOURCE}/cmake/commit.txt archived LIMIT_COUNT 1)
file(REAL_PATH ${SOURCE} source)
if(fault EQUAL 0 AND found MATCHES "^(.+);([0-9a-f]+);$" AND CMAKE_MATCH_1 STREQUAL source)
  set(commit ${CMAKE_MATCH_2})
  string(SUBSTRING "${commit}" 0 12 commit)
  set(said "commit ${commit}")
  execute_process(COMMAND ${git} status --porcelain -- src idl cmake CMakeLists.txt CMakePresets.json
                  OUTPUT_VARIABLE changed)
  if(changed)
    string(APPEND said ", with changed sources")
  endif()
elseif(archived MATCHES "^([0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f])")
  set(said "commit ${CMAKE_MATCH_1}, from a source archive")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#include "base/version.h"

namespace elves {

const char* const kVersion = "@VERSION@ (@said@)";

}  // namespace elves
]] @ONLY)
