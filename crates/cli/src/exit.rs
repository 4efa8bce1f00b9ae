//! The exit codes: an interface, because pipelines branch on them. One list, shown by `pannier --help` and in the README.

use std::process::ExitCode;

use pannier_base::class::Class;

/// How a run ended, as other programs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed; the report says why.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The lock does not fit the request (`lock --check`, `prepare --locked`).
    Stale = 3,
    /// A wheel, a source or a tarball did not pass verification, or does not match a hash that a line states.
    Refused = 4,
    /// A file is not what it is made from or measured against (`renovate config --check`, `lock --strict`, `constraints convert --check`, `constraints lint`, `gate`).
    Drift = 5,
    /// The gate refuses a change of the constraints (`gate`).
    GateRefused = 6,
    /// A conflicting pipeline runs and nobody wants to wait (`guard --no-wait`).
    GuardConflict = 7,
    /// A deployment or rollback would overwrite, go back or reach where it must not (`deploy`, `rollback`).
    DeployRefused = 8,
    /// Whether a conflicting pipeline runs cannot be found out (`guard`).
    GuardFailed = 9,
    /// A newer pipeline goes first and this one gives way to it (`guard --order newest`).
    GaveWay = 10,
    /// A conflicting pipeline still runs after all the waiting (`guard`).
    GuardTimeout = 11,
}

impl Exit {
    /// Every code with its meaning, in order.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Done, "done"),
        (Self::Failed, "failed; the report says why"),
        (Self::Usage, "wrong usage or configuration"),
        (
            Self::Stale,
            "the lock does not fit the request (`lock --check`, `prepare --locked`)",
        ),
        (
            Self::Refused,
            "a wheel, a source or a tarball did not pass verification, or does not match a `--hash`",
        ),
        (
            Self::Drift,
            "drift: a file is not what it has to be (`renovate config --check`, `lock --strict`, `constraints convert --check`, `constraints lint`, `gate`)",
        ),
        (
            Self::GateRefused,
            "the gate refuses a change of the constraints (`gate`)",
        ),
        (
            Self::GuardConflict,
            "a conflicting pipeline runs (`guard --no-wait`)",
        ),
        (
            Self::DeployRefused,
            "a deployment is refused: outdated, overtaken or not allowed (`deploy`, `rollback`)",
        ),
        (
            Self::GuardFailed,
            "whether a conflicting pipeline runs cannot be found out (`guard`)",
        ),
        (
            Self::GaveWay,
            "a newer pipeline goes first (`guard --order newest`)",
        ),
        (
            Self::GuardTimeout,
            "a conflicting pipeline still runs after all the waiting (`guard`)",
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
        let rows = Self::ALL.map(|(exit, meaning)| format!("  {}  {meaning}\n", exit.code()));
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
