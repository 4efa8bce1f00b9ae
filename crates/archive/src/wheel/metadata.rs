//! `METADATA`: what a package says about itself (core metadata specification).
//!
//! Refuses to judge requirements: their lines are kept as written for those who resolve them.

use super::headers::{HeaderError, Headers, format_version};

/// The fields of `METADATA` that Pannier uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// `Name`, as written.
    pub name: String,
    /// `Version`, as written.
    pub version: String,
    /// `Requires-Dist` lines.
    pub requires_dist: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Provides-Extra`, as written.
    pub extras: Vec<String>,
    /// Remarks that are no reason to refuse.
    pub warnings: Vec<String>,
}

/// The newest format that this code was written for.
const KNOWN: (u32, u32) = (2, 5);

/// Why `METADATA` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A field stands the wrong number of times.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The format's version is no version.
    #[error("`{0}` is not a Metadata-Version")]
    FormatSyntax(String),
    /// The format is newer than what can be understood.
    #[error("Metadata-Version {0} is newer than 2, the last supported one")]
    FormatTooNew(String),
}

impl Metadata {
    /// Reads the headers of a `METADATA` file; the description behind them is not looked at.
    ///
    /// # Errors
    /// [`MetadataError`]: `Metadata-Version`, `Name` or `Version` missing or repeated, or a newer major format.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let headers = Headers::parse(bytes);
        let mut warnings = Vec::new();
        let format = headers.exactly_one("Metadata-Version")?;
        match format_version(&format) {
            None => return Err(MetadataError::FormatSyntax(format)),
            Some((major, _)) if major > KNOWN.0 => return Err(MetadataError::FormatTooNew(format)),
            Some(version) if version > KNOWN => warnings.push(format!(
                "METADATA has format {format}, newer than {}.{}: new fields are ignored",
                KNOWN.0, KNOWN.1
            )),
            Some(_) => {}
        }
        if let Some(line) = &headers.stray {
            warnings.push(format!(
                "METADATA has the line {line:?} among its headers: everything after it is ignored"
            ));
        }
        Ok(Self {
            name: headers.exactly_one("Name")?,
            version: headers.exactly_one("Version")?,
            requires_dist: headers.all("Requires-Dist").collect(),
            requires_python: headers.at_most_one("Requires-Python")?,
            extras: headers.all("Provides-Extra").collect(),
            warnings,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Metadata, MetadataError> {
        Metadata::parse(text.as_bytes())
    }

    #[test]
    fn fields_are_read_and_the_description_is_not() {
        let text = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Python: >=3.8\n\
            Requires-Dist: requests (>=2.0) ; extra == 'net'\nRequires-Dist: PyYAML\n\
            Provides-Extra: net\nDescription-Content-Type: text/x-rst\n\nName: other\nRequires-Dist: evil\n";
        let metadata = parse(text).unwrap();
        assert_eq!(metadata.name, "Foo.Bar");
        assert_eq!(metadata.version, "1.0");
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(metadata.extras, ["net"]);
        assert_eq!(
            metadata.requires_dist,
            ["requests (>=2.0) ; extra == 'net'", "PyYAML"]
        );
        assert!(metadata.warnings.is_empty());
    }

    #[test]
    fn missing_and_repeated_fields_are_refused() {
        for (text, part) in [
            ("Name: a\nVersion: 1\n", "`Metadata-Version` is missing"),
            ("Metadata-Version: 2.1\nVersion: 1\n", "`Name` is missing"),
            ("Metadata-Version: 2.1\nName: a\n", "`Version` is missing"),
            (
                "Metadata-Version: 2.1\nName: a\nname: b\nVersion: 1\n",
                "`Name` appears more than once",
            ),
            (
                "Metadata-Version: two\nName: a\nVersion: 1\n",
                "`two` is not",
            ),
            (
                "Metadata-Version: 3.0\nName: a\nVersion: 1\n",
                "3.0 is newer",
            ),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_newer_minor_format_and_a_stray_line_are_remarks() {
        let text = "Metadata-Version: 2.99\nName: a\nVersion: 1\nstray\nRequires-Dist: b\n";
        let metadata = parse(text).unwrap();
        assert_eq!(metadata.warnings.len(), 2);
        assert!(metadata.requires_dist.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            text in "(Metadata-Version: [0-9.]{0,5}\n)?([A-Za-z -]{0,8}[:\n \t\r]{0,3}.{0,5}\n){0,5}"
        ) {
            let _ = Metadata::parse(&bytes);
            let _ = parse(&text);
        }
    }
}
