"""Writes tags.txt beside this file: what `packaging.tags` says about a few targets.

Run by hand when packaging changes its order: `python -m pip install -U packaging && python testdata/tags.py`.
A line is `PYTHON-ABI`, which stands for that pair on every platform of the target in order, or one whole tag.
"""

import pathlib
import sysconfig

import packaging
from packaging import _manylinux, _musllinux, tags

TARGETS = [
    "3.8 i686-manylinux_2_12",
    "3.9 x86_64-manylinux_2_31",
    "3.11 aarch64-manylinux_2_36",
    "3.13 x86_64-manylinux_2_41",
    "3.13t x86_64-manylinux_2_28",
    "3.14 ppc64le-manylinux_2_34",
    "3.12 aarch64-musllinux_1_2",
    "3.15 armv7l-musllinux_1_1",
    "3.15t riscv64-manylinux_2_39",
]


def platforms(text):
    arch, libc = text.split("-")
    family, major, minor = libc.split("_")
    musl = family == "musllinux"
    glibc = (-1, -1) if musl else (int(major), int(minor))
    sysconfig.get_platform = lambda: f"linux-{arch}"
    _manylinux._have_compatible_abi = lambda executable, archs: not musl
    _manylinux._get_glibc_version = lambda: glibc
    _musllinux._get_musl_version = lambda executable: (
        _musllinux._MuslVersion(int(major), int(minor)) if musl else None
    )
    return list(tags._linux_platforms(is_32bit=arch in ("i686", "armv7l")))


def expected(text):
    python, platform = text.split()
    version = tuple(int(part) for part in python.rstrip("t").split("."))
    cp = "cp" + "".join(map(str, version))
    names = platforms(platform)
    abi = cp + ("t" if python.endswith("t") else "")
    found = list(tags.cpython_tags(version, [abi], names))
    found += tags.compatible_tags(version, cp, names)
    yield f"target {text}"
    yield "platforms " + " ".join(names)
    while found:
        pair = f"{found[0].interpreter}-{found[0].abi}"
        if [str(tag) for tag in found[: len(names)]] == [f"{pair}-{name}" for name in names]:
            yield pair
            found = found[len(names) :]
        else:
            yield str(found.pop(0))


lines = [f"# Made by testdata/tags.py with packaging {packaging.__version__}; see there."]
for target in TARGETS:
    lines += expected(target)
pathlib.Path(__file__).with_name("tags.txt").write_text("\n".join(lines) + "\n")
