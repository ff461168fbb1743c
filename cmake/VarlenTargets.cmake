# Settings that every target of the project shares, the options of backends, and the two kinds of library it builds.
include(VarlenHardening)

function(varlen_common target)
  target_compile_features(${target} PRIVATE c_std_11)
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden C_EXTENSIONS ON POSITION_INDEPENDENT_CODE ON)
  set(warnings -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
  if(VARLEN_WERROR)
    list(APPEND warnings -Werror)
  endif()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${warnings}>") # other languages have their own
  varlen_harden(${target})
endfunction()

# Defines the option VARLEN_<name> = AUTO | ON | OFF of a backend that AUTO builds if <condition>, and sets
# VARLEN_<name>_WANTED to whether it is to be looked for. As a part of another project, it is asked for or not built.
function(varlen_backend_option name condition)
  set(option VARLEN_${name})
  if(PROJECT_IS_TOP_LEVEL)
    set(default AUTO)
  else()
    set(default OFF)
  endif()
  set(${option} ${default} CACHE STRING "Build the ${name} backend: AUTO (if ${condition}), ON or OFF")
  set_property(CACHE ${option} PROPERTY STRINGS AUTO ON OFF)
  set(wanted TRUE)
  if(NOT ${option} MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "${option} = ${${option}} is none of AUTO, ON, OFF")
  elseif(${option} STREQUAL "OFF" OR (${option} STREQUAL "AUTO" AND CMAKE_CROSSCOMPILING))
    set(wanted FALSE)
  endif()
  set(${option}_WANTED ${wanted} PARENT_SCOPE)
endfunction()

# A backend plugin: varlen-<name>.so in the plugin folder, exporting varlen_backend_entry alone.
function(varlen_add_plugin target name)
  add_library(${target} MODULE ${ARGN})
  varlen_common(${target})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "varlen-${name}"
    LIBRARY_OUTPUT_DIRECTORY "${VARLEN_OUTPUT_PLUGINS}")
  varlen_export_only(${target} "${PROJECT_SOURCE_DIR}/cmake/plugin.map")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include")
  if(VARLEN_INSTALL)
    install(TARGETS ${target} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/${VARLEN_PLUGIN_SUBDIR}" COMPONENT runtime)
  endif()
endfunction()

# Nothing but what the map names is exported, and nothing is left undefined, but for a sanitizer's functions.
function(varlen_export_only target map)
  target_link_options(${target} PRIVATE "LINKER:--version-script=${map}")
  if(NOT VARLEN_SANITIZED)
    target_link_options(${target} PRIVATE LINKER:--no-undefined)
  endif()
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
endfunction()
