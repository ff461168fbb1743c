#!/usr/bin/env bash
# Installs a build, moves the tree, and uses it from outside: install_test.sh SOURCE BUILD SCRATCH
source=$1 build=$2 scratch=$3
source "$source/tests/install/outside_project.sh"

rm -rf "$scratch"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/first" >"$scratch/install.log"
prefix=$scratch/moved
mv "$scratch/first" "$prefix"

plugin=$(find "$prefix" -name varlen-cpu.so)
[ -n "$plugin" ] || fail "no varlen-cpu.so was installed"
expect "find_package" "3 $plugin" "$(run_with_find_package "$prefix" "$scratch/find-package")"
expect "pkg-config" "3 $plugin" "$(run_with_pkg_config "$prefix" "$scratch/pkg-config")"
grep -q "plugins: $(dirname "$plugin")$" "$scratch/find-package.log" ||
    fail "VARLEN_PLUGIN_DIR is not the plugins' folder"


# README's own lines, with where the tree lies now in the place of /opt/varlen.
commands=$(sed -n '/^    export PKG_CONFIG_PATH=/,/a\.out$/p' "$source/README.md")
[ -n "$commands" ] || fail "README.md does not say how to build with pkg-config"
libdir=$(dirname "$(find "$prefix" -name libvarlen.so)")
mkdir "$scratch/readme"
cp "$source/examples/packed.c" "$scratch/readme"
# shellcheck disable=SC2086
cc() { $CC $CFLAGS "$@"; }
expect "README's lines" "0 0.5 2 2.5 3 5" "$(cd "$scratch/readme" && eval "${commands//\/opt\/varlen\/lib/$libdir}")"

if [ -x "$prefix/bin/varlen" ]; then
    for name in man/man1/varlen.1 man/man1/varlen-explain.1 bash-completion/completions/varlen zsh/site-functions/_varlen \
        fish/vendor_completions.d/varlen.fish; do
        [ -f "$prefix/share/$name" ] || fail "no share/$name was installed"
    done
    [[ "$("$prefix/bin/varlen" info)" == *"$plugin"* ]] ||
        fail "the installed command does not use the installed plugin"
fi
if grep -rqF "$build" "$prefix" --include='*.cmake' --include='*.pc'; then
    fail "an installed file names the build folder"
fi
