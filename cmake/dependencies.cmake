find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq)
add_library(rabbitmq::rabbitmq ALIAS PkgConfig::RABBITMQ)
pkg_check_modules(THRIFT REQUIRED IMPORTED_TARGET thrift)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
find_program(THRIFT_COMPILER thrift REQUIRED)

# Replaces malloc and operator new in what links it. A sanitizer brings its own.
add_library(allocator INTERFACE)
if(NOT ELVES_SANITIZE)
  find_package(mimalloc 2.0 REQUIRED)
  target_link_libraries(allocator INTERFACE mimalloc)
  target_compile_definitions(allocator INTERFACE ELVES_MIMALLOC)
endif()

find_path(ZOOKEEPER_INCLUDE zookeeper/zookeeper.h REQUIRED)
find_library(ZOOKEEPER_MT zookeeper_mt REQUIRED)
add_library(zookeeper_mt INTERFACE)
target_include_directories(zookeeper_mt SYSTEM INTERFACE ${ZOOKEEPER_INCLUDE})
target_link_libraries(zookeeper_mt INTERFACE ${ZOOKEEPER_MT})


# Debian packages SOCI without its CMake files.
find_path(SOCI_INCLUDE soci/soci.h REQUIRED)
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE soci_sqlite3 REQUIRED)
add_library(soci_sqlite INTERFACE)
target_include_directories(soci_sqlite SYSTEM INTERFACE ${SOCI_INCLUDE})
target_link_libraries(soci_sqlite INTERFACE ${SOCI_SQLITE} ${SOCI_CORE} SQLite::SQLite3)
if(ELVES_SANITIZE)
  # The shared library hides the type information that this check looks at.
  target_compile_options(soci_sqlite INTERFACE -fno-sanitize=vptr)
endif()

# elves_thrift(NAME IDL unit...): the static library NAME from idl/IDL, one unit per generated file. The generated code
# lives in the build folder only.
function(elves_thrift name idl)
  set(gen ${CMAKE_BINARY_DIR}/idl)
  set(generated)
  foreach(unit ${ARGN})
    list(APPEND generated ${gen}/elves/${unit}.cpp ${gen}/elves/${unit}.h)
  endforeach()
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${gen}/elves
    COMMAND ${THRIFT_COMPILER} --gen cpp:no_skeleton,templates -out ${gen}/elves ${CMAKE_SOURCE_DIR}/idl/${idl}
    DEPENDS ${CMAKE_SOURCE_DIR}/idl/${idl}
    VERBATIM)
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${gen})
  target_compile_options(${name} PRIVATE -w)
  target_link_libraries(${name} PUBLIC PkgConfig::THRIFT)
endfunction()

elves_thrift(elves_idl elves.thrift elves_types AgentService SchedulerService AppService)
elves_thrift(elves_journal_idl journal.thrift journal_types)
