# Toolchain of the tsan preset: clang with LLVM's OpenMP runtime, whose archer tool tells ThreadSanitizer how OpenMP
# threads wait for one another. (gcc's runtime does not, and correct programs are reported.)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_FLAGS_INIT "-fsanitize=thread -fno-omit-frame-pointer")

# Shared libraries get ThreadSanitizer's functions from the program that loads them. These flags stand at the end of the
# link line, after the --no-undefined that they take back.
set(CMAKE_C_STANDARD_LIBRARIES_INIT "-Wl,--unresolved-symbols=ignore-in-object-files")

# Where the test preset expects the tool.
execute_process(COMMAND clang -print-resource-dir OUTPUT_VARIABLE resources OUTPUT_STRIP_TRAILING_WHITESPACE)
get_filename_component(archer "${resources}/../../libarcher.so" ABSOLUTE)
if(NOT EXISTS "${archer}")
  message(FATAL_ERROR "There is no ${archer}: it comes with LLVM's OpenMP runtime (Debian: libomp-dev)")
endif()
file(CREATE_LINK "${archer}" "${CMAKE_BINARY_DIR}/libarcher.so" SYMBOLIC)
