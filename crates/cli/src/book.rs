//! What `pannier prepare --fallback` needs of the release log.

use pannier_core::release::{ReleaseError, Stamp};

use super::context::Context;
use super::release_log;

pub(super) use release_log::channel;

/// The error when no release log is configured.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{}", ReleaseError::NotConfigured)]
#[diagnostic(help("{}", miette::Diagnostic::help(&ReleaseError::NotConfigured).map(|help| help.to_string()).unwrap_or_default()))]
pub(super) struct NoBook;

/// Who writes now, and why.
pub(super) fn stamp(context: &Context, reason: Option<&str>) -> Stamp {
    context.run().stamp(reason)
}
