//! `RECORD` (binary distribution format): which files a package owns, with their digests and lengths.
//!
//! Always written anew: rows sorted, LF, a digest for every file but `RECORD` itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::digest::Digest;

/// The rows of one package's `RECORD`.
#[derive(Debug, Default)]
pub struct Record {
    rows: BTreeMap<String, (Digest, u64)>,
}

impl Record {
    /// Adds a file. `path` is relative to site-packages and may start with `../`.
    pub fn add(&mut self, path: String, sha256: Digest, size: u64) {
        self.rows.insert(path, (sha256, size));
    }

    /// The whole file; `own_path` is its own row, which has neither digest nor length.
    pub fn render(&self, own_path: &str) -> Vec<u8> {
        let mut lines: Vec<(&str, String)> = self
            .rows
            .iter()
            .map(|(path, (sha256, size))| {
                let digest = sha256.urlsafe();
                (
                    path.as_str(),
                    format!("{},sha256={digest},{size}\n", field(path)),
                )
            })
            .collect();
        lines.push((own_path, format!("{},,\n", field(own_path))));
        lines.sort_unstable();
        let mut text = String::new();
        for (_, line) in lines {
            // Writing to a string cannot fail.
            let _ = text.write_str(&line);
        }
        text.into_bytes()
    }
}

/// One CSV field, quoted where Python's `csv` module would quote it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_quoted() {
        let mut record = Record::default();
        let empty = Digest::of(b"");
        record.add("b.py".into(), empty, 0);
        record.add("a, \"b\".txt".into(), empty, 0);
        record.add("../../../bin/x".into(), Digest::of(b"x"), 1);
        let text = String::from_utf8(record.render("a.dist-info/RECORD")).unwrap();
        assert_eq!(
            text,
            "../../../bin/x,sha256=LXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE,1\n\
             \"a, \"\"b\"\".txt\",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\
             a.dist-info/RECORD,,\n\
             b.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
        );
    }
}
