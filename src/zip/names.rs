//! Names of entries: what one may look like, and which may not stand beside each other.
//!
//! Judges text only; nothing is cleaned or repaired.

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::error::Rule;

/// Longest name, in bytes (beyond it extractors and `PATH_MAX` begin to differ).
const LONGEST: usize = 1024;
/// Longest component, in bytes (`NAME_MAX`).
const LONGEST_COMPONENT: usize = 255;

/// What is wrong with `name` (without a folder's trailing slash), or `None`.
pub fn fault(name: &str) -> Option<&'static str> {
    let mut start = name.bytes();
    let letter = start.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if name.is_empty() {
        Some("the name is empty")
    } else if name.len() > LONGEST {
        Some("the name is longer than 1024 bytes")
    } else if name.contains('\\') {
        Some("the name has a backslash")
    } else if name.starts_with('/') {
        Some("the name is absolute")
    } else if letter && start.next() == Some(b':') {
        Some("the name starts with a drive")
    } else if name.chars().any(is_control) {
        Some("the name has control, format, private or unassigned characters")
    } else {
        name.split('/').find_map(component_fault)
    }
}

fn component_fault(component: &str) -> Option<&'static str> {
    match component {
        "" => Some("the name has an empty component"),
        "." | ".." => Some("the name has a `.` or `..` component"),
        _ if component.len() > LONGEST_COMPONENT => {
            Some("the name has a component longer than 255 bytes")
        }
        _ => None,
    }
}

/// Unicode category C: besides controls the invisible and the reordering ones, which make a name look like another.
fn is_control(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_control()
    } else {
        c.general_category_group() == GeneralCategoryGroup::Other
    }
}

/// What `name` is to a system that ignores case and Unicode form: equal keys collide.
///
/// Lower, upper, lower again is coarser than Unicode's case folding (`ẞ`, `ß` and `ss` meet, so do `ı` and `i`):
/// it can refuse a pair that some system would keep apart, never pass one that folds together.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let fold = |text: &str| -> String {
        text.chars()
            .flat_map(char::to_lowercase)
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .nfc()
            .collect()
    };
    // Composing can give a letter that folds further; twice is stable.
    let once = if is_nfc(name) {
        fold(name)
    } else {
        fold(&name.nfc().collect::<String>())
    };
    fold(&once)
}

/// A name of a tree and whether a folder stands there.
pub struct Name<'a> {
    /// Path without a trailing slash.
    pub path: &'a str,
    /// Whether it is a folder.
    pub directory: bool,
}

/// Two names that cannot stand in one tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Position of the later one.
    pub at: usize,
    /// Position of the earlier one.
    pub with: usize,
    /// The rule that they break.
    pub rule: Rule,
}

/// Which names count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// Those of the same bytes.
    Exact,
    /// Also those that differ in case or Unicode form alone.
    Folded,
}

/// A conflict among `names`, if there is any: of several always the same one.
pub fn conflict(names: &[Name<'_>], sameness: Sameness) -> Option<Conflict> {
    // With `/` below every other character, what lies in a folder follows it at once: neighbours tell everything.
    let mut keys: Vec<(String, usize)> = names
        .iter()
        .enumerate()
        .map(|(i, name)| match sameness {
            Sameness::Exact => (name.path.replace('/', "\0"), i),
            Sameness::Folded => (folded(name.path).replace('/', "\0"), i),
        })
        .collect();
    keys.sort_unstable();
    keys.windows(2)
        .filter_map(|pair| clash(names, &pair[0], &pair[1]))
        .min_by_key(|conflict| (conflict.at, conflict.with))
}

fn clash(names: &[Name<'_>], one: &(String, usize), two: &(String, usize)) -> Option<Conflict> {
    let (first, second) = (&names[one.1], &names[two.1]);
    let rule = if one.0 == two.0 {
        if first.directory != second.directory {
            Rule::FileDirConflict
        } else if first.path == second.path {
            Rule::Duplicate
        } else {
            Rule::Collision
        }
    } else if !first.directory && two.0.strip_prefix(&one.0)?.starts_with('\0') {
        Rule::FileDirConflict
    } else {
        return None;
    };
    Some(Conflict {
        at: one.1.max(two.1),
        with: one.1.min(two.1),
        rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for name in [
            "a",
            "a/b.py",
            "ä/ö",
            "日本/語.txt",
            "a b",
            "...",
            "a..b",
            "xy:z",
            "a/C:",
        ] {
            assert_eq!(fault(name), None, "{name}");
        }
        assert_eq!(fault("x/".repeat(511).trim_end_matches('/')), None);
    }

    #[test]
    fn unsafe_names_do_not() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(513);
        for name in [
            "",
            "..",
            "a/../b",
            ".",
            "a/./b",
            "/a",
            "a//b",
            "a\\b",
            "C:",
            "c:a",
            "a\0",
            "a\n",
            "a\x7f",
            "a\u{202e}b",
            "a\u{200b}",
            "\u{feff}a",
            "\u{85}",
            "\u{e000}",
            &long,
            deep.trim_end_matches('/'),
        ] {
            assert!(fault(name).is_some(), "{name:?}");
        }
    }

    fn rule(names: &[&str]) -> Option<(usize, usize, Rule)> {
        let names: Vec<_> = names
            .iter()
            .map(|name| Name {
                path: name.trim_end_matches('/'),
                directory: name.ends_with('/'),
            })
            .collect();
        conflict(&names, Sameness::Folded)
            .map(|conflict| (conflict.at, conflict.with, conflict.rule))
    }

    #[test]
    fn conflicts_are_found_whatever_lies_between() {
        assert_eq!(rule(&["m/", "m/x", "m-/x", "m.py", "n/x"]), None);
        assert_eq!(
            rule(&["m", "m.py", "m-x", "m/x"]),
            Some((3, 0, Rule::FileDirConflict))
        );
        assert_eq!(
            rule(&["M/y", "m-", "m"]),
            Some((2, 0, Rule::FileDirConflict))
        );
        assert_eq!(rule(&["a", "b", "a", "b"]), Some((2, 0, Rule::Duplicate)));
        assert_eq!(rule(&["a", "a/"]), Some((1, 0, Rule::FileDirConflict)));
        assert_eq!(rule(&["a/", "a/"]), Some((1, 0, Rule::Duplicate)));
    }

    #[test]
    fn case_and_unicode_form_are_ignored() {
        for (one, two) in [
            ("a", "A"),
            ("é", "e\u{301}"),
            ("É", "e\u{301}"),
            ("ẞ", "ss"),
            ("ς", "Σ"),
            ("\u{212a}", "k"),
            ("ﬀ", "FF"),
        ] {
            assert_eq!(
                rule(&[one, two]),
                Some((1, 0, Rule::Collision)),
                "{one} {two}"
            );
        }
        assert_eq!(rule(&["é", "e", "ê"]), None);
    }
}
