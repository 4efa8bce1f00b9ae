# Imports modules one by one and writes what became of each to a file: what they print cannot be taken for it, and what was
# written stays when one of them takes the interpreter down.
import importlib
import sys

with open(sys.argv[1], "w", encoding="utf-8", errors="replace", buffering=1) as report:
    for name in sys.argv[2:]:
        report.write("start %s\n" % name)
        try:
            importlib.import_module(name)
        except BaseException as error:
            text = "%s: %s" % (type(error).__name__, error)
            report.write("failed %s %s\n" % (name, " ".join(text.split())))
        else:
            report.write("passed %s\n" % name)
