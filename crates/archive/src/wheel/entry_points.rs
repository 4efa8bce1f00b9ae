//! `entry_points.txt`: the programs that a package brings (entry points specification; console and GUI scripts are the
//! same on Unix).
//!
//! Refuses names that would leave or take over the folder of programs, and values that are more than `module:attribute`,
//! because both end up in a file that runs. Ignores other groups of entry points.

use serde::{Deserialize, Serialize};

use crate::zip::plain_name;
use pannier_base::paths::LONGEST_COMPONENT;
use pannier_base::platform::PythonVersion;

/// One program of `entry_points.txt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// File name below `bin/`.
    pub name: String,
    /// Module to import.
    pub module: String,
    /// Attribute path to call, such as `cli.main`.
    pub attribute: String,
}

/// Why `entry_points.txt` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryPointError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A line that is neither a section, an entry nor a comment.
    #[error("line {line}: {text:?} is not `name = module:attribute`")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A section of programs appears twice.
    #[error("line {line}: the section `{section}` appears twice")]
    SectionTwice {
        /// Counted from 1.
        line: usize,
        /// Its name.
        section: String,
    },
    /// A name that is no plain file name.
    #[error(
        "the script name {name:?} is not allowed: use up to 255 letters, digits, `_`, `.` and `-`, and no `-` or `.` at \
        the start"
    )]
    Name {
        /// As written.
        name: String,
    },
    /// A name that the venv itself needs.
    #[error("the script name `{name}` is reserved for the venv's own files")]
    Reserved {
        /// As written.
        name: String,
    },
    /// A value that is no object reference.
    #[error("the script `{name}` has the value {value:?}, expected `module:attribute`")]
    Value {
        /// Name of the script.
        name: String,
        /// As written.
        value: String,
    },
    /// More programs than any package brings.
    #[error("it defines more than {MOST} scripts")]
    TooMany,
    /// Two entries of one name.
    #[error("the script `{name}` is defined twice")]
    Twice {
        /// Name of the script.
        name: String,
    },
}

/// Most programs of one package: each is compared with all others.
const MOST: usize = 2_000;

const SCRIPT_SECTIONS: [&str; 2] = ["console_scripts", "gui_scripts"];

