//! Finds libvarlen by pkg-config, as PKG_CONFIG_PATH leads it, and hands on where it lies: dependent crates' build scripts
//! have it in DEP_VARLEN_LIBDIR.

use std::env;
use std::process::{exit, Command};

const WANTED: &str = "varlen >= 0.1";

fn pkg_config(option: &str) -> Result<String, String> {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let output = Command::new(&program)
        .args([option, "--print-errors", WANTED])
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // Spaces in paths are written as a shell wants them.
    Ok(String::from_utf8_lossy(&output.stdout).trim().replace('\\', ""))
}

fn main() {
    for name in ["PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let libdir = match pkg_config("--variable=libdir") {
        Ok(libdir) => libdir,
        Err(reason) => {
            eprintln!("varlen-sys needs libvarlen, and found none by pkg-config ({WANTED}): {reason}");
            eprintln!("if it is in /opt/varlen: PKG_CONFIG_PATH=/opt/varlen/lib/pkgconfig");
            exit(1);
        }
    };
    println!("cargo:rustc-link-search=native={libdir}");
    println!("cargo:rustc-link-lib=dylib=varlen");
    println!("cargo:libdir={libdir}");
}
