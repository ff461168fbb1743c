#!/usr/bin/env bash
# Builds with VARLEN_STATIC_CPU and runs attention with no plugin around: static_cpu_test.sh SOURCE SCRATCH BUILD_TYPE
source=$1 scratch=$2 build_type=$3
source "$source/tests/install/outside_project.sh"

rm -rf "$scratch/prefix" "$scratch/outside"
mkdir -p "$scratch"
build=$scratch/build
{
    cmake -S "$source" -B "$build" -G Ninja -DVARLEN_STATIC_CPU=ON -DVARLEN_CUDA=OFF -DVARLEN_HIP=OFF \
        -DVARLEN_TESTS=OFF -DVARLEN_TOOLS=OFF -DCMAKE_BUILD_TYPE="$build_type" -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" &&
        cmake --build "$build" && cmake --install "$build" --prefix "$scratch/prefix"
} >"$scratch/log" || fail "$(tail -n 40 "$scratch/log")"

[ -z "$(find "$scratch/prefix" -name 'varlen-*.so')" ] || fail "a plugin was installed"
expect "the built-in backend" "3 (built in)" "$(run_with_find_package "$scratch/prefix" "$scratch/outside")"
expect "the built-in backend, by pkg-config" "3 (built in)" \
    "$(run_with_pkg_config "$scratch/prefix" "$scratch/pkg-config")"
