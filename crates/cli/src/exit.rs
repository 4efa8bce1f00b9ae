//! The exit codes: an interface, because pipelines branch on them. `pannier --help` shows them, docs/exit-codes.md explains them.

use std::process::ExitCode;

use pannier_base::class::Class;

/// How a run ended, as other programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed; the error says why. Never a finding.
    Failed = 1,
    /// Invalid arguments or configuration.
    Usage = 2,
    /// The lock does not match the request (`lock --check`, `prepare --locked`).
    Stale = 3,
    /// A wheel, source or tarball failed verification, or does not match a `--hash`.
    Refused = 4,
    /// A generated or checked file is out of date (`renovate config --check`, `lock --strict`, `constraints convert --check`, `constraints lint`, `gate`).
    Drift = 5,
    /// A change of the constraints is refused (`gate`).
    GateRefused = 6,
    /// A conflicting pipeline is running (`guard --no-wait`).
    GuardConflict = 7,
    /// A deployment is refused (`deploy`, `rollback`, `release record`).
    DeployRefused = 8,
    /// Cannot tell whether a conflicting pipeline is running (`guard`).
    GuardFailed = 9,
    /// A newer pipeline goes first (`guard --order newest`, `guard --cancel older`).
    GaveWay = 10,
    /// A conflicting pipeline is still running after the timeout (`guard`).
    GuardTimeout = 11,
}

impl Exit {
    /// Every code with its meaning, in order.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Done, "done"),
        (Self::Failed, "failed; the error says why"),
        (Self::Usage, "invalid arguments or configuration"),
        (
            Self::Stale,
            "the lock does not match the request (`lock --check`, `prepare --locked`)",
        ),
        (
            Self::Refused,
            "a wheel, source or tarball failed verification, or does not match a `--hash`",
        ),
        (
            Self::Drift,
            "out of date: a file does not match its source (`constraints convert --check`, `constraints lint`, `gate`, `lock --strict`, `renovate config --check`)",
        ),
        (
            Self::GateRefused,
            "a change of the constraints is refused (`gate`)",
        ),
        (
            Self::GuardConflict,
            "a conflicting pipeline is running (`guard --no-wait`)",
        ),
        (
            Self::DeployRefused,
            "a deployment is refused: outdated, overtaken, or not allowed (`deploy`, `rollback`, `release record`)",
        ),
        (
            Self::GuardFailed,
            "cannot tell whether a conflicting pipeline is running (`guard`)",
        ),
        (
            Self::GaveWay,
            "a newer pipeline goes first (`guard --order newest`, `guard --cancel older`)",
        ),
        (
            Self::GuardTimeout,
            "a conflicting pipeline is still running after the timeout (`guard`)",
        ),
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The list as the help shows it.
    #[must_use]
    pub fn help() -> String {
        let rows = Self::ALL.map(|(exit, meaning)| format!("  {:>2}  {meaning}\n", exit.code()));
        format!("Exit codes:\n{}", rows.concat())
    }
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Usage => Self::Usage,
            Class::Stale => Self::Stale,
            Class::OutOfDate => Self::Drift,
            Class::Refused | Class::NoHash => Self::Refused,
            Class::NotAllowed => Self::DeployRefused,
            Class::BadLock
            | Class::Unsatisfiable
            | Class::Upstream
            | Class::Credentials
            | Class::Offline
            | Class::Cancelled
            | Class::Machine => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert!(codes.into_iter().eq(0..12));
    }
}
