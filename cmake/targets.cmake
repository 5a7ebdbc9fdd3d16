# How every target of ours is compiled.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  if(KELPIE_PCH)  # ccache takes a precompiled header only when told that its macros and its time do not matter
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  endif()
endif()

add_library(kelpie_warnings INTERFACE)
target_compile_options(kelpie_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wnon-virtual-dtor -Wold-style-cast $<$<CXX_COMPILER_ID:GNU>:-Werror>
  # g++ 12 reports strings and optionals inlined from libstdc++ itself (GCC bugs 105329, 105562, 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>
  # Designated initialisers leave members at their defaults on purpose.
  -Wno-missing-field-initializers)
target_include_directories(kelpie_warnings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(kelpie_warnings INTERFACE KELPIE_VERSION="${PROJECT_VERSION}")

if(CMAKE_UNITY_BUILD)
  # Sources that a unity file includes look like headers to g++: their anonymous namespaces are no header's.
  target_compile_options(kelpie_warnings INTERFACE -Wno-subobject-linkage)
endif()

if(KELPIE_FUZZERS)
  target_compile_options(kelpie_warnings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(KELPIE_SANITIZE)
  target_compile_options(kelpie_warnings INTERFACE -fsanitize=${KELPIE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(kelpie_warnings INTERFACE -fsanitize=${KELPIE_SANITIZE})
  if(KELPIE_SANITIZE MATCHES thread)
    # Debian's protobuf gives every map two more members under this macro, in its headers but not in its library.
    # With it gone libstdc++ reports its own inlined strings again (GCC bug 105329).
    target_compile_options(kelpie_warnings INTERFACE -U__SANITIZE_THREAD__ -Wno-array-bounds -Wno-stringop-overread)
  endif()
endif()

# Precompiled headers: what nearly every source includes anyway, four sets. Of ours only the operator API's generated
# header is among them, and a change to that touches all its users anyway. The release preset has none, so that a source
# still includes what it uses. Preset demo puts sources together besides (unity); a target whose files share names of
# local things says so.
set(kelpie_pch_std
  <algorithm> <array> <charconv> <chrono> <functional> <map> <memory> <optional> <set> <span> <string> <string_view>
  <utility> <variant> <vector> <fmt/core.h> <tl/expected.hpp>)
set(kelpie_pch_schema ${kelpie_pch_std} <google/protobuf/generated_message_reflection.h>
  <google/protobuf/generated_message_util.h> <google/protobuf/map_entry.h> <google/protobuf/map_field_inl.h>
  <google/protobuf/message.h> <google/protobuf/repeated_field.h> <google/protobuf/unknown_field_set.h>)
set(kelpie_pch_api ${kelpie_pch_schema} <kelpie/api/v1/api.pb.h>)
set(kelpie_pch_tests ${kelpie_pch_schema} <gtest/gtest.h>)

# One object library owns each set; the others take it from there. The sets are told apart by what a target links.
function(kelpie_precompile name)
  if(NOT KELPIE_PCH)
    return()
  endif()
  set(kind std)
  set(libraries fmt::fmt tl::expected)
  if("${ARGN}" MATCHES "GTest::")
    set(kind tests)
    list(APPEND libraries GTest::gtest protobuf::libprotobuf)
  elseif("${ARGN}" MATCHES "kelpie_api_schema")
    set(kind api)
    list(APPEND libraries kelpie_api_schema)
  elseif("${ARGN}" MATCHES "_schema")
    set(kind schema)
    list(APPEND libraries protobuf::libprotobuf)
  endif()
  if(NOT TARGET kelpie_pch_${kind})
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch/${kind}.cpp CONTENT "// Compiles nothing: its target owns a precompiled header.\n")
    add_library(kelpie_pch_${kind} OBJECT ${PROJECT_BINARY_DIR}/pch/${kind}.cpp)
    target_link_libraries(kelpie_pch_${kind} PRIVATE kelpie_warnings ${libraries})
    target_precompile_headers(kelpie_pch_${kind} PRIVATE ${kelpie_pch_${kind}})
    if(CCACHE)
      set_target_properties(kelpie_pch_${kind} PROPERTIES
        CXX_COMPILER_LAUNCHER "${PROJECT_SOURCE_DIR}/cmake/fresh_pch;${CMAKE_CXX_COMPILER_LAUNCHER}")
    endif()
  endif()
  target_precompile_headers(${name} REUSE_FROM kelpie_pch_${kind})
endfunction()

# kelpie_library(NAME SOURCES… [PUBLIC libs…] [PRIVATE libs…])
function(kelpie_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC kelpie_warnings ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  kelpie_precompile(${name} ${arg_PUBLIC} ${arg_PRIVATE})
endfunction()

# kelpie_program(NAME SOURCES… LIBS…)
function(kelpie_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kelpie_warnings ${arg_LIBS})
  kelpie_precompile(${name} ${arg_LIBS})
endfunction()
