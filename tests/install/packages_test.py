#!/usr/bin/env python3
"""What a build installs is in one of Debian's packages, each file in one: packages_test.py SOURCE BUILD SCRATCH

The proof that the packages work is tools/release."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

SOURCE, BUILD, SCRATCH = map(Path, sys.argv[1:])


def installed():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    subprocess.run(["cmake", "--install", BUILD, "--prefix", SCRATCH], check=True, stdout=subprocess.DEVNULL)
    return sorted(str(path.relative_to(SCRATCH)) for path in SCRATCH.rglob("*") if not path.is_dir())


def here(pattern):
    """A pattern of a .install file, for this build's prefix, which has no folder of the triplet."""
    return re.sub(r"^usr/", "", pattern.replace("usr/lib/*/", "lib*/"))


def packages():
    """{package: patterns of what it has}"""
    return {file.stem: list(map(here, file.read_text().split())) for file in sorted((SOURCE / "debian").glob("*.install"))}


def matches(path, pattern):
    return fnmatch(path, pattern) or fnmatch(path, f"{pattern}/*")


def faults():
    paths, owners = installed(), packages()
    for path in paths:
        found = [name for name, patterns in owners.items() if any(matches(path, pattern) for pattern in patterns)]
        if len(found) != 1:
            yield f"{path} is in {found or 'no package'}"
    control = (SOURCE / "debian" / "control").read_text()
    for name, patterns in owners.items():
        stanza = re.search(rf"^Package: {re.escape(name)}$.*?(?=^Package: |\Z)", control, re.DOTALL | re.MULTILINE)
        if not stanza:
            yield f"debian/control has no package {name}"
        elif "Build-Profiles" not in stanza[0]:
            yield from (f"{name} has nothing for {pattern}" for pattern in patterns
                        if not any(matches(path, pattern) for path in paths))


sys.exit("\n".join(faults()) or 0)
