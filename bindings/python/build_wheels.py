#!/usr/bin/env python3
"""Builds varlen's wheels: the library with its CPU backend, and the CUDA backend beside it.

usage: build_wheels.py [--output FOLDER] [--build FOLDER] [--architecture x86_64|aarch64] [--cuda PLUGIN]

Writes varlen-VERSION-py3-none-manylinux_2_28_ARCHITECTURE.whl into FOLDER (default: dist), which loads on every system with
glibc 2.28 or later. With --cuda it also writes varlen_cuda, which holds PLUGIN, a varlen-cuda.so that has been built
already, and whose wheel is for the glibc that the plugin itself needs.

Needs CMake, a C compiler (for another architecture its cross compiler) and binutils. It is also the build backend of
pyproject.toml.
"""

import argparse
import base64
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GLIBC = (2, 28)  # the oldest that a wheel is for
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]

# Linked where glibc 2.28 has what later versions have in libc.so.6 alone.
OLD_LIBRARIES = "-Wl,--push-state,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2 -Wl,--pop-state"


def run(*command: object) -> str:
    """A command's output; its failure ends the build."""
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE).stdout


def version() -> str:
    header = (ROOT / "include" / "varlen" / "varlen.h").read_text()
    return ".".join(re.findall(r"#define VARLEN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))


def build_library(architecture: str, folder: Path) -> None:
    """Fills a build folder with libvarlen and the CPU plugin, bound to functions that glibc 2.28 has."""
    cross = architecture != platform.machine()
    compiler = f"{architecture}-linux-gnu-gcc" if cross else "cc"
    folder.mkdir(parents=True, exist_ok=True)
    stat = folder / "stat.o"
    run(compiler, "-O2", "-fPIC", "-c", HERE / "glibc_2_28" / "stat.c", "-o", stat)
    settings = {
        "CMAKE_BUILD_TYPE": "Release", "VARLEN_TESTS": "OFF", "VARLEN_TOOLS": "OFF", "VARLEN_CUDA": "OFF", "VARLEN_HIP": "OFF",
        "CMAKE_C_COMPILER": compiler, "CMAKE_C_FLAGS": f"-include {HERE / 'glibc_2_28' / 'versions.h'}",
        "CMAKE_SHARED_LINKER_FLAGS": f"{stat} {OLD_LIBRARIES}", "CMAKE_MODULE_LINKER_FLAGS": f"{stat} {OLD_LIBRARIES}",
        **({"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": architecture} if cross else {}),
    }
    run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", *(f"-D{name}={value}" for name, value in settings.items()))
    run("cmake", "--build", folder)


def glibc_of(library: Path) -> "tuple[int, int]":
    """The oldest glibc that has every function that a library takes from it."""
    needed = re.findall(r"GLIBC_2\.(\d+)", run("readelf", "--version-info", "--wide", library))
    return (2, max(map(int, needed), default=0))


def strangers_of(library: Path) -> "list[str]":
    """Libraries that a library loads and that not every Linux of its tag has: glibc's own alone are sure to be there."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", library))
    return [name for name in needed if not re.fullmatch(r"(lib(c|m|dl|pthread|rt)|ld-linux.*)\.so\.\d", name)]


def architecture_of(library: Path) -> str:
    machine = re.search(r"Machine:\s+(.*)", run("readelf", "--file-header", library))[1]
    return "aarch64" if "AArch64" in machine else "x86_64"


def add(wheel: zipfile.ZipFile, inside: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(inside, (1980, 1, 1, 0, 0, 0))  # the same bytes at each build
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o755 if ".so" in inside else 0o644) << 16
    wheel.writestr(entry, data)


def write_wheel(output: Path, name: str, tag: str, files: "dict[str, Path | str]", requires: "list[str]") -> Path:
    """A wheel of files, paths in the wheel with a file or a text each."""
    info = f"{name}-{version()}.dist-info"
    metadata = [f"Metadata-Version: 2.4\nName: {name.replace('_', '-')}\nVersion: {version()}",
                f"Summary: {PROJECT['description']}", f"Requires-Python: {PROJECT['requires-python']}",
                f"License-Expression: {PROJECT['license']}", "License-File: LICENSE",
                f"Keywords: {','.join(PROJECT['keywords'])}", *requires, "Description-Content-Type: text/markdown"]
    files = {**files, f"{info}/licenses/LICENSE": ROOT / "LICENSE",
             f"{info}/METADATA": "\n".join(metadata) + "\n\n" + (HERE / PROJECT["readme"]).read_text(),
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: varlen\nRoot-Is-Purelib: false\nTag: {tag}\n"}
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"{name}-{version()}-{tag}.whl"
    record = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for inside, content in files.items():
            data = content.read_bytes() if isinstance(content, Path) else content.encode()
            add(wheel, inside, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{inside},sha256={digest},{len(data)}\n")
        add(wheel, f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]).encode())
    return path


def refuse_strangers(library: Path) -> None:
    if strangers_of(library):
        sys.exit(f"{library} needs {', '.join(strangers_of(library))}, which a wheel neither holds nor finds on every system")


def write_varlen(output: Path, architecture: str, build: "Path | None" = None) -> Path:
    folder = build or ROOT / "build" / f"wheel-{architecture}"
    build_library(architecture, folder)
    folder = folder / "lib"
    libraries = {"varlen/lib/libvarlen.so.0": folder / "libvarlen.so.0", "varlen/lib/varlen/varlen-cpu.so":
                 folder / "varlen" / "varlen-cpu.so"}
    for library in libraries.values():
        if glibc_of(library) > GLIBC:
            sys.exit(f"{library} needs glibc 2.{glibc_of(library)[1]}: bind what it takes from there in glibc_2_28/versions.h")
        refuse_strangers(library)
    sources = {str(path.relative_to(HERE)): path for path in sorted((HERE / "varlen").rglob("*.py"))}
    requires = ["Provides-Extra: cuda", f'Requires-Dist: varlen-cuda=={version()}; extra == "cuda"']
    return write_wheel(output, "varlen", f"py3-none-manylinux_{GLIBC[0]}_{GLIBC[1]}_{architecture}",
                       {**sources, "varlen/py.typed": "", **libraries}, requires)


def write_cuda(output: Path, plugin: Path) -> Path:
    refuse_strangers(plugin)  # the driver's libcuda.so.1, above all, is found at run time
    major, minor = max(GLIBC, glibc_of(plugin))
    files = {"varlen_cuda/__init__.py": '"""The CUDA backend of varlen, which varlen finds here."""\n',
             "varlen_cuda/varlen-cuda.so": plugin}
    return write_wheel(output, "varlen_cuda", f"py3-none-manylinux_{major}_{minor}_{architecture_of(plugin)}", files,
                       [f"Requires-Dist: varlen=={version()}"])


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """PEP 517: the wheel of this machine's architecture."""
    return write_varlen(Path(wheel_directory), platform.machine()).name


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """PEP 517 asks for it; varlen's sources are its repository."""
    raise NotImplementedError("varlen is distributed as wheels; its sources are its repository")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("usage:")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--build", type=Path, help="default: build/wheel-ARCHITECTURE")
    parser.add_argument("--architecture", choices=("x86_64", "aarch64"), default=platform.machine())
    parser.add_argument("--cuda", type=Path, metavar="PLUGIN")
    arguments = parser.parse_args()
    for tool in ("cmake", "ninja", "readelf"):
        if not shutil.which(tool):
            sys.exit(f"build_wheels.py: there is no {tool} here")
    print(write_varlen(arguments.output, arguments.architecture, arguments.build))
    if arguments.cuda:
        print(write_cuda(arguments.output, arguments.cuda))


if __name__ == "__main__":
    main()
