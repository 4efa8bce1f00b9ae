//! Names of entries: what one may look like, and which may not be next to each other.
//!
//! Judges text only; nothing is cleaned or repaired.

use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use pannier_base::paths;

/// Longest name, in bytes (beyond it extractors and `PATH_MAX` begin to differ).
pub const LONGEST: usize = 1024;

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
        _ if component.len() > paths::LONGEST_COMPONENT => {
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

/// What `name` is to a reader who also ignores which form of a letter it is (`ｂｉｎ` is `bin`).
#[must_use]
pub fn plain_name(name: &str) -> String {
    match name.is_ascii() {
        true => name.to_ascii_lowercase(),
        false => folded(&name.nfkc().collect::<String>()),
    }
}

/// Two names that cannot stand in one tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Position of the later one.
    pub at: usize,
    /// Position of the earlier one.
    pub with: usize,
    /// What is wrong.
    pub clash: Clash,
}

/// Why two names cannot stand in one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// They count as one, and both are files or both folders.
    Same,
    /// A file stands where the other one needs a folder.
    FileAndFolder,
}

/// Which names count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// Those of the same bytes.
    Exact,
    /// Also those that differ in case or Unicode form alone.
    Folded,
}

/// The names of a tree, as they are compared, one behind the other: there can be hundreds of thousands.
pub struct Names {
    sameness: Sameness,
    keys: String,
    names: Vec<Name>,
}

/// Where a name's key ends, and whether a folder is there.
struct Name {
    end: usize,
    directory: bool,
}

impl Names {
    /// No names yet.
    #[must_use]
    pub const fn new(sameness: Sameness) -> Self {
        Self {
            sameness,
            keys: String::new(),
            names: Vec::new(),
        }
    }

    /// Adds a path without a trailing slash.
    pub fn add(&mut self, path: &str, directory: bool) {
        // With `/` below every other character, what lies in a folder follows it at once: neighbors tell everything.
        let separated = |c: char| if c == '/' { '\0' } else { c };
        match self.sameness {
            Sameness::Exact => self.keys.extend(path.chars().map(separated)),
            Sameness::Folded if path.is_ascii() => {
                let lower = path.chars().map(|c| separated(c.to_ascii_lowercase()));
                self.keys.extend(lower);
            }
            Sameness::Folded => self.keys.extend(folded(path).chars().map(separated)),
        }
        let end = self.keys.len();
        self.names.push(Name { end, directory });
    }

    /// A conflict, if there is any: of several always the same one.
    #[must_use]
    pub fn conflict(&self) -> Option<Conflict> {
        let mut order: Vec<u32> = (0..).take(self.names.len()).collect();
        order.sort_unstable_by(|one, two| (self.key(*one), one).cmp(&(self.key(*two), two)));
        order
            .windows(2)
            .filter_map(|pair| self.clash(pair[0], pair[1]))
            .min_by_key(|conflict| (conflict.at, conflict.with))
    }

    fn key(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |it| self.names[it].end);
        &self.keys[start..self.names[number].end]
    }

    fn clash(&self, one: u32, two: u32) -> Option<Conflict> {
        let [first, second] = [one, two].map(|it| self.names[it as usize].directory);
        let (key, next) = (self.key(one), self.key(two));
        let clash = if key == next {
            match first == second {
                true => Clash::Same,
                false => Clash::FileAndFolder,
            }
        } else if !first && next.strip_prefix(key)?.starts_with('\0') {
            Clash::FileAndFolder
        } else {
            return None;
        };
        Some(Conflict {
            at: one.max(two) as usize,
            with: one.min(two) as usize,
            clash,
        })
    }
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

    fn clash(names: &[&str]) -> Option<(usize, usize, Clash)> {
        let mut all = Names::new(Sameness::Folded);
        for name in names {
            all.add(name.trim_end_matches('/'), name.ends_with('/'));
        }
        let found = all.conflict()?;
        Some((found.at, found.with, found.clash))
    }

    #[test]
    fn conflicts_are_found_whatever_lies_between() {
        assert_eq!(clash(&["m/", "m/x", "m-/x", "m.py", "n/x"]), None);
        assert_eq!(
            clash(&["m", "m.py", "m-x", "m/x"]),
            Some((3, 0, Clash::FileAndFolder))
        );
        assert_eq!(
            clash(&["M/y", "m-", "m"]),
            Some((2, 0, Clash::FileAndFolder))
        );
        assert_eq!(clash(&["a", "b", "a", "b"]), Some((2, 0, Clash::Same)));
        assert_eq!(clash(&["a", "a/"]), Some((1, 0, Clash::FileAndFolder)));
        assert_eq!(clash(&["a/", "a/"]), Some((1, 0, Clash::Same)));
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
            assert_eq!(clash(&[one, two]), Some((1, 0, Clash::Same)), "{one} {two}");
        }
        assert_eq!(clash(&["é", "e", "ê"]), None);
    }
}