impl EntryPoint {
    /// Reads the programs of an `entry_points.txt`, in its order.
    ///
    /// # Errors
    /// [`EntryPointError`] for anything in the two sections of programs that is not plain.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, EntryPointError> {
        let text = std::str::from_utf8(bytes).map_err(|_| EntryPointError::NotUtf8)?;
        let mut scripts: Vec<Self> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        // Where the current section started in `scripts`, when it is one of programs.
        let mut start = None;
        // Indentation of the entry above: what stands deeper would continue its value.
        let mut indent = usize::MAX;
        for (i, raw) in text.split('\n').enumerate() {
            let line = raw.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = section_name(line) {
                start = SCRIPT_SECTIONS.contains(&section).then_some(scripts.len());
                if start.is_some() && seen.contains(&section) {
                    let section = section.to_owned();
                    return Err(EntryPointError::SectionTwice {
                        line: i + 1,
                        section,
                    });
                }
                seen.push(section);
                indent = usize::MAX;
                continue;
            }
            let Some(start) = start else { continue };
            let depth = raw.len() - raw.trim_start().len();
            let syntax = || EntryPointError::Syntax {
                line: i + 1,
                text: line.to_owned(),
            };
            if depth > indent {
                return Err(syntax());
            }
            indent = depth;
            let (name, value) = line.split_once('=').ok_or_else(syntax)?;
            let script = Self::new(name.trim(), value.trim())?;
            add(&mut scripts, start, script)?;
        }
        Ok(scripts)
    }

    fn new(name: &str, value: &str) -> Result<Self, EntryPointError> {
        check_script_name(name)?;
        let (module, attribute) = parse_reference(value).ok_or_else(|| EntryPointError::Value {
            name: name.to_owned(),
            value: value.to_owned(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            module: module.to_owned(),
            attribute: attribute.to_owned(),
        })
    }

    /// The programs as they are installed for `python`: where a wheel brings `pip` or `pip3`, the versioned one is
    /// named after this Python, not after the one that built the wheel (as pip and uv do it).
    #[must_use]
    pub fn for_python(scripts: &[Self], python: &PythonVersion) -> Vec<Self> {
        let named = |name: &str| scripts.iter().find(|script| script.name == name);
        let Some(pip) = named("pip").or_else(|| named("pip3")) else {
            return scripts.to_vec();
        };
        let versioned = |script: &&Self| {
            let minor = script.name.strip_prefix("pip3.");
            !minor.is_some_and(|minor| minor.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut installed: Vec<_> = scripts.iter().filter(versioned).cloned().collect();
        installed.push(Self {
            name: format!("pip{}", python.short()),
            ..pip.clone()
        });
        installed
    }
}

/// Adds a script; of one name there may be one per section, if both mean the same.
fn add(
    scripts: &mut Vec<EntryPoint>,
    start: usize,
    script: EntryPoint,
) -> Result<(), EntryPointError> {
    if scripts.len() >= MOST {
        return Err(EntryPointError::TooMany);
    }
    match scripts.iter().position(|known| known.name == script.name) {
        None => scripts.push(script),
        Some(known) if known < start && scripts[known] == script => {}
        Some(_) => return Err(EntryPointError::Twice { name: script.name }),
    }
    Ok(())
}

fn section_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('[')?;
    rest.rfind(']').map(|end| &rest[..end])
}

/// Checks that a program may be called so: a plain file name which the venv does not need itself.
///
/// # Errors
/// [`EntryPointError::Name`] or [`EntryPointError::Reserved`].
pub fn check_script_name(name: &str) -> Result<(), EntryPointError> {
    let fits = (1..=LONGEST_COMPONENT).contains(&name.len());
    if !fits || name.starts_with(['-', '.']) || !name.chars().all(is_word) {
        let name = name.to_owned();
        return Err(EntryPointError::Name { name });
    }
    if is_reserved(name) {
        let name = name.to_owned();
        return Err(EntryPointError::Reserved { name });
    }
    Ok(())
}

/// Whether the venv needs this file of `bin/` itself: interpreters under any of their names, and activation scripts.
/// Names that merely begin so (`activate-global-python-argcomplete`, `pypyr`) are free.
fn is_reserved(name: &str) -> bool {
    let lower = plain_name(name);
    let stem = lower.strip_suffix(".exe").unwrap_or(&lower);
    let stem = stem.strip_suffix(".py").unwrap_or(stem);
    if matches!(stem, "activate" | "activate_this" | "pannier-link")
        || stem.starts_with("activate.")
    {
        return true;
    }
    ["python", "pypy", "graalpy"].iter().any(|interpreter| {
        stem.strip_prefix(interpreter).is_some_and(|rest| {
            let rest = rest.strip_suffix('w').unwrap_or(rest);
            let rest = rest.strip_suffix('t').unwrap_or(rest);
            rest.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        })
    })
}

/// Splits `module:attribute [extras]`; the extras no longer mean anything.
fn parse_reference(value: &str) -> Option<(&str, &str)> {
    let reference = match value.split_once('[') {
        None => value,
        Some((reference, extras)) => {
            let extras = extras.strip_suffix(']')?;
            let plain = |c| is_word(c) || matches!(c, ',' | ' ');
            extras.chars().all(plain).then_some(reference)?
        }
    };
    let (module, attribute) = reference.split_once(':')?;
    let (module, attribute) = (module.trim(), attribute.trim());
    let dotted = |path: &str| !path.is_empty() && path.chars().all(is_word);
    (dotted(module) && dotted(attribute)).then_some((module, attribute))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<EntryPoint>, EntryPointError> {
        EntryPoint::parse_all(text.as_bytes())
    }

    fn script(name: &str, module: &str, attribute: &str) -> EntryPoint {
        EntryPoint {
            name: name.to_owned(),
            module: module.to_owned(),
            attribute: attribute.to_owned(),
        }
    }

    #[test]
    fn a_flood_of_programs_is_refused() {
        let flood = |count: usize| {
            let lines = (0..count).map(|i| format!("s{i}=m:f\n"));
            let text = format!("[console_scripts]\n{}", lines.collect::<String>());
            EntryPoint::parse_all(text.as_bytes())
        };
        assert_eq!(flood(MOST).unwrap().len(), MOST);
        assert_eq!(flood(MOST + 1), Err(EntryPointError::TooMany));
    }

    #[test]
    fn console_and_gui_scripts_are_read() {
        let text = "# comment\r\n[console_scripts]\r\nfoo = a.b:main\r\nFoo-Bar.x=m : C.run [net, gui]\r\n\r\n\
            [x.plugins]\r\nany thing = not:checked()\r\n nor this\r\n[gui_scripts]\r\n; comment\r\n  win = g:x[y]\r\n";
        let expected = [
            script("foo", "a.b", "main"),
            script("Foo-Bar.x", "m", "C.run"),
            script("win", "g", "x"),
        ];
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn names_that_leave_or_take_over_the_folder_are_refused() {
        for name in [
            "../x",
            "/x",
            "a/b",
            "a\\b",
            "-x",
            ".",
            "..",
            ".x",
            "",
            "a b",
            "a\u{202e}b",
            "a\u{7}",
        ] {
            let error = parse(&format!("[console_scripts]\n{name} = m:f\n")).expect_err(name);
            assert!(
                matches!(error, EntryPointError::Name { .. }),
                "{name}: {error}"
            );
        }
        for name in [
            "python",
            "python3",
            "python3.9",
            "python3.13t",
            "Python.exe",
            "pythonw",
            "python3w.exe",
            "pypy",
            "pypy3",
            "graalpy",
            "activate",
            "Activate.ps1",
            "activate.fish",
            "activate_this.py",
            "python.py",
            "pannier-link",
        ] {
            let error = parse(&format!("[gui_scripts]\n{name} = m:f\n")).expect_err(name);
            assert!(
                matches!(error, EntryPointError::Reserved { .. }),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn names_that_only_look_reserved_are_free() {
        for name in [
            "activate-global-python-argcomplete",
            "python-argcomplete-check",
            "pypyr",
            "ipython3",
            "pythontk",
        ] {
            assert_eq!(check_script_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn values_are_references_and_nothing_more() {
        for value in [
            "m",
            "m:",
            ":f",
            "m:f()",
            "m:f() or evil",
            "m:f:g",
            "m;import os:f",
            "m:f [x",
            "m:f [x] y",
            "m:f [x;y]",
            "",
        ] {
            let error = parse(&format!("[console_scripts]\nx = {value}\n")).expect_err(value);
            assert!(
                matches!(error, EntryPointError::Value { .. }),
                "{value}: {error}"
            );
        }
    }

    #[test]
    fn lines_that_readers_understand_differently_are_refused() {
        for text in [
            "[console_scripts]\nfoo\n",
            "[console_scripts]\nx = m:f\n  y = m:g\n",
            "[console_scripts]\nx = m:f\n  .g\n",
            "[console_scripts]\nx : m:f\n",
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                matches!(error, EntryPointError::Syntax { .. }),
                "{text}: {error}"
            );
        }
        assert_eq!(
            EntryPoint::parse_all(b"\xff"),
            Err(EntryPointError::NotUtf8)
        );
    }

    #[test]
    fn one_name_has_one_meaning() {
        let twice = |text: &str| matches!(parse(text), Err(EntryPointError::Twice { .. }));
        assert!(twice("[console_scripts]\nx = m:f\nx = m:f\n"));
        assert!(twice(
            "[console_scripts]\nx = m:f\n[gui_scripts]\nx = m:g\n"
        ));
        let same = parse("[console_scripts]\nx = m:f\n[gui_scripts]\nx = m:f\n");
        assert_eq!(same.unwrap().len(), 1);
        let section = parse("[console_scripts]\nx = m:f\n[other]\n[console_scripts]\ny = m:f\n");
        assert!(matches!(
            section,
            Err(EntryPointError::SectionTwice { line: 4, .. })
        ));
    }

    #[test]
    fn pip_is_named_after_the_target() {
        let pip = |name: &str| script(name, "pip", "main");
        let python = "3.13t".parse().unwrap();
        let built = [pip("pip"), pip("pip3"), pip("pip3.9"), pip("pip3.x")];
        let expected = [pip("pip"), pip("pip3"), pip("pip3.x"), pip("pip3.13")];
        assert_eq!(EntryPoint::for_python(&built, &python), expected);
        let other = [pip("pip3.9"), pip("pipx")];
        assert_eq!(EntryPoint::for_python(&other, &python), other);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            text in "(\\[(console|gui)_scripts\\]\n)?([ a-z.:=\\[\\]\n#-]|\\PC){0,40}"
        ) {
            let _ = EntryPoint::parse_all(&bytes);
            if let Ok(scripts) = parse(&text) {
                for script in scripts {
                    prop_assert!(!script.name.contains('/'));
                }
            }
        }
    }
}
