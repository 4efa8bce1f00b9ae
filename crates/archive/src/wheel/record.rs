//! `RECORD`: the files of a wheel or of an installed package with their hashes (CSV: path, hash, size).
//!
//! Refuses weak hashes (md5, sha1) and rows without a hash other than those that the standard lets go without.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};

use sha2::{Sha384, Sha512};

use super::csv;
use pannier_base::digest::{self, Digest};

/// The rows of a `RECORD`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// One row per file, in the order of the file.
    pub rows: Vec<RecordRow>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRow {
    /// Path as it is written, `/`-separated, relative to site-packages.
    pub path: String,
    /// Hash of the file; `RECORD` itself and `.pyc` files may go without.
    pub hash: Option<RecordHash>,
    /// Length in bytes, where it is told.
    pub size: Option<u64>,
}

/// The hash of one row: an algorithm that the standard allows, and the digest in urlsafe base64 without padding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordHash {
    algorithm: Algorithm,
    digest: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// Why a `RECORD` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The CSV is broken.
    #[error("line {line}: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Far more rows than files.
    #[error("it has more than {rows} rows for {files} entries of the wheel")]
    TooLong {
        /// Number of rows that were read.
        rows: usize,
        /// Number of entries.
        files: usize,
    },
    /// A hash that is not `sha256=…` or better.
    #[error("the hash `{hash}` of `{path}` is not sha256 or better")]
    WeakHash {
        /// The file.
        path: String,
        /// As written.
        hash: String,
    },
    /// A row without a hash.
    #[error("`{path}` has no hash")]
    NoHash {
        /// The file.
        path: String,
    },
    /// Two rows that disagree.
    #[error("`{path}` is listed twice, with different values")]
    Twice {
        /// The file.
        path: String,
    },
    /// A row without a file.
    #[error("`{path}` is listed but not in the wheel")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file without a row.
    #[error("`{path}` is in the wheel but not listed")]
    Unlisted {
        /// The file.
        path: String,
    },
    /// Content and hash differ.
    #[error("the content of `{path}` does not match its hash")]
    Hash {
        /// The file.
        path: String,
    },
    /// Length and row differ.
    #[error("`{path}` has {found} bytes, listed are {listed}")]
    Size {
        /// The file.
        path: String,
        /// Length of the file.
        found: u64,
        /// Length as listed.
        listed: u64,
    },
}

impl Record {
    /// Reads a `RECORD` with LF or CRLF line ends. Whether the rows are right is for the caller to see.
    ///
    /// # Errors
    /// [`RecordError`]: not UTF-8, broken CSV, or a hash that is weak.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let rows = Self::rows(bytes)?.collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }

    /// As [`Self::parse`], row by row; nothing comes behind a fault.
    ///
    /// # Errors
    /// [`RecordError::NotUtf8`]; of a row the others.
    pub fn rows(
        bytes: &[u8],
    ) -> Result<impl Iterator<Item = Result<RecordRow, RecordError>>, RecordError> {
        let text = std::str::from_utf8(bytes).map_err(|_| RecordError::NotUtf8)?;
        Ok(csv::rows(text).map(RecordRow::of_csv))
    }

    /// As [`Self::rows`], of a file that is never all there.
    ///
    /// # Errors
    /// Outside what reading gives, inside what is wrong with the row.
    pub fn read(
        input: impl BufRead,
    ) -> impl Iterator<Item = io::Result<Result<RecordRow, RecordError>>> {
        csv::read(input).map(|row| Ok(RecordRow::of_csv(row?)))
    }

    /// The file: rows sorted by path, LF, quotes only where they are needed.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort();
        let mut text = String::new();
        for row in rows {
            row.write(&mut text);
        }
        text
    }
}

impl RecordRow {
    fn of_csv(row: Result<csv::Row, csv::Fault>) -> Result<Self, RecordError> {
        let (line, fields) =
            row.map_err(|(line, problem)| RecordError::Syntax { line, problem })?;
        Self::parse(line, fields)
    }

    fn parse(line: usize, fields: Vec<String>) -> Result<Self, RecordError> {
        let wrong = |problem| RecordError::Syntax { line, problem };
        let [path, hash, size] = <[String; 3]>::try_from(fields)
            .map_err(|_| wrong("expected three fields: path, hash, size"))?;
        if path.is_empty() {
            return Err(wrong("the path is empty"));
        }
        let size = parse_size(&size).ok_or_else(|| wrong("the size is not a number"))?;
        let hash = RecordHash::parse(&path, &hash)?;
        Ok(Self { path, hash, size })
    }

