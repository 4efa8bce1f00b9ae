//! Which constraints file a command works on, and how it is converted.

use std::path::{Path, PathBuf};

use pannier_core::renovate;

use super::super::context::Context;
use super::super::report::Failure;

/// The constraints file that is meant: the named one, else that of pannier.yml, else the standard one.
pub(super) fn file(named: Option<&PathBuf>, context: &Context) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let configured = crate::renovate::configured(context)?;
    let path = configured.unwrap_or_else(|| renovate::CONSTRAINTS.to_owned());
    Ok(PathBuf::from(path))
}

/// The command that converts the file, as a shell takes it.
pub(super) fn convert_command(input: &Path, output: &Path) -> String {
    let flow = renovate::Flow {
        constraints: input.display().to_string(),
        converted: output.display().to_string(),
        timezone: String::new(),
        uv_pins: Vec::new(),
        groups: Vec::new(),
    };
    flow.command()
}
