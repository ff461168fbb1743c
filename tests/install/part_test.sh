#!/usr/bin/env bash
# varlen as a part of another project takes nothing that it was not given: part_test.sh SOURCE SCRATCH
source=$1 scratch=$2
source "$source/tests/install/outside_project.sh"

rm -rf "$scratch"
mkdir -p "$scratch"
{
    cmake -S "$source/tests/install/parent" -B "$scratch/build" -G Ninja -DVARLEN_SOURCE="$source" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" &&
        cmake --build "$scratch/build" --target outside &&
        cmake --install "$scratch/build" --prefix "$scratch/prefix"
} >"$scratch/log" 2>&1 || fail "$(tail -n 40 "$scratch/log")"

expect "what the parent installs" "$scratch/prefix/bin/outside" "$(find "$scratch/prefix" -type f)"
[ -e "$scratch/build/varlen/lib/libvarlen.so" ] || fail "libvarlen.so is not in varlen's own folder"
