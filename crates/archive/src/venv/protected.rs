//! Paths of a venv that no package may write: the interpreter, `activate`, `pyvenv.cfg`, and whatever lies behind a link.
//!
//! Says the rule that a path breaks; who broke it is the caller's business.

use crate::wheel::{EntryPointError, check_script_name};
use crate::zip::plain_name;

/// The rule that a path (relative to the venv) breaks; `None` when a package may write it.
pub fn protected(path: &str) -> Option<&'static str> {
    let (first, rest) = match path.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (plain_name(first).as_str(), rest) {
        ("pyvenv.cfg", _) => Some("this file makes the folder a venv"),
        ("lib64", _) => Some("`lib64` is a link of the venv, and nothing is written through links"),
        ("bin" | "lib" | "include", None) => Some("this is a folder of the venv"),
        ("bin", Some(rest)) => rest.split('/').next().and_then(program),
        _ => None,
    }
}

/// The rule that a program's name breaks.
pub fn program(name: &str) -> Option<&'static str> {
    if plain_name(name) == "pannier-link" {
        return Some("the name belongs to the script that links the venv to its interpreter");
    }
    match check_script_name(name) {
        Err(EntryPointError::Reserved { .. }) => {
            Some("the name belongs to the interpreter or to the venv's activation")
        }
        // Scripts of a wheel may have names that entry points may not have.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_venv_writes_is_reserved() {
        for path in [
            "pyvenv.cfg",
            "PyVenv.cfg",
            "lib64",
            "lib64/python3.13/site-packages/x.py",
            "bin/python",
            "bin/python3",
            "bin/python3.13",
            "bin/python3.13t",
            "bin/Python.exe",
            "bin/pythonw",
            "bin/python3.py",
            "bin/pypy3",
            "bin/graalpy",
            "bin/activate",
            "bin/pannier-link",
            "bin/activate.fish",
            "bin/Activate.ps1",
            "bin/activate_this.py",
            "bin/python/x",
            "bin",
            "lib",
            "include",
        ] {
            assert!(protected(path).is_some(), "{path}");
        }
    }

    #[test]
    fn honest_names_are_free() {
        for path in [
            "bin/pip",
            "bin/python-argcomplete-check-easy-install-script",
            "bin/activate-global-python-argcomplete",
            "bin/pythonista",
            "lib/python3.13/site-packages/python.py",
            "share/lib64/x",
            "include/x.h",
            "bin/pypyi",
        ] {
            assert_eq!(protected(path), None, "{path}");
        }
    }
}
