# How every target of ours is compiled.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(kelpie_warnings INTERFACE)
target_compile_options(kelpie_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wnon-virtual-dtor -Wold-style-cast -Werror
  # g++ 12 reports strings and optionals inlined from libstdc++ itself (GCC bugs 105329, 105562, 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>
  # Designated initialisers leave members at their defaults on purpose.
  -Wno-missing-field-initializers)
target_include_directories(kelpie_warnings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(kelpie_warnings INTERFACE KELPIE_VERSION="${PROJECT_VERSION}")

if(KELPIE_SANITIZE)
  target_compile_options(kelpie_warnings INTERFACE -fsanitize=${KELPIE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(kelpie_warnings INTERFACE -fsanitize=${KELPIE_SANITIZE})
endif()

# kelpie_library(NAME SOURCES… [PUBLIC libs…] [PRIVATE libs…])
function(kelpie_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC kelpie_warnings ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# kelpie_program(NAME SOURCES… LIBS…)
function(kelpie_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kelpie_warnings ${arg_LIBS})
endfunction()
