//! A forge for whole wheels: a tiny valid one, and any change to it.
//!
//! Decides nothing: that is for the cases next to it.

mod rewriting;
mod verdict;

use std::fs::File;

use super::*;
use crate::zip::{self, Rules};
use pannier_base::digest::Digest;

const DIST_INFO: &str = "foo_bar-1.0.dist-info";

/// A wheel under construction: `RECORD` is made from the other files unless it is given.
#[derive(Clone)]
struct Forge {
    filename: &'static str,
    files: Vec<(String, Vec<u8>, bool)>,
    folders: Vec<String>,
    record: Option<Vec<u8>>,
    dist_info: &'static str,
}

impl Forge {
    fn new() -> Self {
        Self::in_folder(DIST_INFO)
    }

    fn in_folder(dist_info: &'static str) -> Self {
        let forge = Self {
            filename: "foo_bar-1.0-py3-none-any.whl",
            files: Vec::new(),
            folders: Vec::new(),
            record: None,
            dist_info,
        };
        forge
            .with("foo_bar/__init__.py", "x = 1\n")
            .with(
                &format!("{dist_info}/METADATA"),
                "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Dist: baz>=2\n\nText\n",
            )
            .with(
                &format!("{dist_info}/WHEEL"),
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
    }

    /// Adds a file, or replaces the one of that path.
    fn with(mut self, path: &str, content: &str) -> Self {
        self.files.retain(|(known, ..)| known != path);
        self.files
            .push((path.to_owned(), content.as_bytes().to_vec(), false));
        self
    }

    fn without(mut self, path: &str) -> Self {
        self.files.retain(|(known, ..)| known != path);
        self
    }

    fn folder(mut self, path: &str) -> Self {
        self.folders.push(path.to_owned());
        self
    }

    fn record(mut self, text: impl AsRef<str>) -> Self {
        self.record = Some(text.as_ref().as_bytes().to_vec());
        self
    }

    /// The right `RECORD`.
    fn true_record(&self) -> String {
        let path = format!("{}/RECORD", self.dist_info);
        let mut rows = vec![RecordRow::bare(path)];
        for (path, bytes, _) in &self.files {
            rows.push(RecordRow::of(path, &Digest::of(bytes), bytes.len() as u64));
        }
        Record { rows }.to_text()
    }

    fn file(&self) -> File {
        let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
        for path in &self.folders {
            writer.directory(path).unwrap();
        }
        for (path, bytes, executable) in &self.files {
            writer.file(path, *executable, &mut &bytes[..]).unwrap();
        }
        let record = self.record.clone();
        let record = record.unwrap_or_else(|| self.true_record().into_bytes());
        if !record.is_empty() {
            let path = format!("{}/RECORD", self.dist_info);
            writer.file(&path, false, &mut &record[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn verify(&self) -> Result<Wheel, WheelError> {
        verify(
            &self.file(),
            &self.filename.parse().unwrap(),
            &Rules::default(),
        )
    }
}

/// The message with all its causes.
fn chain(error: &WheelError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
