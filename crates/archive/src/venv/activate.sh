# Source this file to use the Python environment of this folder:  . ./activate
# bash, zsh and ksh find the folder by themselves. Other shells (dash, busybox sh) cannot know it: there set
# PANNIER_ROOT to the folder that holds `venv`, or change into it first. `deactivate` undoes everything.

_pannier_self=
if [ -n "${BASH_VERSION:-}" ]; then
    _pannier_self=${BASH_SOURCE:-}
elif [ -n "${ZSH_VERSION:-}" ]; then
    eval '_pannier_self=${(%):-%x}'
elif [ -n "${KSH_VERSION:-}" ]; then
    # ksh93 has it, the other Korn shells fall through.
    eval '_pannier_self=${.sh.file}' 2>/dev/null || _pannier_self=
fi
case $_pannier_self in
    '') _pannier_self=${PANNIER_ROOT:-.}/venv ;;
    */*) _pannier_self=${_pannier_self%/*}/@TO_VENV@ ;;
    *) _pannier_self=./@TO_VENV@ ;;
esac
_pannier_self=$(CDPATH='' \cd -- "$_pannier_self" >/dev/null 2>&1 && pwd) || _pannier_self=
if [ -z "$_pannier_self" ] || [ ! -f "$_pannier_self/pyvenv.cfg" ]; then
    echo "activate: no environment found; set PANNIER_ROOT to the folder that holds 'venv', or change into it first" >&2
    unset _pannier_self
    return 1
fi

# The names of what is kept are those of venv and virtualenv, so that each can take over from the other.
deactivate() {
    if [ -n "${_OLD_VIRTUAL_PATH+x}" ]; then
        PATH=$_OLD_VIRTUAL_PATH
        export PATH
        unset _OLD_VIRTUAL_PATH
    fi
    if [ -n "${_OLD_VIRTUAL_PYTHONHOME+x}" ]; then
        PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    unset VIRTUAL_ENV PANNIER_DATA || :
    hash -r 2>/dev/null || :
    if [ "${1:-}" != nondestructive ]; then
        unset -f deactivate
    fi
}
deactivate nondestructive

VIRTUAL_ENV=$_pannier_self
PANNIER_DATA=${VIRTUAL_ENV%/*}/data
unset _pannier_self
# A child of an activated shell has the folder on its PATH already: it must not stand there twice.
_OLD_VIRTUAL_PATH=${PATH#"$VIRTUAL_ENV/bin:"}
PATH=$VIRTUAL_ENV/bin:$_OLD_VIRTUAL_PATH
if [ -n "${PYTHONHOME+x}" ]; then
    _OLD_VIRTUAL_PYTHONHOME=$PYTHONHOME
    unset PYTHONHOME
fi
export VIRTUAL_ENV PANNIER_DATA PATH
hash -r 2>/dev/null || :
