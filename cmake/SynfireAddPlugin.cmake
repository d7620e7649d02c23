# synfire_add_plugin(NAME SOURCES... [LIBS libs...]): a plugin outside of Synfire's own tree.
#
# NAME is synfire_backend_X or synfire_predictor_X, as Synfire looks for it; X is what users say. The result,
# NAME.so, exports synfire_plugin_query and nothing else, and has no symbol that it would miss when loaded.
set(SYNFIRE_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(synfire_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT name MATCHES "^synfire_(backend|predictor)_.+")
    message(FATAL_ERROR "synfire_add_plugin: '${name}', want synfire_backend_X or synfire_predictor_X")
  endif()
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${SYNFIRE_PLUGIN_MAP})
  target_compile_features(${name} PRIVATE c_std_11 cxx_std_20)
  target_link_libraries(${name} PRIVATE synfire::sdk ${ARG_LIBS})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs
    -Wl,--version-script=${SYNFIRE_PLUGIN_MAP})
endfunction()
