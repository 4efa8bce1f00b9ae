//! Paths of a venv that no package may write: the interpreter, `activate`, `pyvenv.cfg`, and whatever lies behind a link.
//!
//! Says the rule that a path breaks; who broke it is the caller's business.

/// The rule that a path (relative to the venv) breaks; `None` when a package may write it.
pub fn reserved(path: &str) -> Option<&'static str> {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first.to_ascii_lowercase().as_str() {
        "pyvenv.cfg" => Some("this file makes the folder a venv"),
        "lib64" => Some("`lib64` is a link of the venv, and nothing is written through links"),
        "bin" => rest.split('/').next().and_then(program),
        _ => None,
    }
}

/// The rule that a program's name breaks, ignoring case and a suffix of other systems.
pub fn program(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let stem = [".exe", ".py"]
        .iter()
        .find_map(|suffix| lower.strip_suffix(suffix))
        .unwrap_or(&lower);
    if is_interpreter(stem) {
        return Some("the name belongs to the interpreter");
    }
    // `activate-global-python-argcomplete` and its like are honest programs.
    if stem == "activate" || stem.starts_with("activate.") || stem == "activate_this" {
        return Some("the name belongs to the venv's activation");
    }
    None
}

/// `python`, `pythonw`, `python3`, `python3.13`, `python3.13t` and the same of other implementations.
fn is_interpreter(stem: &str) -> bool {
    let version = |rest: &str| {
        let rest = rest.strip_suffix(['t', 'w']).unwrap_or(rest);
        rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    ["python", "pypy", "graalpy"]
        .iter()
        .any(|name| stem.strip_prefix(name).is_some_and(version))
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
            "bin/activate.fish",
            "bin/Activate.ps1",
            "bin/activate_this.py",
            "bin/python/x",
        ] {
            assert!(reserved(path).is_some(), "{path}");
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
            assert_eq!(reserved(path), None, "{path}");
        }
    }
}
