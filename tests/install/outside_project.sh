# shellcheck shell=bash disable=SC2154
# Builds and runs the outside project against an installed tree. Needs: source, and the compiler in CC and CFLAGS.
set -euo pipefail
for name in $(compgen -e VARLEN_ || true); do
    unset "$name"
done

fail() {
    echo "$*" >&2
    exit 1
}

# expect WHAT EXPECTED ACTUAL
expect() {
    [ "$2" = "$3" ] || fail "$1: expected \"$2\", got \"$3\""
}

# Builds the outside project against the tree with find_package and runs it.
run_with_find_package() {
    local prefix=$1 build=$2
    cmake -G Ninja -S "$source/tests/install/outside" -B "$build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_C_FLAGS="$CFLAGS" >"$build.log" || fail "$(cat "$build.log")"
    cmake --build "$build" >>"$build.log" || fail "$(cat "$build.log")"
    "$build/outside"
}

# The same with pkg-config and nothing else.
run_with_pkg_config() {
    local prefix=$1 program=$2 pkgconfig flags
    pkgconfig=$(dirname "$(find "$prefix" -name varlen.pc)")
    flags=$(PKG_CONFIG_PATH=$pkgconfig pkg-config --cflags --libs varlen)
    # shellcheck disable=SC2086
    $CC $CFLAGS "$source/tests/install/outside/main.c" -o "$program" $flags \
        -Wl,-rpath,"$(PKG_CONFIG_PATH=$pkgconfig pkg-config --variable=libdir varlen)"
    "$program"
}
