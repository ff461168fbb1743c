"""Wheels: built, unpacked as an installer does, used; what they hold and what they ask of a system."""

import importlib
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PACKAGE))
build_wheels = importlib.import_module("build_wheels")
BUILD = Path(os.environ.get("VARLEN_WHEEL_BUILD", PACKAGE.parents[1] / "build" / f"wheel-{platform.machine()}"))

ATTEND = """
import numpy as np, varlen
assert varlen.__file__.startswith({folder!r})
q = np.ones((3, 1, 8), np.float32)
out, starts = np.empty_like(q), np.array([0, 3], np.int32)
attention = varlen.Attention(batch=1, q_heads=1, kv_heads=1, head_dim=8, total_q=3, total_k=3)
inputs = varlen.Inputs(q=q, k=q, v=q, cu_seqlens_q=starts, cu_seqlens_k=starts)
varlen.Context("cpu").forward(attention, varlen.ForwardArgs(inputs=inputs, out=out))
assert (out == 1).all()
print(*(each.path.decode() for each in varlen.backends()), *(each.path.decode() for each in varlen.search_folders()))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheel of varlen, and one of varlen_cuda with the CPU's plugin in the place of a real one."""
    output = tmp_path_factory.mktemp("wheels")
    stand_in = Path(os.environ["VARLEN_LIBRARY"]).parent / "varlen" / "varlen-cpu.so"
    subprocess.run([sys.executable, str(PACKAGE / "build_wheels.py"), "--output", str(output), "--build", str(BUILD), "--cuda",
                    str(stand_in)], check=True)
    return sorted(output.glob("*.whl"))


def unpack(wheels, folder):
    for wheel in wheels:
        zipfile.ZipFile(wheel).extractall(folder)


def attend(folder):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    del environment["VARLEN_LIBRARY"]
    return subprocess.run([sys.executable, "-c", ATTEND.format(folder=str(folder))], env=environment, check=True, text=True,
                          cwd=folder,
                          stdout=subprocess.PIPE).stdout.split()


def test_the_library_is_found_in_the_package(wheels, tmp_path):
    unpack(wheels[:1], tmp_path)
    assert str(tmp_path / "varlen" / "lib" / "varlen" / "varlen-cpu.so") in attend(tmp_path)
    assert not [path for path in attend(tmp_path) if "varlen_cuda" in path]


def test_the_plugin_of_another_package_is_looked_for(wheels, tmp_path):
    unpack(wheels, tmp_path)
    assert str(tmp_path / "varlen_cuda") in attend(tmp_path)


def test_names(wheels):
    machine = platform.machine()
    assert re.fullmatch(rf"varlen-[\d.]+-py3-none-manylinux_2_28_{machine}\.whl", wheels[0].name)
    assert re.fullmatch(rf"varlen_cuda-[\d.]+-py3-none-manylinux_2_\d+_{machine}\.whl", wheels[1].name)


def test_libraries_need_what_the_tag_says_and_nothing_beside_glibc(wheels, tmp_path):
    def read(option, library):
        return subprocess.run(["readelf", option, "--wide", str(library)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    for wheel in wheels:
        folder, minor = tmp_path / wheel.name, int(re.search(r"manylinux_2_(\d+)_", wheel.name)[1])
        unpack([wheel], folder)
        libraries = sorted(folder.rglob("*.so*"))
        assert libraries
        for library in libraries:
            dynamic = read("--dynamic", library)
            needed = set(re.findall(r"\(NEEDED\).*\[(.*?)\.so", dynamic))
            assert "libc" in needed and needed <= {"libc", "libm", "libdl", "libpthread", "librt", "ld-linux-x86-64",
                                                   "ld-linux-aarch64"}
            assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
            assert max(int(each) for each in re.findall(r"GLIBC_2\.(\d+)", read("--version-info", library))) <= minor
            assert "GLIBC_ABI" not in read("--version-info", library) and "GLIBCXX" not in read("--version-info", library)


def test_what_not_every_system_has_is_refused(tmp_path):
    plugin = tmp_path / "varlen-cuda.so"
    (tmp_path / "stranger.c").write_text("int stranger(void) { return 0; }")
    (tmp_path / "plugin.c").write_text("int stranger(void); int plugin(void) { return stranger(); }")
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", "libcuda.so", "stranger.c"], cwd=tmp_path,
                   check=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(plugin), "plugin.c", "-L.", "-lcuda"], cwd=tmp_path, check=True)
    with pytest.raises(SystemExit, match="needs libcuda.so.1, which a wheel neither holds"):
        build_wheels.write_cuda(tmp_path, plugin)


def test_every_file_is_recorded(wheels):
    for each in wheels:
        wheel = zipfile.ZipFile(each)
        record = next(name for name in wheel.namelist() if name.endswith("/RECORD"))
        rows = dict(line.split(",", 1) for line in wheel.read(record).decode().splitlines())
        assert sorted(rows) == sorted(wheel.namelist())
        for name, row in rows.items():
            assert name == record or row.endswith(f",{len(wheel.read(name))}")


def test_metadata(wheels):
    texts = [next(zipfile.ZipFile(each).read(name).decode() for name in zipfile.ZipFile(each).namelist()
                  if name.endswith("/METADATA")) for each in wheels]
    version = re.search(r"^Version: (.*)$", texts[0], re.M)[1]
    assert f'Requires-Dist: varlen-cuda=={version}; extra == "cuda"' in texts[0]
    assert f"Name: varlen-cuda\nVersion: {version}" in texts[1] and f"Requires-Dist: varlen=={version}" in texts[1]
