# shellcheck shell=bash disable=SC2154
# A folder whose name has spaces, and a user without rights to build in it. Source outside_project.sh first.

# Sets `folder`, which is gone when the script ends, with the examples in it. It is not in the build tree, which may be a
# folder that others cannot enter.
make_folder() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/varlen with spaces.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    cp -R "$source/examples" "$folder/examples"
    mkdir "$folder/work"
    chmod 755 "$folder"
    if [ "$(id -u)" -eq 0 ]; then
        chown nobody "$folder/work"
    fi
}

# unprivileged COMMAND...: in $folder/work, as nobody where this is root.
unprivileged() {
    local as=()
    if [ "$(id -u)" -eq 0 ]; then
        as=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups)
    fi
    (cd "$folder/work" && env -u CCACHE_DIR HOME="$folder/work" "${as[@]}" "$@")
}

# built_by_cmake SAMPLE TARGET COMPILER OPTION...: configures a sample in $folder/work/build and builds a target of it.
built_by_cmake() {
    local sample=$1 target=$2 compiler=$3 log="$folder/log"
    shift 3
    unprivileged rm -rf build
    {
        unprivileged cmake -G Ninja -S "$folder/examples/$sample" -B build -DCMAKE_C_COMPILER="$compiler" "$@" &&
            unprivileged cmake --build build --target "$target"
    } >"$log" 2>&1 || fail "$sample with $compiler: $(tail -n 40 "$log")"
}

# Those of the compilers that are here, a line each.
compilers_here() {
    local compiler
    for compiler in "$@"; do
        if command -v "$compiler" >/dev/null; then
            echo "$compiler"
        else
            echo "without $compiler, which is not here" >&2
        fi
    done
}