    /// Adds the row to a `RECORD`: LF, quotes only where they are needed.
    pub fn write(&self, text: &mut String) {
        csv::write_field(text, &self.path);
        text.push(',');
        if let Some(hash) = &self.hash {
            let _ = write!(text, "{}={}", hash.algorithm.name(), hash.digest);
        }
        text.push(',');
        if let Some(size) = self.size {
            let _ = write!(text, "{size}");
        }
        text.push('\n');
    }

    /// The row of a file with this content.
    #[must_use]
    pub fn of(path: impl Into<String>, sha256: &Digest, size: u64) -> Self {
        Self {
            path: path.into(),
            hash: Some(RecordHash::from(sha256)),
            size: Some(size),
        }
    }

    /// Checks that the row is right about a file: a hash that matches (`.pyc` files may go without one), and the size
    /// where it is told. `content` is read only where the hash is not SHA-256.
    ///
    /// # Errors
    /// Outside what reading gives, inside what is wrong.
    pub fn check<R: Read>(
        &self,
        sha256: &Digest,
        size: u64,
        content: impl FnOnce() -> R,
    ) -> io::Result<Result<(), RecordError>> {
        let path = || self.path.clone();
        let hash_holds = match &self.hash {
            Some(hash) => hash.matches(sha256, content)?,
            None if self.path.ends_with(".pyc") => true,
            None => return Ok(Err(RecordError::NoHash { path: path() })),
        };
        if !hash_holds {
            return Ok(Err(RecordError::Hash { path: path() }));
        }
        Ok(match self.size {
            Some(listed) if listed != size => Err(RecordError::Size {
                path: path(),
                found: size,
                listed,
            }),
            _ => Ok(()),
        })
    }

    /// The row of `RECORD` itself: path alone.
    #[must_use]
    pub fn bare(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            hash: None,
            size: None,
        }
    }
}

impl From<&Digest> for RecordHash {
    fn from(sha256: &Digest) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            digest: sha256.urlsafe(),
        }
    }
}

impl RecordHash {
    fn parse(path: &str, text: &str) -> Result<Option<Self>, RecordError> {
        if text.is_empty() {
            return Ok(None);
        }
        let weak = || RecordError::WeakHash {
            path: path.to_owned(),
            hash: text.to_owned(),
        };
        let (algorithm, digest) = text.split_once('=').ok_or_else(weak)?;
        let algorithm = Algorithm::named(algorithm).ok_or_else(weak)?;
        let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if digest.len() != algorithm.length() || !digest.chars().all(base64) {
            return Err(weak());
        }
        Ok(Some(Self {
            algorithm,
            digest: digest.to_owned(),
        }))
    }

    /// Whether a file with this SHA-256 matches; `content` is read only where the hash is another one.
    ///
    /// # Errors
    /// What reading gives.
    pub fn matches<R: Read>(
        &self,
        sha256: &Digest,
        content: impl FnOnce() -> R,
    ) -> io::Result<bool> {
        let found = match self.algorithm {
            Algorithm::Sha256 => sha256.urlsafe(),
            Algorithm::Sha384 => digest::urlsafe(&digest_of::<Sha384>(content())?),
            Algorithm::Sha512 => digest::urlsafe(&digest_of::<Sha512>(content())?),
        };
        Ok(found == self.digest)
    }
}

/// The digest of everything that `content` gives.
fn digest_of<D: sha2::Digest>(mut content: impl Read) -> io::Result<Vec<u8>> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_vec()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

impl Algorithm {
    const ALL: [(Self, &'static str, usize); 3] = [
        (Self::Sha256, "sha256", 32),
        (Self::Sha384, "sha384", 48),
        (Self::Sha512, "sha512", 64),
    ];

    fn named(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, name, _)| *name == text).map(|(one, ..)| *one)
    }

    fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Digits of the digest in base64.
    fn length(self) -> usize {
        (Self::ALL[self as usize].2 * 4).div_ceil(3)
    }
}

