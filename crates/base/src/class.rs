//! What kind of failure an error is. Exit codes, the fallback to a release and the gate decide by it.

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A flag, a variable, the configuration or a file that it names is wrong.
    Usage,
    /// There is no lock, or it does not fit the request.
    Stale,
    /// The lock cannot be used, whatever the request is.
    BadLock,
    /// A file or a version is not what it is compared with.
    OutOfDate,
    /// Hashes are required, and a file has none that it could be compared with.
    NoHash,
    /// Content failed verification, or does not have the hash that a line or the lock states.
    Refused,
    /// A deployment or a release is not allowed.
    NotAllowed,
    /// Everything that decides was read, and the answer is no: no versions fit together, or a package does not build.
    Unsatisfiable,
    /// An index, a repository or a package is missing, broken or does not answer.
    Upstream,
    /// A server refused the credentials, or requires some.
    Credentials,
    /// The network is needed and must not be used.
    Offline,
    /// The run was cancelled.
    Cancelled,
    /// This machine: its files, its programs, its memory.
    Machine,
}

/// An error that knows its class.
pub trait Classify {
    /// The class.
    fn class(&self) -> Class;
}
