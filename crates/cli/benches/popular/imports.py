"""Run by the Python of a venv: imports every top-level module of every package, and prints what was imported and what was not.

A line each: `ok NAME`, or `no NAME REASON`, without the venv's own path.
"""

import importlib
import importlib.machinery
import importlib.metadata
import os
import re
import sys
import sysconfig
import warnings

SITE = sysconfig.get_path("purelib")


def top_level(files):
    suffixes = sorted(importlib.machinery.all_suffixes(), key=len, reverse=True)
    for file in files:
        parts = file.parts
        name = ""
        if len(parts) == 1:
            suffix = next((s for s in suffixes if parts[0].endswith(s)), None)
            name = parts[0][: -len(suffix)] if suffix else ""
        elif len(parts) == 2 and parts[1] == "__init__.py":
            name = parts[0]
        if name.isidentifier():
            yield name


def main():
    warnings.simplefilter("ignore")
    # What a module prints or reads while it is imported has no part in the answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    names = {name for it in importlib.metadata.distributions(path=[SITE]) for name in top_level(it.files or [])}
    for name in sorted(names):
        try:
            importlib.import_module(name)
            line = "ok " + name
        except BaseException as error:
            reason = str(error).replace(os.path.realpath(sys.prefix), "VENV").replace(sys.prefix, "VENV")
            line = "no %s %s" % (name, re.sub(r"0x[0-9a-f]+|\s+", " ", type(error).__name__ + ": " + reason))
        print(line, file=answers, flush=True)
    os._exit(0)


main()
