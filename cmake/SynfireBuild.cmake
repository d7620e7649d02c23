# Compile options of the whole project, where outputs go, and one helper per kind of target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(SYNFIRE_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/synfire/plugins)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
include(GNUInstallDirs)

# Everything of ours compiles with these; nothing of them is exported to users of the SDK.
add_library(synfire_options INTERFACE)
target_compile_options(synfire_options INTERFACE -Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
                       $<$<BOOL:${SYNFIRE_WERROR}>:-Werror>)
# Bit-equal results need the compiler to leave floating-point expressions as they are written.
target_compile_options(synfire_options INTERFACE -ffp-contract=off)
target_include_directories(synfire_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(synfire_options INTERFACE Threads::Threads)

# synfire_library(NAME SOURCES... [PUBLIC libs...] [PRIVATE libs...]): a static library of core/.
function(synfire_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC synfire_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# synfire_plugin(NAME SOURCES... [PRIVATE libs...] [TEST_ONLY]): a shared library that exports only
# synfire_plugin_query. It lands in build/<preset>/lib/synfire/plugins (tests' own ones beside it, in test-plugins).
function(synfire_plugin name)
  cmake_parse_arguments(ARG "TEST_ONLY" "" "SOURCES;PRIVATE" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  set(folder ${SYNFIRE_PLUGIN_OUTPUT_DIRECTORY})
  if(ARG_TEST_ONLY)
    set(folder ${CMAKE_BINARY_DIR}/lib/synfire/test-plugins)
  endif()
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${folder}
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name} PRIVATE synfire_options synfire_sdk ${ARG_PRIVATE})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/plugins/sdk/plugin.map)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/plugins/sdk/plugin.map)
  if(NOT ARG_TEST_ONLY)
    # Not CMAKE_INSTALL_LIBDIR: the program looks beside its own folder.
    install(TARGETS ${name} LIBRARY DESTINATION lib/synfire/plugins)
    set_property(GLOBAL APPEND PROPERTY SYNFIRE_PLUGINS ${name})
  endif()
endfunction()

# synfire_backend(NAME ...) and synfire_predictor(NAME ...): a plugin under the name that users say.
function(synfire_backend name)
  synfire_plugin(synfire_backend_${name} ${ARGN})
endfunction()
function(synfire_predictor name)
  synfire_plugin(synfire_predictor_${name} ${ARGN})
endfunction()

# More options of the tests' own files: under sanitizers they cost much to optimise and gain little by it.
set(SYNFIRE_TEST_OPTIONS "" CACHE STRING "Compile options of test files")

# synfire_test(NAME SOURCES... LIBS... [LABELS...] [DEPENDS targets...]): a GoogleTest program, one ctest test per case.
function(synfire_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_options(${name} PRIVATE ${SYNFIRE_TEST_OPTIONS})
  target_link_libraries(${name} PRIVATE synfire_options synfire_test_support ${ARG_LIBS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600)
endfunction()
