//! What kind of failure an error is. Exit codes, the fallback to a release and the gate decide by it.

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A flag, a variable, the configuration or a file that it names is wrong.
    Usage,
    /// There is no lock, or it does not fit the request.
    Stale,
    /// A file or a version is not what it is compared with.
    OutOfDate,
    /// Bytes from elsewhere failed verification.
    Refused,
    /// A deployment, or a release, that must not be.
    NotAllowed,
    /// Everything else: an index, a repository, a package, this machine.
    Failed,
}

/// An error that knows its class.
pub trait Classify {
    /// The class.
    fn class(&self) -> Class;
}
