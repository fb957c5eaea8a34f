# Paths in the objects are relative, so that clones share what ccache holds.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 inside its own and Boost's inlined headers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-restrict -Wno-array-bounds
                      -Wno-free-nonheap-object -Wno-mismatched-new-delete)
endif()
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED SPDLOG_FMT_EXTERNAL ELVES_VERSION="${PROJECT_VERSION}")
if(ELVES_SANITIZE)
  add_compile_options(-fsanitize=${ELVES_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -O1)
  add_link_options(-fsanitize=${ELVES_SANITIZE})
  if(ELVES_SANITIZE MATCHES "undefined")
    # Its run-time check opens a pipe each time: it calls every object bad while a test has no descriptors left.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(ELVES_SANITIZE MATCHES "thread")
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(ELVES_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
