import base64, hashlib, json, os, pathlib, uuid, zipfile
from importlib.metadata import version

with open("project.json") as file:
    PROJECT = json.load(file)


def looked_around():
    """Everything that this process finds about itself and those that started it, but for the test's own program."""
    yield repr(sorted(os.environ.items()))
    process = "self"
    while True:
        at = pathlib.Path("/proc", str(process))
        command = (at / "cmdline").read_bytes()
        yield command.decode(errors="replace")
        program = os.path.basename(command.split(b"\0")[0].decode())
        if program == "pannier":
            return
        # What uv was given, too.
        yield (at / "environ").read_bytes().decode(errors="replace")
        for folder in {os.path.realpath(at / "cwd"), os.getcwd()}:
            for path in pathlib.Path(folder).rglob("*"):
                if path.is_file():
                    yield str(path) + ": " + path.read_bytes().decode(errors="replace")
        status = dict(line.split(":\t", 1) for line in (at / "status").read_text().splitlines() if ":\t" in line)
        process = int(status["PPid"])


def spy():
    assert version("helper") == "1.0"
    name = PROJECT["name"] + "-" + uuid.uuid4().hex
    pathlib.Path(PROJECT["dumps"], name).write_text("\n".join(looked_around()))


def build_wheel(folder, config_settings=None, metadata_directory=None):
    spy()
    if PROJECT.get("fails"):
        raise SystemExit("the backend saw " + os.environ.get("UV_DEFAULT_INDEX", "nothing"))
    stem = PROJECT["name"].replace("-", "_") + "-1.0"
    info = stem + ".dist-info/"
    metadata = "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % PROJECT["name"]
    metadata += "".join("Requires-Dist: %s\n" % line for line in PROJECT["requires"])
    files = {
        info + "METADATA": metadata,
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += "%s,sha256=%s,%d\n" % (name, digest, len(text.encode()))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    wheel = stem + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return wheel
