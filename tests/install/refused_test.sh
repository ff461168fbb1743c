#!/usr/bin/env bash
# What cannot be built is refused when it is configured, in words: refused_test.sh SOURCE SCRATCH
source=$1 scratch=$2
source "$source/tests/install/outside_project.sh"

# refused WORDS OPTION...: configuring with the options fails, and says so.
refused() {
    local words=$1 said
    shift
    rm -rf "$scratch"
    mkdir -p "$scratch"
    said=$(cmake -S "$source" -B "$scratch" -G Ninja -DVARLEN_TESTS=OFF -DVARLEN_CUDA=OFF -DVARLEN_HIP=OFF -DCMAKE_C_COMPILER="$CC" \
        "$@" 2>&1) && fail "$* was taken"
    said=$(tr -s ' \n' ' ' <<<"$said")
    [[ $said == *"$words"* ]] || fail "$*: \"$words\" is not in: $said"
}

refused "BUILD_SHARED_LIBS = OFF, but varlen is a shared library alone" -DBUILD_SHARED_LIBS=OFF
refused "VARLEN_CUDA = MAYBE is none of AUTO, ON, OFF" -DVARLEN_CUDA=MAYBE
if $CC -m32 -x c -c /dev/null -o /dev/null 2>/dev/null; then
    refused "varlen needs a 64-bit target" -DCMAKE_C_FLAGS=-m32 -DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY
fi
