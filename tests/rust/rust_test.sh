#!/usr/bin/env bash
# The Rust crates against an installed tree, without a network: rust_test.sh SOURCE BUILD SCRATCH
source=$1 build=$2 scratch=$3
source "$source/tests/install/outside_project.sh"

if ! command -v cargo >/dev/null; then
    echo "skipped: there is no cargo"
    exit 77
fi
rm -rf "$scratch/prefix"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
pkgconfig=$(dirname "$(find "$scratch/prefix" -name varlen.pc)")

# Nothing is written beside the sources: --locked keeps Cargo.lock as it is.
export CARGO_TARGET_DIR=$scratch/target PKG_CONFIG_PATH=$pkgconfig
LD_LIBRARY_PATH=$(dirname "$pkgconfig") VARLEN_BACKEND=cpu RUSTFLAGS="-D warnings" RUSTDOCFLAGS="-D warnings" \
    cargo test --offline --locked --workspace --manifest-path "$source/bindings/rust/Cargo.toml"

# Without the library, the build says what it misses.
said=$(PKG_CONFIG_PATH=/nowhere CARGO_TARGET_DIR=$scratch/without cargo build --offline --locked --manifest-path \
    "$source/bindings/rust/varlen-sys/Cargo.toml" 2>&1) && fail "it was built without libvarlen"
[[ $said == *"found none by pkg-config (varlen >= 0.1)"* ]] || fail "it does not say what it misses: $said"
