# elves_room(NAME [ROOMS room...] [LIBS lib...]): the static library elves_NAME from src/NAME/*.cc.
function(elves_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  if(sources)
    add_library(elves_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(elves_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(elves_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ROOM_ROOMS PREPEND elves_)
  target_link_libraries(elves_${name} ${scope} ${ROOM_ROOMS} ${ROOM_LIBS} Threads::Threads)
endfunction()

# What --version says.
set(version_source ${CMAKE_BINARY_DIR}/version.cc)
add_custom_target(version BYPRODUCTS ${version_source} VERBATIM
                  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${version_source} -DVERSION=${PROJECT_VERSION}
                          -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake)

# elves_program(NAME MAIN ROOM): the executable NAME.
function(elves_program name main room)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${main})
    add_executable(${name} ${main} ${version_source})
    add_dependencies(${name} version)
    target_link_libraries(${name} PRIVATE elves_${room})
  endif()
endfunction()
