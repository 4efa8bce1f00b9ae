#!/usr/bin/env python3
"""Makes the corpora that fuzzing starts from: `seeds.py FOLDER TARGET` writes some small inputs of TARGET to FOLDER.

They are made and not stored, with Python's own writers of ZIP and tar, so that the seeds are others' files and not ours.
"""
import io
import json
import pathlib
import sys
import tarfile
import zipfile
import zlib

TEXT = b"x = 1\n" * 40
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
URL = "https://bot:s3cr3t@git.example.org/group/x.git"
METADATA = (b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: bar>=2;\n  extra == 'a'\n"
            b"Requires-Python: >=3.9\nProvides-Extra: a\n\nText\n")
WHEEL = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
POINTS = b"# x\n[console_scripts]\nfoo = foo.main:run [a]\n\n[gui_scripts]\nbar=foo:bar\n[x]\ny = z\n"


def zips():
    for method in zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as file:
            file.writestr("foo/__init__.py", TEXT)
            file.writestr("foo/data/", b"")
            file.writestr("é.txt", b"")
            with file.open("foo/big.bin", "w", force_zip64=True) as entry:
                entry.write(b"\0" * 70000 if method else b"big")
        yield out.getvalue()


def views():
    source = {"kind": "git", "url": URL, "commit": "c" * 40}
    manifest = {"format": 1, "pannier": "0.1\u001b[2J", "lock": "sha256:" + HASH, "image": {"name": "x", "reference": "\u202ex\n"},
                "target": {"python": "3.13", "platform": "x86_64-manylinux_2_41", "interpreter": "/usr/bin/python3"},
                "packages": [{"name": "a", "version": "1\t\u009b", "sha256": "sha256:" + HASH, "requested": True, "source": source}],
                "data": [{"name": "d", "source": {"kind": "directory"}}], "fallback": {"channel": "c", "release": "r"}}
    for lock in "sha256:" + HASH, HASH:
        text = json.dumps(manifest | {"lock": lock}).replace("sha256:" + HASH, lock)
        yield b"\xff" * 32 + text.encode()
    yield b"\0" * 32 + "a|1\n\u65e5\u672c|\u202e2\n\ud83d\udc69\u200d\ud83d\udcbb\x1b[31m|3".encode("utf-16", "surrogatepass").decode("utf-16").encode()


def deflates():
    for level, strategy in (0, 0), (1, 0), (9, 0), (6, zlib.Z_FIXED), (6, zlib.Z_HUFFMAN_ONLY):
        coder = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
        first = coder.compress(TEXT) + coder.flush(zlib.Z_FULL_FLUSH)
        yield first + coder.compress(bytes(range(256)) * 6) + coder.flush()


def wheels():
    pieces = [METADATA, WHEEL, POINTS, b"foo/__init__.py", b"@.data/scripts/run", b"@.data/data/share/x"]
    yield b"\0" + b"\0".join(pieces)
    record = b"foo-1.0.dist-info/METADATA,,\nfoo-1.0.dist-info/RECORD,,\n"
    yield b"\1" + b"\0".join([*pieces, record])


def tars():
    for kind in tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=kind) as file:
            for name, type_, link in (
                ("a", tarfile.DIRTYPE, ""),
                ("a/b" * 30 + "/c" * 40, tarfile.REGTYPE, ""),
                ("a/l", tarfile.SYMTYPE, "b"),
                ("é", tarfile.SYMTYPE, "../x"),
                ("h", tarfile.LNKTYPE, "a/b"),
            )[: 5 if kind == tarfile.GNU_FORMAT else 4]:
                info = tarfile.TarInfo(name)
                info.type, info.linkname, info.mtime = type_, link, 1.5
                if kind == tarfile.PAX_FORMAT:
                    info.pax_headers = {"comment": "x", "mtime": "1.25"}
                info.size = len(TEXT) if type_ == tarfile.REGTYPE else 0
                try:
                    file.addfile(info, io.BytesIO(TEXT))
                except ValueError:
                    continue
        yield out.getvalue().rstrip(b"\0") + bytes(2048)


