//! Wheels that hold metadata and nothing else: what a resolver is told about a package that is built from git, with
//! its requirements rewritten.
//!
//! Refuses to be installed by mistake: nothing here writes a module.

use pep440_rs::Version;

use super::record::{Record, RecordRow};
use crate::zip;
use pannier_base::digest::Digest;
use pannier_base::name::PackageName;

/// What a stub says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StubMetadata {
    /// Project.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// `Requires-Dist` lines.
    pub requires_dist: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Provides-Extra`.
    pub extras: Vec<String>,
}

impl StubMetadata {
    /// The file name that [`stub`]'s bytes have to be kept under: a pure wheel, so that it fits every image.
    #[must_use]
    pub fn filename(&self) -> String {
        format!("{}-py3-none-any.whl", self.stem())
    }

    fn stem(&self) -> String {
        format!("{}-{}", self.name.escaped(), self.version)
    }

    fn metadata(&self) -> String {
        // 2.1 is the oldest format that knows extras; later ones demand that they are normalised.
        let mut text = "Metadata-Version: 2.1\n".to_owned();
        let mut field = |key: &str, value: &str| {
            // A line end would start a header of its own.
            let line: Vec<_> = value.split_whitespace().collect();
            text.push_str(&format!("{key}: {}\n", line.join(" ")));
        };
        field("Name", self.name.as_str());
        field("Version", &self.version.to_string());
        if let Some(pythons) = &self.requires_python {
            field("Requires-Python", pythons);
        }
        for extra in &self.extras {
            field("Provides-Extra", extra);
        }
        for requirement in &self.requires_dist {
            field("Requires-Dist", requirement);
        }
        text
    }
}

/// The bytes of a wheel with `METADATA`, `WHEEL` and `RECORD` alone. Equal metadata gives equal bytes.
#[must_use]
pub fn stub(meta: &StubMetadata) -> Vec<u8> {
    let dist_info = format!("{}.dist-info", meta.stem());
    let files = [
        (format!("{dist_info}/METADATA"), meta.metadata()),
        (
            format!("{dist_info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: pannier\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .to_owned(),
        ),
    ];
    let path = format!("{dist_info}/RECORD");
    let mut record = Record {
        rows: vec![RecordRow::bare(&path)],
    };
    let mut writer = zip::Writer::new(Vec::new());
    let mut add = |path: &str, text: &str| {
        let added = writer.file(path, false, &mut text.as_bytes());
        added.expect("writing to memory does not fail");
    };
    for (path, text) in &files {
        add(path, text);
        let row = RecordRow::of(path, &Digest::of(text.as_bytes()), text.len() as u64);
        record.rows.push(row);
    }
    add(&path, &record.to_text());
    writer.finish().expect("writing to memory does not fail")
}
