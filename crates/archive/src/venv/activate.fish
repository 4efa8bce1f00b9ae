# Source this file to use the Python environment of this folder:  source activate.fish
# `deactivate` undoes everything.

set -l venv (builtin realpath (dirname (status filename))/@TO_VENV@)
if not test -f "$venv/pyvenv.cfg"
    echo "activate.fish: there is no environment in $venv" >&2
    return 1
end

function deactivate --description 'Leave the Python environment'
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    set -e VIRTUAL_ENV
    set -e PANNIER_DATA
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end
deactivate nondestructive

set -gx VIRTUAL_ENV $venv
set -gx PANNIER_DATA (dirname $venv)/data
# A child of an activated shell has the folder on its PATH already: it must not stand there twice.
if test "$PATH[1]" = "$venv/bin"
    set -e PATH[1]
end
set -g _OLD_VIRTUAL_PATH $PATH
set -gx PATH $venv/bin $PATH
if set -q PYTHONHOME
    set -g _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end
