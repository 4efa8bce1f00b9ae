#!/bin/sh
# Links this venv to its interpreter, for extractors that refuse links to absolute paths.
# usage: pannier-link [PYTHON], an absolute path; without it the one that the venv was made for.
set -eu
python=${1:-@INTERPRETER@}
case $python in
/*) ;;
*)
    echo "pannier-link: $python is not an absolute path" >&2
    exit 2
    ;;
esac
if [ ! -x "$python" ]; then
    echo "pannier-link: $python cannot be run: give the path of the interpreter" >&2
    exit 1
fi
bin=$(cd "$(dirname "$0")" && pwd -P)
# Pythons take their standard library from there.
{
    echo "home = $(dirname "$python")"
    grep -v '^home = ' "$bin/../pyvenv.cfg"
} >"$bin/../pyvenv.cfg.new"
mv "$bin/../pyvenv.cfg.new" "$bin/../pyvenv.cfg"
ln -sf "$python" "$bin/python"
