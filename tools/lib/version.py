"""Where the version stands: in varlen.h, and in the files that cannot read it there and repeat it."""

import re

HEADER = "include/varlen/varlen.h"
NUMBERS = ("MAJOR", "MINOR", "PATCH")
WHOLE = {  # the version is the pattern's group
    "CHANGELOG.md": r"\A# Changes\n\n## ([\d.]+)",
    "debian/changelog": r"\Avarlen \(([\d.]+)-",
    "bindings/rust/*/Cargo.toml": r"^(?:version|varlen-sys = .*version) = \"([\d.]+)\"",
    "bindings/rust/Cargo.lock": r"^name = \"varlen(?:-sys)?\"\nversion = \"([\d.]+)\"",
}
APART = {  # a line for each number, {} in the pattern
    HEADER: r"^#define VARLEN_VERSION_{} (\d+)$",
    "bindings/python/varlen/_header.py": r"^VERSION_{} = (\d+)$",
    "bindings/rust/varlen-sys/src/constants.rs": r"^ *VARLEN_VERSION_{}: i32 = (\d+);$",
}


def files(root, places):
    """[(file, pattern)] of those that are there."""
    return [(path, pattern) for name, pattern in places.items() for path in sorted(root.glob(name))]


def told(path, pattern):
    """The versions that a file tells, each once."""
    text = path.read_text()
    if "{}" not in pattern:
        return sorted(set(re.findall(pattern, text, re.MULTILINE)))
    numbers = [re.findall(pattern.format(name), text, re.MULTILINE) for name in NUMBERS]
    return sorted(".".join(each) for each in set(zip(*numbers)))


def version_of(root):
    """None where varlen.h does not tell one."""
    versions = told(root / HEADER, APART[HEADER])
    return versions[0] if len(versions) == 1 else None


def put(path, pattern, version):
    """Writes a version where a file tells one."""
    text = path.read_text()
    words = zip(NUMBERS, version.split(".")) if "{}" in pattern else [("", version)]
    for name, word in words:
        for found in reversed(list(re.finditer(pattern.replace("{}", name), text, re.MULTILINE))):
            text = text[:found.start(1)] + word + text[found.end(1):]
    path.write_text(text)
