# Installs the program, the plugins and the plugin SDK as find_package(synfire).
#
# PREFIX/bin/synfire                     finds its plugins beside itself, wherever PREFIX is moved to
# PREFIX/lib/synfire/plugins             the plugins (installed by synfire_plugin)
# PREFIX/include/synfire/plugins/abi|sdk the headers, under the names that they have in the source tree
# PREFIX/lib/cmake/synfire               targets synfire::plugin_abi, synfire::sdk; synfire_add_plugin
include(CMakePackageConfigHelpers)

set(package lib/cmake/synfire)

if(TARGET synfire)
  install(TARGETS synfire RUNTIME DESTINATION bin)
endif()

set_target_properties(synfire_plugin_abi PROPERTIES EXPORT_NAME plugin_abi)
set_target_properties(synfire_sdk PROPERTIES EXPORT_NAME sdk)
install(TARGETS synfire_plugin_abi synfire_sdk EXPORT synfireTargets COMPONENT sdk)
install(EXPORT synfireTargets NAMESPACE synfire:: DESTINATION ${package} COMPONENT sdk)
install(DIRECTORY plugins/abi plugins/sdk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/synfire/plugins
  COMPONENT sdk FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# The SDK is headers: any architecture may use it, and any version with the same ABI major.
configure_package_config_file(cmake/synfireConfig.cmake.in ${CMAKE_BINARY_DIR}/synfireConfig.cmake
  INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/synfireConfigVersion.cmake
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/synfireConfig.cmake ${CMAKE_BINARY_DIR}/synfireConfigVersion.cmake
  cmake/SynfireAddPlugin.cmake plugins/sdk/plugin.map DESTINATION ${package} COMPONENT sdk)
