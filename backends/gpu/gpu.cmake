# What every GPU plugin is made of. Platforms compile it each in their own way.
include("${CMAKE_CURRENT_LIST_DIR}/instances.cmake")

set(gpu_source_dir "${CMAKE_CURRENT_LIST_DIR}")
set(gpu_host_sources plugin state device memory make_problem supports forward backward merge pack cu_seqlens kv_append)
set(gpu_instance_sources forward backward)

# Calls add_object(<target> <name> <source> <definition>...) for each object file of the plugin `target`.
function(gpu_add_objects target add_object)
  foreach(name IN LISTS gpu_host_sources)
    cmake_language(CALL ${add_object} ${target} host-${name} "${gpu_source_dir}/host/${name}.cpp")
  endforeach()
  foreach(name IN LISTS gpu_instance_sources)
    gpu_add_instances(${target} ${add_object} ${name})
  endforeach()
endfunction()

# The same for one source of instances/, once for each combination in instances.cmake.
function(gpu_add_instances target add_object name)
  foreach(type IN LISTS gpu_instance_types)
    foreach(dims IN LISTS gpu_instance_dims)
      foreach(general IN LISTS gpu_instance_generals)
        separate_arguments(dim UNIX_COMMAND "${dims}")
        list(GET dim 0 head_dim)
        list(GET dim 1 value_dim)
        set(variant "")
        if(general)
          set(variant "-general")
        endif()
        cmake_language(CALL ${add_object} ${target} "${name}-${type}-${head_dim}-${value_dim}${variant}"
          "${gpu_source_dir}/instances/${name}.cpp" INSTANCE_TYPE=${type} INSTANCE_HEAD_DIM=${head_dim}
          INSTANCE_VALUE_DIM=${value_dim} INSTANCE_GENERAL=${general})
      endforeach()
    endforeach()
  endforeach()
endfunction()
