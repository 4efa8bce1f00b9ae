//! Whose a file is: what the `RECORD`s of a tarball say, read while they pass by.
//!
//! A `RECORD` that cannot be read to its end leaves its files to nobody. Where two list one file, the later one has it.

use std::collections::HashMap;

use crate::wheel::Record;
use pannier_base::name::PackageName;

/// Longest row in bytes: a path of a wheel has at most 1,024. Bounds what quotes that never close take.
const LONGEST: usize = 16 << 10;

/// What the `RECORD`s have said so far.
#[derive(Debug, Default)]
pub(super) struct Owners {
    packages: Vec<PackageName>,
    /// Files by path, with the number of their package.
    files: HashMap<String, usize>,
}

impl Owners {
    /// Adds a `RECORD` of which everything has been taken.
    pub(super) fn add(&mut self, record: Reading) {
        let (package, files) = record.finish();
        let number = self.packages.len();
        self.packages.push(package);
        let files = files.unwrap_or_default().into_iter();
        self.files.extend(files.map(|path| (path, number)));
    }

    /// The package that owns the file at `path`.
    pub(super) fn of(&self, path: &str) -> Option<&PackageName> {
        Some(&self.packages[*self.files.get(path)?])
    }
}

/// A `RECORD` of which not everything has come yet.
#[derive(Debug)]
pub(super) struct Reading {
    package: PackageName,
    /// What its paths are relative to.
    folder: String,
    /// What has come of a row that has not ended.
    rest: Vec<u8>,
    /// Whether `rest` ends inside quotes.
    quoted: bool,
    /// The files of the rows so far; nothing once a row cannot be read.
    files: Option<Vec<String>>,
}

impl Reading {
    /// Begins with the file at `path`, if it is the `RECORD` of a package.
    pub(super) fn begin(path: &str) -> Option<Self> {
        let (package, folder) = package_of(path)?;
        Some(Self {
            package,
            folder: folder.to_owned(),
            rest: Vec::new(),
            quoted: false,
            files: Some(Vec::new()),
        })
    }

    /// Takes a run of its bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.files.is_none() {
            return;
        }
        // Quotes inside quotes are doubled, so a line end outside of them is where an even number has come. That a quote
        // is where none is allowed is found by the reader of the row.
        let mut whole = None;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => whole = Some(at + 1),
                _ => {}
            }
        }
        let (rows, rest) = bytes.split_at(whole.unwrap_or(0));
        if self.rest.is_empty() {
            self.read(rows);
        } else if whole.is_some() {
            let mut first = std::mem::take(&mut self.rest);
            first.extend_from_slice(rows);
            self.read(&first);
        }
        self.rest.extend_from_slice(rest);
        if self.rest.len() > LONGEST {
            (self.files, self.rest) = (None, Vec::new());
        }
    }

    /// Its package, and the files that it lists.
    fn finish(mut self) -> (PackageName, Option<Vec<String>>) {
        let last = std::mem::take(&mut self.rest);
        self.read(&last);
        (self.package, self.files)
    }

    /// Reads whole rows.
    fn read(&mut self, rows: &[u8]) {
        let Some(files) = &mut self.files else {
            return;
        };
        let read = Record::rows(rows).and_then(|mut rows| {
            rows.try_for_each(|row| {
                files.extend(join(&self.folder, &row?.path));
                Ok(())
            })
        });
        if read.is_err() {
            self.files = None;
        }
    }
}

/// `…/site-packages/NAME-VERSION.dist-info/RECORD` as the name and the folder before it.
fn package_of(path: &str) -> Option<(PackageName, &str)> {
    let (folder, dist_info) = path.strip_suffix(".dist-info/RECORD")?.rsplit_once('/')?;
    let (name, _) = dist_info.split_once('-')?;
    Some((name.parse().ok()?, folder))
}

/// `path` as seen from `folder`; `None` when it leaves the tree.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut components: Vec<&str> = folder.split('/').collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            _ => components.push(component),
        }
    }
    Some(components.join("/"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_of_a_record_become_paths_of_the_tarball() {
        let site = "venv/lib/python3.13/site-packages";
        let joined = |path| join(site, path);
        assert_eq!(joined("a/b.py"), Some(format!("{site}/a/b.py")));
        assert_eq!(joined("../../../bin/x").as_deref(), Some("venv/bin/x"));
        assert_eq!(joined("../../../../../x"), None);
    }

    #[test]
    fn a_record_tells_its_package() {
        let (name, folder) = package_of("s/Foo_Bar-1.0.dist-info/RECORD").unwrap();
        assert_eq!((name.as_str(), folder), ("foo-bar", "s"));
        assert!(package_of("RECORD").is_none());
        assert!(package_of("s/x.dist-info/RECORD").is_none());
    }

    /// The files of `RECORD`s that come in pieces of `piece` bytes, with the names of their packages.
    fn owned(records: &[(&str, &str)], piece: usize) -> Vec<(String, String)> {
        let mut owners = Owners::default();
        for (path, text) in records {
            let mut record = Reading::begin(path).unwrap();
            for piece in text.as_bytes().chunks(piece) {
                record.take(piece);
            }
            owners.add(record);
        }
        let paths: BTreeSet<String> = owners.files.keys().cloned().collect();
        let named = |path: String| {
            let owner = owners.of(&path).unwrap().to_string();
            (path, owner)
        };
        paths.into_iter().map(named).collect()
    }

    #[test]
    fn the_later_record_has_a_file_and_a_broken_one_none() {
        let records = [
            ("s/a-1.dist-info/RECORD", "x,,\ny,,\n"),
            ("s/b-1.dist-info/RECORD", "y,,\r\n../bin/b,,"),
            ("s/c-1.dist-info/RECORD", "x,,\nz,,\nbroken\n"),
            (
                "s/d-1.dist-info/RECORD",
                &format!("x,,\n\"{}\",,\n", "z".repeat(2 * LONGEST)),
            ),
        ];
        let own = |path: &str, name: &str| (path.to_owned(), name.to_owned());
        let expected = [own("bin/b", "b"), own("s/x", "a"), own("s/y", "b")];
        for piece in 1..20 {
            assert_eq!(owned(&records, piece), expected);
        }
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(text in "([a\",\r\n]|ä|a,,\n|\"a\nb\",,\r\n){0,12}", piece in 1..9_usize) {
            let whole = Record::parse(text.as_bytes()).unwrap_or_default();
            let mut listed: Vec<_> = whole.rows.iter().filter_map(|row| join("s", &row.path)).collect();
            listed.sort();
            listed.dedup();
            let found = owned(&[("s/a-1.dist-info/RECORD", &text)], piece);
            let found: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
            prop_assert_eq!(found, listed);
        }
    }
}
