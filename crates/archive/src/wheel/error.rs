//! Why a wheel is refused: which wheel, which entry, which rule.
//!
//! Refuses to mix verdicts with accidents: a file that cannot be read is not a bad wheel.

use std::io;

use super::data::DataError;
use super::entry_points::EntryPointError;
use super::metadata::MetadataError;
use super::record::RecordError;
use super::wheel_file::WheelFileError;
use crate::zip::{Rule, ZipError};

/// Why a wheel is refused, or could not be looked at.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WheelError {
    /// The ZIP container breaks a rule.
    #[error("the wheel {wheel} is refused: its ZIP container is not valid")]
    #[diagnostic(help(
        "nothing of it was used; download it again, or use another version or file of the package"
    ))]
    Container {
        /// File name of the wheel.
        wheel: String,
        /// Entry and rule.
        #[source]
        source: ZipError,
    },
    /// `RECORD` and the files disagree.
    #[error("the wheel {wheel} is refused: {entry} does not match its files [record]")]
    #[diagnostic(help(
        "it was changed after the build, or built by a broken tool: use another version or file of the package"
    ))]
    Record {
        /// File name of the wheel.
        wheel: String,
        /// Path of `RECORD`.
        entry: String,
        /// What disagrees.
        #[source]
        source: RecordError,
    },
    /// `WHEEL`, `METADATA` or the `.dist-info` folder is wrong.
    #[error("the wheel {wheel} is refused: its metadata in {entry} is wrong [wheel-metadata]")]
    #[diagnostic(help("use another version or file of the package, or report it to its authors"))]
    Metadata {
        /// File name of the wheel.
        wheel: String,
        /// Path in the wheel.
        entry: String,
        /// What is wrong.
        #[source]
        source: MetadataProblem,
    },
    /// `entry_points.txt` would write a program that it must not.
    #[error(
        "the wheel {wheel} is refused: {entry} declares a program that is not allowed [entry-point]"
    )]
    #[diagnostic(help("use another version of the package, or report it to its authors"))]
    EntryPoint {
        /// File name of the wheel.
        wheel: String,
        /// Path in the wheel.
        entry: String,
        /// Which one and why.
        #[source]
        source: EntryPointError,
    },
    /// A file of the `.data` folder would go where it must not.
    #[error(
        "the wheel {wheel} is refused: {entry} would be installed in a forbidden place [{}]",
        source.code()
    )]
    #[diagnostic(help("use another version of the package, or report it to its authors"))]
    Data {
        /// File name of the wheel.
        wheel: String,
        /// Path in the wheel.
        entry: String,
        /// Which rule.
        #[source]
        source: DataError,
    },
    /// Reading or writing failed: no verdict.
    #[error("cannot read the wheel {wheel}, or write the one made from it")]
    #[diagnostic(help("see the cause; the wheel itself may be valid"))]
    Io {
        /// File name of the wheel.
        wheel: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// What is wrong with a wheel's metadata.
#[derive(Debug, thiserror::Error)]
pub enum MetadataProblem {
    /// No `.dist-info` folder.
    #[error("it has no `.dist-info` folder at its top")]
    NoDistInfo,
    /// Two `.dist-info` folders.
    #[error("it has two `.dist-info` folders at its top, the other one is `{other}`")]
    TwoDistInfo {
        /// The other one.
        other: String,
    },
    /// The folder's name is another project's.
    #[error("the name of the folder is not `{expected}`, as in the file name")]
    Folder {
        /// Name and version of the file name.
        expected: String,
    },
    /// A second `.data` folder.
    #[error("there are two `.data` folders, the other one is `{other}`")]
    TwoData {
        /// The other one.
        other: String,
    },
    /// A file that every wheel has is missing.
    #[error("it is missing")]
    Missing,
    /// A file of metadata that is no such thing by its length.
    #[error("it has {size} bytes, more than the limit of {limit}")]
    TooLong {
        /// Its length.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// `WHEEL` is wrong.
    #[error(transparent)]
    Wheel(#[from] WheelFileError),
    /// `METADATA` is wrong.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The index lists other metadata.
    #[error(
        "it differs from the metadata that the index lists: line {line} is {own}, the index has {listed}"
    )]
    Listed {
        /// Counted from 1.
        line: usize,
        /// What the index has there.
        listed: String,
        /// What the wheel has there.
        own: String,
    },
    /// Something that installers take for the metadata of a package, and that is not the wheel's own.
    #[error("the only metadata of installed packages that it may contain is `{own}`")]
    Foreign {
        /// The folder that is its own.
        own: String,
    },
    /// A file that the installer writes, in another spelling or as a folder.
    #[error("installers write `{name}` there")]
    Installers {
        /// The file.
        name: &'static str,
    },
    /// `METADATA` and file name disagree.
    #[error("{field} is `{found}`, but the file name has `{expected}`")]
    Disagrees {
        /// `Name` or `Version`.
        field: &'static str,
        /// As `METADATA` has it.
        found: String,
        /// As the file name has it.
        expected: String,
    },
}

impl WheelError {
    /// The rule that is broken, as documented; `io` where it is no verdict.
    #[must_use]
    pub fn rule_name(&self) -> &'static str {
        match self {
            Self::Container { source, .. } => source.rule().map_or("io", Rule::code),
            Self::Record { .. } => "record",
            Self::Metadata { .. } => "wheel-metadata",
            Self::EntryPoint { .. } => "entry-point",
            Self::Data { source, .. } => source.code(),
            Self::Io { .. } => "io",
        }
    }

    /// Whether the wheel was looked at and found bad, rather than not readable.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        self.rule_name() != "io"
    }
}
