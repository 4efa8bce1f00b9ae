//! Why a container is refused: the rules, their stable names, and the error that names entry and rule.
//!
//! Decides nothing itself.

use std::fmt;
use std::io;

/// A rule of reading; its kebab-case name is stable and meant for logs, tests and scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The end record is not the last 22 bytes, or contradicts the directory.
    Eocd,
    /// ZIP64 records or fields are missing, superfluous or malformed.
    Zip64,
    /// A directory record is malformed or carries a comment or another disk's number.
    Directory,
    /// The entries do not cover the file from its first byte to the directory exactly once.
    Tiling,
    /// A local header says something else than the directory.
    HeaderMismatch,
    /// Extra fields do not parse.
    BadExtra,
    /// A name that is unsafe or ambiguous.
    BadName,
    /// A Unicode path field (0x7075) that gives another name.
    UnicodePath,
    /// Two entries of one name.
    Duplicate,
    /// Two names that are one to systems that ignore case or Unicode form.
    Collision,
    /// One name is both a file and a folder.
    FileDirConflict,
    /// A device, pipe or link, or a folder with content.
    FileType,
    /// A method, flag or encryption that is not read.
    Unsupported,
    /// A data descriptor is missing or wrong.
    Descriptor,
    /// The container is larger, or holds more, than allowed.
    Limit,
    /// Bytes follow the end of the deflate stream.
    TrailingCompressedData,
    /// The stream ends before its last block does.
    TruncatedStream,
    /// The content is longer or shorter than stated.
    SizeMismatch,
    /// The content has another CRC-32 than stated.
    CrcMismatch,
    /// The stream is no deflate stream, or reaches before its own start.
    BadDeflate,
}

impl Rule {
    /// The rule's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eocd => "eocd",
            Self::Zip64 => "zip64",
            Self::Directory => "directory",
            Self::Tiling => "tiling",
            Self::HeaderMismatch => "header-mismatch",
            Self::BadExtra => "bad-extra",
            Self::BadName => "bad-name",
            Self::UnicodePath => "unicode-path",
            Self::Duplicate => "duplicate",
            Self::Collision => "collision",
            Self::FileDirConflict => "file-dir-conflict",
            Self::FileType => "file-type",
            Self::Unsupported => "unsupported",
            Self::Descriptor => "descriptor",
            Self::Limit => "limit",
            Self::TrailingCompressedData => "trailing-compressed-data",
            Self::TruncatedStream => "truncated-stream",
            Self::SizeMismatch => "size-mismatch",
            Self::CrcMismatch => "crc-mismatch",
            Self::BadDeflate => "bad-deflate",
        }
    }

    /// What someone can do whose container breaks the rule.
    const fn help(self) -> &'static str {
        match self {
            Self::Limit => {
                "containers of this size are refused; if the size is right, increase `wheel_limits` in `pannier.yml`, \
                otherwise split the package"
            }
            Self::Unsupported => {
                "repack it with deflate and without encryption, as `wheel unpack` and `wheel pack` do"
            }
            Self::Duplicate | Self::Collision | Self::FileDirConflict | Self::BadName => {
                "systems would unpack it differently; rename the file in the project that it is built from"
            }
            _ => {
                "it is damaged, or can be read in two ways; download it again, and if that does not help, ask its \
                publisher for a clean build"
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a container was not accepted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ZipError {
    /// The container breaks a rule: a verdict, the same every time.
    #[error("{}{detail} [{rule}]", .entry.as_ref().map(|name| format!("entry `{}`: ", name.escape_debug())).unwrap_or_default())]
    #[diagnostic(help("{}", rule.help()))]
    Refused {
        /// The entry at fault as the directory spells it (unreadable bytes replaced); `None`: the container as a whole.
        entry: Option<String>,
        /// The rule that it breaks.
        rule: Rule,
        /// What was found, in words.
        detail: String,
    },
    /// The container could not be read: no verdict.
    #[error("the container cannot be read")]
    #[diagnostic(help("its content is unknown; try again"))]
    Io(#[from] io::Error),
}

impl ZipError {
    /// The broken rule; `None` when reading failed.
    #[must_use]
    pub const fn rule(&self) -> Option<Rule> {
        match self {
            Self::Refused { rule, .. } => Some(*rule),
            Self::Io(_) => None,
        }
    }

    /// A verdict on the container as a whole.
    pub(super) fn whole(rule: Rule, detail: impl Into<String>) -> Self {
        Self::Refused {
            entry: None,
            rule,
            detail: detail.into(),
        }
    }

    /// A verdict on one entry.
    pub(super) fn entry(name: &str, rule: Rule, detail: impl Into<String>) -> Self {
        Self::Refused {
            entry: Some(name.to_owned()),
            rule,
            detail: detail.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use miette::Diagnostic;

    use super::*;

    #[test]
    fn a_refusal_names_entry_and_rule() {
        let error = ZipError::entry("a\nb", Rule::Limit, "too large");
        assert_eq!(error.to_string(), "entry `a\\nb`: too large [limit]");
        assert!(error.help().unwrap().to_string().contains("wheel_limits"));
        let error = ZipError::whole(Rule::Eocd, "no end");
        assert_eq!(error.to_string(), "no end [eocd]");
        assert!(error.help().unwrap().to_string().contains("damaged"));
    }
}
