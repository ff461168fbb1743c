# shellcheck shell=bash disable=SC2034
# Installs what a script needs. Source it, then: need_packages "cmake:cmake" "pkg-config:pkg-config" ...
# Each word is a Debian package and, after the colon, a test that it is there: a command, or a file with a slash.

is_there() {
    case $1 in
        */*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

need_packages() {
    local missing=() entry
    for entry in "$@"; do
        is_there "${entry#*:}" || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]} (names of Debian packages)" >&2
        echo "install them: sudo apt-get install ${missing[*]}, or what your system calls them" >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What every build needs.
build_packages=("cmake:cmake" "ninja-build:ninja" "gcc:gcc" "libc6-dev:/usr/include/stdio.h")

# ccache makes a second build fast, where it is installed.
if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache
fi
