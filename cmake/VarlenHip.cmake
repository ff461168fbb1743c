# Compiling HIP without CMake's own HIP language, which wants packages that distributions lay out differently: one
# compiler, driven directly. Clang alone will do, from ROCm, a distribution or upstream, with HIP's runtime header; the
# sources need neither HIP's device headers nor its device libraries.

include("${PROJECT_SOURCE_DIR}/backends/gpu/architectures.cmake")

# Sets <out> to whether a compiler makes code for <architecture>, and if not, <out>_error to its words.
function(varlen_hip_compiles out compiler architecture)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/hip_try.cpp")
  if(architecture MATCHES "^gfx1")
    set(builtin "typedef short v16s __attribute__((ext_vector_type(16)));
typedef float v8f __attribute__((ext_vector_type(8)));
__attribute__((device)) v8f f(v16s a, v8f c) { return __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(a, a, c); }")
  else()
    set(builtin "typedef short v4s __attribute__((ext_vector_type(4)));
typedef float v4f __attribute__((ext_vector_type(4)));
__attribute__((device)) v4f f(v4s a, v4f c) { return __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(a, a, c, 0, 0, 0); }")
  endif()
  file(WRITE "${source}" "#include <hip/hip_runtime_api.h>\n${builtin}\n__attribute__((global)) void k() {}\n")
  execute_process(COMMAND "${compiler}" ${VARLEN_HIP_FLAGS} --offload-arch=${architecture} -c "${source}" -o
    "${source}.o" RESULT_VARIABLE failed OUTPUT_VARIABLE words ERROR_VARIABLE words)
  if(failed)
    set(${out} FALSE PARENT_SCOPE)
    string(REGEX MATCH "[^\n]*error:[^\n]*" first_error "${words}")
    set(${out}_error "${first_error}" PARENT_SCOPE)
  else()
    set(${out} TRUE PARENT_SCOPE)
  endif()
endfunction()

# Sets VARLEN_HIP_COMPILER, VARLEN_HIP_RUNTIME (libamdhip64) and VARLEN_HIP_ARCHITECTURES, of which each may be given; or
# <reason> to what is missing.
macro(varlen_find_hip reason)
  set(${reason} "")
  find_program(VARLEN_HIP_COMPILER NAMES amdclang++ clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 hipcc
    HINTS ENV HIPCXX ENV ROCM_PATH PATHS /opt/rocm PATH_SUFFIXES bin llvm/bin
    DOC "A clang++ or hipcc that compiles HIP")
  find_library(VARLEN_HIP_RUNTIME amdhip64 HINTS ENV ROCM_PATH PATHS /opt/rocm DOC "HIP's runtime library")
  find_program(VARLEN_CCACHE ccache)
  find_path(VARLEN_HIP_INCLUDE hip/hip_runtime_api.h HINTS ENV ROCM_PATH PATHS /opt/rocm PATH_SUFFIXES include
    DOC "The folder of HIP's headers")
  set(VARLEN_HIP_FLAGS -x hip -nogpulib -nogpuinc -std=c++17 -O3 -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti
    -fno-threadsafe-statics -munsafe-fp-atomics -D__HIP_PLATFORM_AMD__ -Wall -Wextra -Wshadow)
  if(VARLEN_HIP_INCLUDE AND NOT VARLEN_HIP_INCLUDE STREQUAL "/usr/include")
    list(APPEND VARLEN_HIP_FLAGS -isystem "${VARLEN_HIP_INCLUDE}")
  endif()
  if(NOT VARLEN_HIP_COMPILER)
    set(${reason} "there is no clang++ or hipcc that compiles HIP: set VARLEN_HIP_COMPILER")
  elseif(NOT VARLEN_HIP_RUNTIME OR NOT VARLEN_HIP_INCLUDE)
    set(${reason} "HIP's runtime (libamdhip64, hip/hip_runtime_api.h) was not found: set ROCM_PATH")
  else()
    gpu_architectures(hip_architectures "${PROJECT_SOURCE_DIR}/backends/hip/platform/architectures.h")
    if(NOT DEFINED VARLEN_HIP_ARCHITECTURES)
      set(known "")
      foreach(architecture IN LISTS hip_architectures)
        varlen_hip_compiles(compiles "${VARLEN_HIP_COMPILER}" ${architecture})
        if(compiles)
          list(APPEND known ${architecture})
        endif()
      endforeach()
      set(VARLEN_HIP_ARCHITECTURES "${known}" CACHE STRING "The AMD GPUs that the HIP backend has code for")
    endif()
    if(NOT VARLEN_HIP_ARCHITECTURES)
      list(JOIN hip_architectures ", " names)
      set(${reason} "${VARLEN_HIP_COMPILER} compiles for none of ${names}: ${compiles_error}")
    endif()
  endif()
endmacro()

# Sets <out> to what a compiler is told of any source: varlen_hip_options(<out> <architectures> <include folders>
# <definition>...).
function(varlen_hip_options out architectures includes)
  set(options ${VARLEN_HIP_FLAGS})
  if(VARLEN_WERROR)
    list(APPEND options -Werror)
  endif()
  foreach(option IN LISTS VARLEN_HARDENING VARLEN_FORTIFY)
    list(APPEND options -Xarch_host ${option})
  endforeach()
  list(TRANSFORM architectures PREPEND --offload-arch=)
  list(TRANSFORM includes PREPEND -I)
  list(TRANSFORM ARGN PREPEND -D OUTPUT_VARIABLE definitions)
  set(${out} ${options} ${architectures} ${includes} ${definitions} PARENT_SCOPE)
endfunction()

# Adds an object file to a target: varlen_hip_object(<target> <name> <source> <include folders> <definition>...).
function(varlen_hip_object target name source includes)
  set(object "${CMAKE_CURRENT_BINARY_DIR}/${target}-${name}.o")
  varlen_hip_options(options "${VARLEN_HIP_ARCHITECTURES}" "${includes}" ${ARGN})
  add_custom_command(OUTPUT "${object}"
    COMMAND $<$<BOOL:${VARLEN_CCACHE}>:${VARLEN_CCACHE}> "${VARLEN_HIP_COMPILER}" ${options} -MD -MF "${object}.d"
      -c "${source}" -o "${object}"
    MAIN_DEPENDENCY "${source}" DEPFILE "${object}.d" COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Building HIP object ${target}-${name}.o")
  target_sources(${target} PRIVATE "${object}")
  set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endfunction()
