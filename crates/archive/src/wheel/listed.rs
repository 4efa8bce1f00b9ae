//! The metadata that an index lists for a wheel, compared with the wheel's own.
//!
//! Resolvers read only the file from the index (<https://peps.python.org/pep-0658/>), so one that differs makes a lock of
//! other dependencies than the wheel has. The standard demands the same bytes.

use std::fs::File;

use super::error::{MetadataProblem, WheelError};
use super::{Wheel, WheelFilename};
use crate::entries::PackEntry;
use crate::zip;

/// Longest part of a line that is shown, in characters.
const SHOWN: usize = 120;

/// Compares a wheel that has passed with what the index lists as its metadata. What is no metadata at all, such as the page that
/// some servers answer everything with, says nothing.
///
/// # Errors
/// [`WheelError`] names wheel, file and the first line that differs.
pub fn check_listed(
    file: &File,
    wheel: &Wheel,
    filename: &WheelFilename,
    listed: &[u8],
) -> Result<(), WheelError> {
    if !is_metadata(listed) {
        return Ok(());
    }
    let entry = format!("{}/METADATA", wheel.dist_info);
    let Some(stream) = wheel.pack.find(&entry).and_then(PackEntry::stream) else {
        unreachable!("a wheel that has passed has metadata");
    };
    let own = zip::read_entry(file, stream).map_err(|source| WheelError::Io {
        wheel: filename.to_string(),
        source,
    })?;
    match difference(listed, &own) {
        None => Ok(()),
        Some(source) => Err(WheelError::Metadata {
            wheel: filename.to_string(),
            entry,
            source,
        }),
    }
}

/// Whether there is the field that every version of the format has.
fn is_metadata(bytes: &[u8]) -> bool {
    const FIELD: &[u8] = b"metadata-version:";
    let mut lines = bytes.split(|byte| *byte == b'\n');
    lines.any(|line| {
        line.get(..FIELD.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(FIELD))
    })
}

fn difference(listed: &[u8], own: &[u8]) -> Option<MetadataProblem> {
    if listed == own {
        return None;
    }
    let mut lines = [listed, own].map(|bytes| bytes.split_inclusive(|byte| *byte == b'\n'));
    let mut line = 0;
    loop {
        line += 1;
        let [listed, own] = lines.each_mut().map(Iterator::next);
        if listed != own {
            return Some(MetadataProblem::Listed {
                line,
                listed: shown(listed),
                own: shown(own),
            });
        }
    }
}

/// A line as far as it can be shown.
fn shown(line: Option<&[u8]>) -> String {
    let Some(line) = line else {
        return "nothing more".to_owned();
    };
    let text = String::from_utf8_lossy(line);
    let text: String = text.trim_end_matches('\n').chars().take(SHOWN).collect();
    format!("`{}`", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listed: &str, own: &str) -> Option<String> {
        difference(listed.as_bytes(), own.as_bytes()).map(|problem| problem.to_string())
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        let own = "Metadata-Version: 2.1\nName: a\nRequires-Dist: b\n\nText\n";
        assert_eq!(told(own, own), None);
        for (listed, part) in [
            (
                own.replace("-Dist: b", "-Dist: evil"),
                "line 3 is `Requires-Dist: b`, the index has `Requires-Dist: evil`",
            ),
            (
                own.replace("Requires-Dist: b\n", ""),
                "line 3 is `Requires-Dist: b`, the index has ``",
            ),
            (
                own.replace("Text\n", ""),
                "line 5 is `Text`, the index has nothing more",
            ),
            (
                format!("{own}{}", "x".repeat(500)),
                "line 6 is nothing more, the index has `xxx",
            ),
            (
                own.replace('\n', "\r\n"),
                "the index has `Metadata-Version: 2.1\\r`",
            ),
            (own.trim_end().to_owned(), "line 5 is `Text`"),
        ] {
            let told = told(&listed, own).expect(part);
            assert!(told.contains(part) && told.len() < 300, "{told}");
        }
    }

    #[test]
    fn a_page_is_no_metadata() {
        for page in [
            "",
            "<!DOCTYPE html>\n<p>Sign in",
            "{\"error\": 1}",
            "Name: a",
        ] {
            assert!(!is_metadata(page.as_bytes()), "{page}");
        }
        assert!(is_metadata(b"Name: a\nMETADATA-VERSION: 9\n"));
    }
}