fn parse_size(text: &str) -> Option<Option<u64>> {
    match text {
        "" => Some(None),
        _ if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    fn parse(text: &str) -> Result<Record, RecordError> {
        Record::parse(text.as_bytes())
    }

    #[test]
    fn rows_are_read_with_either_line_end() {
        let expected = vec![
            RecordRow::of("a/b.py", &Digest::of(b""), 0),
            RecordRow::bare("a-1.dist-info/RECORD"),
        ];
        for text in [
            format!("a/b.py,{HASH},0\na-1.dist-info/RECORD,,\n"),
            format!("a/b.py,{HASH},0\r\na-1.dist-info/RECORD,,\r\n"),
            format!("a/b.py,{HASH},0\r\n\na-1.dist-info/RECORD,,"),
            format!("\"a/b.py\",{HASH},\"0\"\r\n\"a-1.dist-info/RECORD\",,\"\""),
        ] {
            assert_eq!(parse(&text).unwrap().rows, expected, "{text:?}");
        }
    }

    #[test]
    fn quoted_paths_hold_anything() {
        let rows = parse("\"a,b\"\"c\nd\",,\n\"\r\",,\n").unwrap().rows;
        assert_eq!(rows[0].path, "a,b\"c\nd");
        assert_eq!(rows[1].path, "\r");
    }

    #[test]
    fn broken_files_are_refused_with_their_line() {
        for (text, part) in [
            ("a,,\nb,\n", "line 2: expected three fields"),
            ("a,,,\n", "line 1: expected three fields"),
            (&",".repeat(99), "line 1: more fields"),
            ("\"a\nb\",,\nc\n", "line 3: expected three fields"),
            (",,\n", "line 1: the path is empty"),
            ("a,,-1\n", "line 1: the size"),
            ("a,,+1\n", "line 1: the size"),
            ("a,,99999999999999999999\n", "line 1: the size"),
            ("a\"b,,\n", "line 1: a quote"),
            ("a,,1\rb,,\n", "line 1: a quote or a carriage return"),
            ("\"a\"b,,\n", "line 1: something follows"),
            ("\"a,,\n", "line 1: a quoted field does not end"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(part), "{text:?}: {error}");
        }
        assert_eq!(Record::parse(b"a\xff,,\n"), Err(RecordError::NotUtf8));
    }

    #[test]
    fn weak_and_mangled_hashes_are_refused() {
        for hash in [
            "md5=1B2M2Y8AsgTpgAmY7PhCfg",
            "sha1=2jmj7l5rSw0yVb_vlWAYkK_YBwk",
            "sha256=",
            "sha256",
            "SHA256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "sha256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        ] {
            let error = parse(&format!("a,{hash},0\n")).expect_err(hash);
            assert!(matches!(error, RecordError::WeakHash { .. }), "{hash}");
        }
    }

    #[test]
    fn longer_hashes_are_computed_from_the_content() {
        let sha512 = "sha512=z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg";
        let sha384 = "sha384=OLBgp1GsljhM2TJ-sbHjaiH9txEUvgdDTAzHv2P24donTt6_529l-9Ua0vFImLlb";
        for hash in [HASH, sha384, sha512] {
            let hash = RecordHash::parse("a", hash).unwrap().unwrap();
            let matches = |bytes: &[u8]| hash.matches(&Digest::of(bytes), || bytes).unwrap();
            assert!(matches(b""));
            assert!(!matches(b"x"));
        }
    }

    #[test]
    fn the_file_is_sorted_and_plain() {
        let record = Record {
            rows: vec![
                RecordRow::bare("b\"c"),
                RecordRow::of("a,b", &Digest::of(b""), 0),
            ],
        };
        assert_eq!(
            record.to_text(),
            format!("\"a,b\",{HASH},0\n\"b\"\"c\",,\n")
        );
    }

    #[test]
    fn a_stream_is_read_row_by_row_and_no_row_is_endless() {
        let text = format!("\"a\nb\",{HASH},0\r\n\n\"c\"\"\",,\n");
        let read = |text: &str| -> Result<Vec<_>, _> {
            let rows = Record::read(io::BufReader::with_capacity(3, text.as_bytes()));
            rows.map(Result::unwrap).collect()
        };
        assert_eq!(read(&text), parse(&text).map(|record| record.rows));
        for endless in [
            "x".repeat(1 << 20),
            format!("a,,\n\"{}", "\n".repeat(1 << 20)),
        ] {
            let error = read(&endless).unwrap_err().to_string();
            assert!(
                error.ends_with("the row is longer than any path"),
                "{error}"
            );
        }
    }

    fn any_row() -> impl Strategy<Value = RecordRow> {
        let hash = proptest::option::of(any::<[u8; 32]>());
        (".{1,12}|[a\",\r\n]{1,6}", hash, any::<Option<u64>>()).prop_map(|(path, hash, size)| {
            let hash = hash.map(|bytes| RecordHash::from(&Digest::from_bytes(bytes)));
            RecordRow { path, hash, size }
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(rows in proptest::collection::vec(any_row(), 0..8)) {
            let mut rows = rows;
            let printed = Record { rows: rows.clone() }.to_text();
            rows.sort();
            prop_assert_eq!(parse(&printed).unwrap().rows, rows);
        }

        #[test]
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[a\",\r\n=]{0,20}") {
            let _ = Record::parse(&bytes);
            let _: Result<Vec<_>, _> = Record::read(&bytes[..]).map(Result::unwrap).collect();
            let read: Result<Vec<_>, _> = Record::read(text.as_bytes()).map(Result::unwrap).collect();
            prop_assert_eq!(read, parse(&text).map(|record| record.rows));
            if let Ok(record) = parse(&text) {
                prop_assert_eq!(parse(&record.to_text()).unwrap().rows.len(), record.rows.len());
            }
        }
    }
}
