# Compiles the modules named on standard input from one folder into another, as unchecked-hash bytecode without any path of
# this machine. What does not compile is left out: packages ship templates and Python 2 files that nobody imports.
import os, py_compile, sys

source, target = sys.argv[1:3]
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for path in sys.stdin.buffer.read().decode("utf-8").split("\0"):
    folder, name = os.path.split(path)
    compiled = os.path.join(target, folder, "__pycache__", name[:-2] + sys.implementation.cache_tag + ".pyc")
    try:
        py_compile.compile(os.path.join(source, path), compiled, path, True, 0, mode)
    except Exception as error:
        print(path, type(error).__name__, sep="\t")
