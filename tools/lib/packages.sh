# shellcheck shell=bash disable=SC2034
# Installs what a script needs. Source it, then: need_packages "cmake:cmake" "pkg-config:pkg-config" ...
# Each word is a Debian package and, after the colon, a test that it is there: a command, or a file with a slash.

is_there() {
    case $1 in
        */*) compgen -G "$1" >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

can_install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

install_packages() {
    echo "installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Sets `missing` to the packages among the words that are not there.
find_missing() {
    local entry
    missing=()
    for entry in "$@"; do
        is_there "${entry#*:}" || missing+=("${entry%%:*}")
    done
}

need_packages() {
    local missing
    find_missing "$@"
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! can_install; then
        echo "missing: ${missing[*]} (names of Debian packages)" >&2
        echo "install them: sudo apt-get install ${missing[*]}, or what your system calls them" >&2
        exit 1
    fi
    apt-get update -qq
    install_packages "${missing[@]}"
}

# The same for packages that can be done without: all of them, or, where the system does not have them all, none.
want_packages() {
    local missing
    find_missing "$@"
    [ ${#missing[@]} -gt 0 ] && can_install || return 0
    apt-get update -qq || return 0
    if apt-get install -qq --simulate "${missing[@]}" >/dev/null 2>&1; then
        install_packages "${missing[@]}" || echo "going on without ${missing[*]}"
    fi
}

# What every build needs.
build_packages=("cmake:cmake" "ninja-build:ninja" "gcc:gcc" "libc6-dev:/usr/include/stdio.h")

# What the Python package's tests need.
python_packages=("python3-pytest:/usr/lib/python3/dist-packages/pytest/__init__.py"
    "python3-numpy:/usr/lib/python3/dist-packages/numpy/__init__.py"
    "python3-torch:/usr/lib/python3/dist-packages/torch/__init__.py" "binutils:readelf")

# What the HIP backend is built with, where ROCm is not there; clang-tools has clang-offload-bundler, and llvm what reads
# the kernels' code in a test.
hip_packages=("clang-19:clang++-19" "lld-19:/usr/lib/llvm-19/bin/ld.lld"
    "clang-tools-19:/usr/lib/llvm-19/bin/clang-offload-bundler" "llvm-19:/usr/lib/llvm-19/bin/llvm-objdump"
    "libamdhip64-dev:/usr/include/hip/hip_runtime_api.h")

# What reads the code of CUDA's kernels in a test, where the toolkit was packaged without it. The newest reads all.
want_cuobjdump() {
    local nvcc folder=.local/cuobjdump
    nvcc=$(PATH=$PATH:/usr/local/cuda/bin command -v nvcc) || return 0
    if is_there cuobjdump || is_there "$(dirname "$(realpath "$nvcc")")/cuobjdump"; then
        return 0
    fi
    if ! is_there "$folder/nvidia/*/bin/cuobjdump"; then
        can_install || return 0
        echo "installing nvidia-cuda-cuobjdump in $folder"
        python3 -m pip install --quiet --root-user-action=ignore --target "$folder" nvidia-cuda-cuobjdump \
            nvidia-cuda-nvdisasm || echo "going on without cuobjdump"
    fi
    if is_there "$folder/nvidia/*/bin/cuobjdump"; then
        PATH=$PATH:$(compgen -G "$PWD/$folder/nvidia/*/bin" | head -n 1)
        export PATH
    fi
}

# ccache makes a second build fast, where it is installed: of another clone too, since paths count from the folder of this one.
if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
    export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1
fi
