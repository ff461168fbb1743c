# What every GPU plugin is made of. Platforms compile it each in their own way.
set(gpu_source_dir "${CMAKE_CURRENT_LIST_DIR}")
set(gpu_host_sources plugin state device memory make_problem supports families planned_forward planned_backward forward backward merge
  pack cu_seqlens kv_append)

# Calls add_object(<target> <name> <source> <definition>...) for each object file of the plugin `target`.
function(gpu_add_objects target add_object)
  foreach(name IN LISTS gpu_host_sources)
    cmake_language(CALL ${add_object} ${target} host-${name} "${gpu_source_dir}/host/${name}.cpp")
  endforeach()
  foreach(name IN ITEMS forward backward)
    gpu_add_instances(${target} ${add_object} ${name} "${gpu_source_dir}/instances/warp_tiles.def")
  endforeach()
  gpu_add_instances(${target} ${add_object} forward_quantized "${gpu_source_dir}/instances/quantized.def")
endfunction()

# The same for kernels of warp groups, which not every platform has.
function(gpu_add_group_objects target add_object)
  foreach(name IN ITEMS group_forward group_backward group_sweeps)
    cmake_language(CALL ${add_object} ${target} host-${name} "${gpu_source_dir}/host/${name}.cpp")
  endforeach()
  foreach(name IN ITEMS group_forward group_backward)
    gpu_add_instances(${target} ${add_object} ${name} "${gpu_source_dir}/instances/warp_tiles.def")
  endforeach()
  foreach(name IN ITEMS group_sweeps group_quantized)
    gpu_add_instances(${target} ${add_object} ${name} "${gpu_source_dir}/instances/${name}.def")
  endforeach()
endfunction()

# The same for one source of instances/, once for each line of a list.
function(gpu_add_instances target add_object name list)
  set(instance "^INSTANCE\\(([a-z0-9]+), ([0-9]+), ([0-9]+), (true|false)\\)$")
  file(STRINGS "${list}" lines REGEX "^INSTANCE")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${list}")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "${instance}")
      message(FATAL_ERROR "${list}: ${line} is not INSTANCE(type, head_dim, value_dim, general)")
    endif()
    set(definitions INSTANCE_TYPE=${CMAKE_MATCH_1} INSTANCE_HEAD_DIM=${CMAKE_MATCH_2}
      INSTANCE_VALUE_DIM=${CMAKE_MATCH_3} INSTANCE_GENERAL=${CMAKE_MATCH_4})
    set(object "${name}-${CMAKE_MATCH_1}-${CMAKE_MATCH_2}-${CMAKE_MATCH_3}")
    if(CMAKE_MATCH_4)
      string(APPEND object "-general")
    endif()
    cmake_language(CALL ${add_object} ${target} ${object} "${gpu_source_dir}/instances/${name}.cpp" ${definitions})
  endforeach()
endfunction()
