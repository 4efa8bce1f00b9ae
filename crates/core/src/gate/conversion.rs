//! Whether the converted constraints are what the constraints convert to now.

use std::io;
use std::path::Path;

use similar::TextDiff;

use crate::constraints::{BytesReader, convert};

/// What became of the converted constraints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// They are those of now.
    Fits,
    /// They differ or are missing; the differences, and the command that fixes it.
    Drifted(String),
    /// The constraints cannot be converted; why.
    Impossible(String),
}

/// Compares the file `converted` with what `file` converts to. Both are named as `read` takes them.
pub fn conversion(file: &Path, converted: &Path, read: &BytesReader<'_>) -> Conversion {
    let folder = converted.parent().unwrap_or(Path::new(""));
    let now = match convert(file, folder, read) {
        Ok(now) => now.yaml,
        Err(error) => return Conversion::Impossible(super::error_class::told(&error)),
    };
    let fix = format!(
        "run `pannier constraints convert {} -o {}` and commit the file",
        file.display(),
        converted.display()
    );
    let found = match read(converted) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Conversion::Drifted(format!("there is no {}: {fix}", converted.display()));
        }
        Err(error) => {
            return Conversion::Impossible(format!("cannot read {}: {error}", converted.display()));
        }
    };
    if found == now {
        return Conversion::Fits;
    }
    let diff = TextDiff::from_lines(&found, &now);
    let shown = diff.unified_diff().context_radius(1).to_string();
    Conversion::Drifted(format!(
        "{} is not what {} converts to: {fix}\n{}",
        converted.display(),
        file.display(),
        pannier_base::secret::scrub(shown.trim_end())
    ))
}