PYLOCK = f"""lock-version = "1.0"
environments = ["python_full_version == '3.13.*'"]
requires-python = ">=3.9"
created-by = "x"
[[packages]]
name = "foo"
version = "1.0"
marker = "sys_platform == 'linux'"
index = "https://u:s3cr3t@example.org/simple"
wheels = [{{ name = "foo-1.0-py3-none-any.whl", url = "https://u:s3cr3t@example.org/foo-1.0-py3-none-any.whl", upload-time = 2026-01-02T03:04:05Z, size = 12, hashes = {{ sha256 = "{HASH}" }} }}]
[[packages]]
name = "bar"
vcs = {{ type = "git", url = "{URL}", requested-revision = "main", commit-id = "{'0' * 40}", subdirectory = "py" }}
[[packages]]
name = "baz"
directory = {{ path = "packages/baz" }}
[tool.pannier]
format = 1
request = "{HASH}"
[tool.pannier.images.a]
python = "3.13"
platform = "x86_64-manylinux_2_41"
requested = ["foo"]
"""
CONSTRAINTS = f"""# bounds
foo>=1,<2 ; python_version < "3.13"  # why
bar==1.0 \\
    --hash=sha256:{HASH}
baz @ {URL.replace('.git', '.tar.gz')} ; extra == 'a'
-c other.txt
-r more.in
quux[a,b]~=2.1
x @ https://${{TOKEN}}@example.org/x-1.0-py3-none-any.whl
odd===latest,<99999999999999999999
odd_ @ ./odd-1.whl ; 'x' in extras or python_version === "3.8"
"""
CONFIG = f"""git: {{base: "https://u:s3cr3t@git.example.org"}}
index: {{url: "https://u:s3cr3t@example.org/simple", extra: []}}
packages: [{URL}@main#subdirectory=py, group/x]
data: [group/y@v1]
constraints: constraints.txt
requirements: [requests>=2, "-r x.in"]
images:
  a: {{python: 3.13, platform: manylinux_2_28_x86_64, interpreter: /usr/bin/python3}}
"""
SEEDS = {
    "zip": zips,
    "deflate": deflates,
    "wheel": wheels,
    "record": lambda: [b'a/b.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n"a,""b",,\nRECORD,,\n'],
    "metadata": lambda: [METADATA, WHEEL],
    "entry_points": lambda: [POINTS],
    "filename": lambda: [b"foo_bar-1.0-1a-cp39.cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", b"a-1!2.0rc1+x-py3-none-any.whl"],
    "pylock": lambda: [PYLOCK.encode(), PYLOCK.replace("[[packages]]", "[packages]").encode()],
    "constraints": lambda: [CONSTRAINTS.encode(), *(line.encode() for line in CONSTRAINTS.splitlines())],
    "config": lambda: [CONFIG.encode(), *(line.encode() for line in CONFIG.splitlines())],
    "url": lambda: [it.encode() for it in (URL, f"git+{URL}@feature/a#subdirectory=py/lib", "git+https://git.example.org/x@", "file:///x/y", "https://u:it's3cr3t@h:8/x?y#z", "https:u:s3cr3t@h", "https://u:a/s3cr3t@h")],
    "overrides": lambda: [it.encode() for it in ("git+https://git.example.org/group/x.git@feature/a@2#subdirectory=py/lib", "https://git.example.org/group/x/-/merge_requests/5", "https://example.org/x-1.0-py3-none-any.whl#sha256=" + HASH, "https://example.org/x-1.0.tar.gz", ">=1,<2", URL, "overrides:\n  x: " + URL)],
    "netrc": lambda: [b'machine git.example.org\n login ci # x\n password "s3cr\\3t x"\nmacdef a\n b\n\ndefault user d passwd s3cr3t\n'],
    "view": views,
    "tar": tars,
    "tarball": lambda: [b"", b"\x0c\x06\x01", b"\x0c\x06\x01\0", b"\0\x81\x01\x10\x81\x02\0"],
}


def main():
    folder, target = pathlib.Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]()):
        (folder / f"seed-{number}").write_bytes(seed)


main()
