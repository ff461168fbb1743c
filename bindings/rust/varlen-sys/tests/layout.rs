//! The bindings are the header's: each struct, field, constant and function of varlen.h is here, as the C compiler has it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use varlen_sys::{CONSTANTS, LAYOUTS};

fn include_folder() -> PathBuf {
    let program = std::env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_string());
    let output = Command::new(program).args(["--variable=includedir", "varlen"]).output().expect("pkg-config");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim().replace('\\', ""))
}

/// The header without its comments.
fn header() -> String {
    let text = std::fs::read_to_string(include_folder().join("varlen/varlen.h")).unwrap();
    text.split("/*").enumerate().map(|(i, part)| if i == 0 { part } else { part.split_once("*/").unwrap().1 }).collect()
}

/// Compiles and runs a program of `lines`, and gives what it prints.
fn run_c(lines: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (folder.join("layout.c"), folder.join("layout"));
    let text = format!(
        "#include <stdio.h>\n#include <varlen/varlen.h>\n#define FIELD(s, f) printf(#s \".\" #f \" %zu %zu\\n\", \
         offsetof(s, f), sizeof(((s *)0)->f))\nint main(void)\n{{\n{lines}return 0;\n}}\n"
    );
    std::fs::write(&source, text).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_string());
    let compiled = Command::new(compiler).arg("-I").arg(include_folder()).arg(&source).arg("-o").arg(&program).status();
    assert!(compiled.unwrap().success());
    String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap()
}

#[test]
fn structs_are_as_in_c() {
    let (mut lines, mut expected) = (String::new(), String::new());
    for layout in LAYOUTS {
        lines += &format!("printf(\"{0} %zu\\n\", sizeof({0}));\n", layout.name);
        expected += &format!("{} {}\n", layout.name, layout.size);
        for (field, place) in layout.fields {
            let (offset, size) = place();
            lines += &format!("FIELD({}, {field});\n", layout.name);
            expected += &format!("{}.{field} {offset} {size}\n", layout.name);
        }
    }
    for (name, value) in CONSTANTS {
        lines += &format!("printf(\"{name} %lld\\n\", (long long){name});\n");
        expected += &format!("{name} {value}\n");
    }
    let printed = run_c(&lines);
    for (ours, theirs) in expected.lines().zip(printed.lines()) {
        assert_eq!(ours, theirs, "Rust has the left, C the right");
    }
    assert_eq!(expected.lines().count(), printed.lines().count());
}

/// The names in a text that come between a prefix and a suffix.
fn names_between<'a>(text: &'a str, prefix: &str, suffix: char) -> BTreeSet<&'a str> {
    text.split(prefix).skip(1).filter_map(|rest| rest.split(suffix).next()).map(|name| name.trim()).collect()
}

#[test]
fn nothing_of_the_header_is_missing() {
    let header = header();
    let structs: BTreeSet<_> = names_between(&header, "typedef struct ", '{')
        .into_iter()
        .filter(|name| !name.contains(char::is_whitespace))
        .collect();
    assert_eq!(structs, LAYOUTS.iter().map(|layout| layout.name).collect());

    let functions: BTreeSet<_> = header
        .split("VARLEN_API ")
        .skip(2) // its two definitions
        .filter_map(|rest| rest.split('(').next()?.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next())
        .filter(|name| name.starts_with("varlen_"))
        .collect();
    let ours = include_str!("../src/functions.rs");
    assert!(functions.len() > 30);
    assert_eq!(functions, names_between(ours, "pub fn ", '('));

    let constants: BTreeSet<_> = CONSTANTS.iter().map(|(name, _)| *name).collect();
    let words: BTreeSet<_> = header
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("VARLEN_") && *word != "VARLEN_API" && *word != "VARLEN_VARLEN_H")
        .collect();
    assert_eq!(words, constants);
}

#[test]
fn the_library_is_that_of_the_header() {
    let version = unsafe { std::ffi::CStr::from_ptr(varlen_sys::varlen_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
}
