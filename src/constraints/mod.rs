//! Constraints files: bounds on versions that never add a package. (stub: owner = config helper)

use std::path::PathBuf;

use pep508_rs::{Requirement, VerbatimUrl};

/// One constraint and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintLine {
    /// The constraint (PEP 508).
    pub requirement: Requirement<VerbatimUrl>,
    /// File that holds it.
    pub file: PathBuf,
    /// Its line there, from 1.
    pub line: usize,
}
