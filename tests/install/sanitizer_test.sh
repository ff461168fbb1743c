#!/usr/bin/env bash
# libvarlen links under clang's AddressSanitizer, whose functions are in the program: sanitizer_test.sh SOURCE SCRATCH
source=$1 scratch=$2
source "$source/tests/install/outside_project.sh"

if ! printf 'int main(void) { return 0; }\n' | clang -fsanitize=address -x c - -o /dev/null 2>/dev/null; then
    echo "skipped: there is no clang with AddressSanitizer"
    exit 77
fi
rm -rf "$scratch"
mkdir -p "$scratch"
{
    cmake -S "$source/tests/install/parent" -B "$scratch" -G Ninja -DVARLEN_SOURCE="$source" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS=-fsanitize=address &&
        cmake --build "$scratch" --target outside
} >"$scratch/log" 2>&1 || fail "$(tail -n 40 "$scratch/log")"
