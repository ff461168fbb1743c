# Installs the command, the CMake package and the pkg-config file. The library and its headers (core/CMakeLists.txt) and
# the plugins (varlen_add_plugin) install themselves. The installed tree may be moved as a whole.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/varlen")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(VARLEN_INSTALL_PLUGIN_DIR "${CMAKE_INSTALL_LIBDIR}/${VARLEN_PLUGIN_SUBDIR}")

install(EXPORT varlenTargets NAMESPACE varlen:: DESTINATION "${package_dir}" COMPONENT development)

if(VARLEN_TOOLS)
  file(RELATIVE_PATH lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(varlen-command PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
  install(TARGETS varlen-command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
endif()

configure_package_config_file(cmake/varlenConfig.cmake.in "${PROJECT_BINARY_DIR}/package/varlenConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" PATH_VARS VARLEN_INSTALL_PLUGIN_DIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# The SONAME is the major version.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/varlenConfigVersion.cmake"
  COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/varlenConfig.cmake"
  "${PROJECT_BINARY_DIR}/package/varlenConfigVersion.cmake" DESTINATION "${package_dir}" COMPONENT development)

file(RELATIVE_PATH prefix_from_pkgconfig "/${pkgconfig_dir}" "/")
string(REGEX REPLACE "/$" "" prefix_from_pkgconfig "${prefix_from_pkgconfig}")
configure_file(cmake/varlen.pc.in "${PROJECT_BINARY_DIR}/package/varlen.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/varlen.pc" DESTINATION "${pkgconfig_dir}" COMPONENT development)
