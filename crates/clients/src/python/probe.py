# Prints the `images:` block of the machine that runs it. Only simple statements: joined by `; ` it is one line for `python3 -c`.
import os, sys, glob, platform, subprocess, sysconfig
glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").split() if "CS_GNU_LIBC_VERSION" in os.confstr_names else []
musl = [] if glibc[:1] == ["glibc"] else [line.split()[1] for loader in glob.glob("/lib/ld-musl-*.so.1") for line in subprocess.run([loader], stdout=subprocess.PIPE, stderr=subprocess.PIPE).stderr.decode().splitlines() if line.startswith("Version ")]
libc = "manylinux_" + "_".join(glibc[1].split(".")[:2]) if glibc[:1] == ["glibc"] else "musllinux_" + "_".join(musl[0].split(".")[:2])
threads = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
arch = platform.machine() if sys.maxsize > 2**32 else {"x86_64": "i686", "aarch64": "armv7l"}.get(platform.machine(), platform.machine())
base = os.path.join(sys.base_prefix, "bin", "python%d.%d%s" % (sys.version_info[0], sys.version_info[1], threads))
interpreter = base if os.path.exists(base) else os.path.realpath(sys.executable)
assert sys.implementation.name == "cpython", "not CPython but " + sys.implementation.name
print("images:\n  here:\n    python: \"%d.%d.%d%s\"\n    platform: %s-%s\n    interpreter: %s" % (*sys.version_info[:3], threads, arch, libc, interpreter))
