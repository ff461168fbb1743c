# Toolchain of the tsan preset.
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_FLAGS_INIT "-fsanitize=thread -fno-omit-frame-pointer")
