find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RABBITMQ REQUIRED IMPORTED_TARGET librabbitmq)
add_library(rabbitmq::rabbitmq ALIAS PkgConfig::RABBITMQ)
pkg_check_modules(THRIFT REQUIRED IMPORTED_TARGET thrift)
find_program(THRIFT_COMPILER thrift REQUIRED)

# The generated Thrift code lives in the build folder only.
set(idl ${CMAKE_SOURCE_DIR}/idl/elves.thrift)
set(gen ${CMAKE_BINARY_DIR}/idl)
set(generated)
foreach(unit elves_types AgentService SchedulerService AppService)
  list(APPEND generated ${gen}/elves/${unit}.cpp ${gen}/elves/${unit}.h)
endforeach()
add_custom_command(
  OUTPUT ${generated}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${gen}/elves
  COMMAND ${THRIFT_COMPILER} --gen cpp:no_skeleton -out ${gen}/elves ${idl}
  DEPENDS ${idl}
  VERBATIM)
add_library(elves_idl STATIC ${generated})
target_include_directories(elves_idl SYSTEM PUBLIC ${gen})
target_compile_options(elves_idl PRIVATE -w)
target_link_libraries(elves_idl PUBLIC PkgConfig::THRIFT)
