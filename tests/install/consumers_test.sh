#!/usr/bin/env bash
# The samples of examples/ against an installed tree that was moved to a folder with spaces, built and run by a user without
# rights, with gcc and clang: consumers_test.sh SOURCE BUILD
source=$1 build=$2
source "$source/tests/install/outside_project.sh"
source "$source/tests/install/unprivileged.sh"

make_folder
cmake --install "$build" --prefix "$folder/first" >"$folder/install.log"
prefix="$folder/moved prefix"
mv "$folder/first" "$prefix"
pkgconfig=$(dirname "$(find "$prefix" -name varlen.pc)")
printed="0 0.5 2 2.5 3 5"

for compiler in $(compilers_here gcc clang); do
    built_by_cmake consumers/find_package engine "$compiler" -DCMAKE_PREFIX_PATH="$prefix"
    expect "find_package with $compiler" "$printed" "$(unprivileged build/engine)"

    unprivileged cp -R "$folder/examples" . # make builds beside its Makefile
    unprivileged env PKG_CONFIG_PATH="$pkgconfig" make -C examples/consumers/pkg_config CC="$compiler" >"$folder/log" 2>&1 ||
        fail "pkg_config with $compiler: $(cat "$folder/log")"
    expect "pkg_config with $compiler" "$printed" "$(unprivileged examples/consumers/pkg_config/engine)"
    unprivileged rm -rf examples
done

for compiler in $(compilers_here g++ clang++); do
    eval "flags=($(PKG_CONFIG_PATH=$pkgconfig pkg-config --cflags --libs varlen))" # it quotes spaces as a shell does
    unprivileged "$compiler" -std=c++17 -Wall -Wextra -Werror -pedantic "$folder/examples/packed.cpp" -o packed \
        "${flags[@]}" -Wl,-rpath,"$(dirname "$pkgconfig")" || fail "packed.cpp with $compiler"
    expect "packed.cpp with $compiler" "$printed" "$(unprivileged ./packed | head -n 1)"
done

built_by_cmake serve varlen-serve gcc -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
unprivileged env VARLEN_BACKEND=cpu build/serve --check >"$folder/log" 2>&1 || fail "serve: $(cat "$folder/log")"

built_by_cmake backend varlen-naive gcc -DCMAKE_PREFIX_PATH="$prefix"
if [ -x "$prefix/bin/varlen" ]; then
    unprivileged env VARLEN_BACKEND_PATH="$folder/work/build" "$prefix/bin/varlen" check --backend naive --filter masks \
        >"$folder/log" 2>&1 || fail "the example backend: $(cat "$folder/log")"
fi
