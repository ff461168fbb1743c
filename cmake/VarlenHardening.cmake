# What makes a fault in a program harder to exploit, for everything that is built: varlen_harden(<target>) for C, and for
# other languages the lists VARLEN_HARDENING and, where there is optimization, VARLEN_FORTIFY. tests/files looks at the
# built files.
include(CheckCCompilerFlag)

# Whether what is built here is built for a sanitizer. They bring checks of their own in place of fortified functions,
# and clang leaves their functions undefined in shared objects, which get them from the program.
get_directory_property(directory_options COMPILE_OPTIONS)
string(TOUPPER "${CMAKE_BUILD_TYPE}" configuration)
set(VARLEN_SANITIZED FALSE)
if("${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${configuration}} ${directory_options}" MATCHES "-fsanitize=")
  set(VARLEN_SANITIZED TRUE)
endif()

# Fortified functions. Level 3 would turn copies of a few bytes, into rows whose ends are known at run time, into calls.
set(VARLEN_FORTIFY "")
if(NOT VARLEN_SANITIZED)
  set(VARLEN_FORTIFY -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

set(VARLEN_HARDENING -fstack-protector-strong)

# Branches and returns that the processor checks: Intel's CET, Arm's BTI and PAC.
set(VARLEN_BRANCH_PROTECTION "")
check_c_compiler_flag(-fcf-protection=full VARLEN_HAS_CF_PROTECTION)
check_c_compiler_flag(-mbranch-protection=standard VARLEN_HAS_MBRANCH_PROTECTION)
if(VARLEN_HAS_CF_PROTECTION)
  set(VARLEN_BRANCH_PROTECTION -fcf-protection=full)
elseif(VARLEN_HAS_MBRANCH_PROTECTION)
  set(VARLEN_BRANCH_PROTECTION -mbranch-protection=standard)
endif()
list(APPEND VARLEN_HARDENING ${VARLEN_BRANCH_PROTECTION})

function(varlen_harden target)
  set(optimized "$<CONFIG:Release,RelWithDebInfo,MinSizeRel>")
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:C>:${VARLEN_HARDENING}>"
    "$<$<AND:$<COMPILE_LANGUAGE:C>,${optimized}>:${VARLEN_FORTIFY}>")
  get_target_property(type ${target} TYPE)
  if(type MATCHES "^(SHARED_LIBRARY|MODULE_LIBRARY|EXECUTABLE)$")
    # Addresses that calls go through are bound at load and then read-only; stacks are not executable.
    target_link_options(${target} PRIVATE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
  endif()
  if(type STREQUAL "EXECUTABLE")
    target_link_options(${target} PRIVATE -pie)
  endif()
endfunction()
