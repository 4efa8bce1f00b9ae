//! `WHEEL`: what a wheel says about its own format (binary distribution format).
//!
//! Refuses a newer major format, since its files may mean something else.

use super::headers::{HeaderError, Headers, format_version};

/// The fields of `WHEEL`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WheelFile {
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// `Tag` lines.
    pub tags: Vec<String>,
    /// Remarks that are no reason to refuse.
    pub warnings: Vec<String>,
}

/// Why `WHEEL` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WheelFileError {
    /// A field stands the wrong number of times.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The format's version is no version.
    #[error("`{0}` is not a Wheel-Version")]
    FormatSyntax(String),
    /// The format is newer than what can be understood.
    #[error("Wheel-Version {0} is not supported, only 1.x")]
    Format(String),
    /// Neither true nor false.
    #[error("Root-Is-Purelib is `{0}`, neither `true` nor `false`")]
    Purelib(String),
}

impl WheelFile {
    /// Reads a `WHEEL` file. Without `Root-Is-Purelib` the root is platlib, as pip has it.
    ///
    /// # Errors
    /// [`WheelFileError`]: no `Wheel-Version` 1.x, or `Root-Is-Purelib` repeated or neither true nor false.
    pub fn parse(bytes: &[u8]) -> Result<Self, WheelFileError> {
        let headers = Headers::parse(bytes);
        let mut warnings = Vec::new();
        let format = headers.exactly_one("Wheel-Version")?;
        match format_version(&format) {
            None => return Err(WheelFileError::FormatSyntax(format)),
            Some((1, 0)) => {}
            Some((1, _)) => warnings.push(format!(
                "Wheel-Version {format} is newer than 1.0, the last known one"
            )),
            Some(_) => return Err(WheelFileError::Format(format)),
        }
        let purelib = match headers.at_most_one("Root-Is-Purelib")? {
            None => {
                warnings.push("WHEEL has no Root-Is-Purelib".to_owned());
                false
            }
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => return Err(WheelFileError::Purelib(text)),
        };
        Ok(Self {
            purelib,
            tags: headers.all("Tag").collect(),
            warnings,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<WheelFile, WheelFileError> {
        WheelFile::parse(text.as_bytes())
    }

    #[test]
    fn fields_are_read() {
        let text = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: True\nTag: py2-none-any\nTag: py3-none-any\n\n";
        let wheel = parse(text).unwrap();
        assert!(wheel.purelib && wheel.warnings.is_empty());
        assert_eq!(wheel.tags, ["py2-none-any", "py3-none-any"]);
    }

    #[test]
    fn remarks_are_no_refusal() {
        assert_eq!(
            parse("Wheel-Version: 1.9\nRoot-Is-Purelib: false\n")
                .unwrap()
                .warnings
                .len(),
            1
        );
        assert_eq!(parse("Wheel-Version: 1.0\n").unwrap().warnings.len(), 1);
    }

    #[test]
    fn others_are_refused() {
        for (text, part) in [
            ("", "`Wheel-Version` is missing"),
            ("Wheel-Version: 2.0\n", "2.0 is not supported"),
            ("Wheel-Version: 0.9\n", "0.9 is not supported"),
            ("Wheel-Version: one\n", "`one` is not"),
            (
                "Wheel-Version: 1.0\nWheel-Version: 1.0\n",
                "`Wheel-Version` appears more than once",
            ),
            (
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: false\n",
                "`Root-Is-Purelib` appears more than once",
            ),
            ("Wheel-Version: 1.0\nRoot-Is-Purelib: yes\n", "is `yes`"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = WheelFile::parse(&bytes);
        }
    }
}
