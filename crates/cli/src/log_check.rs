//! The comparison of the release log with the production branches, for a command that goes on whatever it finds.

use pannier_core::deploy::Compared;
use pannier_core::release::ReleaseError;
use pannier_core::session::LogCheck as Check;

use super::context::Context;

/// See [`Check`].
pub(super) struct LogCheck;

impl LogCheck {
    /// Warns of what a command that only reads has found.
    pub(super) fn read_only(compared: Result<Compared, ReleaseError>, context: &Context) -> Check {
        compared.map_or_else(
            |error| {
                let message =
                    format!("the release log cannot be compared with the branches: {error}");
                context.reporter().warn(message, None);
                Check::default()
            },
            |compared| Check::report(&compared, false, context.reporter()),
        )
    }
}
