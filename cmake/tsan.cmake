# Toolchain of the tsan preset.
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_FLAGS_INIT "-fsanitize=thread -fno-omit-frame-pointer")

# Shared libraries get ThreadSanitizer's functions from the program that loads them. These flags stand at the end of the
# link line, after the --no-undefined that they take back.
set(CMAKE_C_STANDARD_LIBRARIES_INIT "-Wl,--unresolved-symbols=ignore-in-object-files")
