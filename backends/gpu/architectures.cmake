# gpu_architectures(<out> <file>): the code that a platform/architectures.h lists, each once. The file configures again
# when it changes.
function(gpu_architectures out file)
  file(STRINGS "${file}" rows REGEX "^    {[0-9a-fx]+, \"[a-z0-9_]+\",")
  if(NOT rows)
    message(FATAL_ERROR "${file} has no row of the form {number, \"code\", ...}")
  endif()
  list(TRANSFORM rows REPLACE "^    {[0-9a-fx]+, \"([a-z0-9_]+)\",.*" "\\1")
  list(REMOVE_DUPLICATES rows)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  set(${out} "${rows}" PARENT_SCOPE)
endfunction()
