"""Run by the Python of an unpacked venv: imports every top-level module of every package and asks every script for help.

Exits 1 with one line per failure. With --imports-only the scripts are left out.
"""

import importlib
import importlib.machinery
import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import warnings

SITE = sysconfig.get_path("purelib")
# Modules that cannot be imported alone, by their makers' design.
LEFT_OUT = {"distutils-precedence", "__pypackages__"}
# Scripts that answer only with an extra installed that was not asked for.
SILENT = {"fastapi"}


def top_level(files):
    suffixes = importlib.machinery.all_suffixes()
    for file in files:
        parts = file.parts
        if parts[0].startswith("..") or ".dist-info" in parts[0] or parts[0] == "__pycache__":
            continue
        if len(parts) == 1:
            suffix = next((s for s in sorted(suffixes, key=len, reverse=True) if parts[0].endswith(s)), None)
            name = parts[0][: -len(suffix)] if suffix else ""
        else:
            name = parts[0] if len(parts) == 2 and parts[1] == "__init__.py" else ""
        if name.isidentifier() and name not in LEFT_OUT:
            yield name


def check_import(name):
    module = importlib.import_module(name)
    origin = getattr(module, "__file__", None)
    if origin and not os.path.realpath(origin).startswith(os.path.realpath(sys.prefix) + os.sep):
        return "came from %s" % origin
    return None


def check_script(path):
    done = subprocess.run(
        [path, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    said = done.stdout.decode(errors="replace")
    if done.returncode not in (0, 1, 2) or "Traceback (most recent call last)" in said:
        return "exit %d: %s" % (done.returncode, said[-600:])
    return None


def main():
    warnings.simplefilter("ignore")
    failures = []
    if os.path.realpath(sys.prefix) != os.path.realpath(os.environ["VIRTUAL_ENV"]):
        failures.append("sys.prefix is %s" % sys.prefix)
    modules = scripts = distributions = 0
    for distribution in importlib.metadata.distributions(path=[SITE]):
        distributions += 1
        label = "%s %s" % (distribution.metadata["Name"], distribution.version)
        for file in distribution.files:
            if not os.path.lexists(str(distribution.locate_file(file))):
                failures.append("%s: %s is in RECORD and not there" % (label, file))
        for name in sorted(set(top_level(distribution.files))):
            modules += 1
            try:
                reason = check_import(name)
            except BaseException as error:
                reason = repr(error)
            if reason:
                failures.append("%s: import %s: %s" % (label, name, reason))
        if "--imports-only" in sys.argv:
            continue
        for file in distribution.files:
            path = os.path.normpath(str(distribution.locate_file(file)))
            if os.path.dirname(path) == os.path.join(os.path.normpath(sys.prefix), "bin") and file.name not in SILENT:
                scripts += 1
                reason = check_script(path)
                if reason:
                    failures.append("%s: %s --help: %s" % (label, file.name, reason))
    if not distributions or not modules:
        failures.append("nothing is installed in %s" % SITE)
    print("%d distributions, %d modules, %d scripts" % (distributions, modules, scripts))
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


main()
