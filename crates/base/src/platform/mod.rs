//! What decides which wheels an image can use: Python version, implementation and platform.
//!
//! A target is described, never probed: nothing here looks at the machine it runs on.

mod machine;
mod markers;
mod python;
mod tags;

use serde::{Deserialize, Serialize};

pub use machine::{Arch, Libc, Platform, PlatformError};
pub use markers::{MarkerError, evaluate, parse_marker};
pub use python::{PythonVersion, PythonVersionError};
pub use tags::Tag;

/// The Python (CPython) and the platform of one image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Version of CPython; whether it is free-threaded.
    pub python: PythonVersion,
    /// Processor architecture and C library.
    pub platform: Platform,
}
