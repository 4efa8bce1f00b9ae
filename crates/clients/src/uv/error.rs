//! What goes wrong at the door to uv.
//!
//! uv's own explanations are kept, without credentials; nothing here decides what to do about them.

use std::io;
use std::path::PathBuf;

use pannier_base::class::{Class, Classify};

use super::version::{MINIMUM_VERSION, PINNED_VERSION};

/// What went wrong with uv.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UvError {
    /// There is no uv, and none could be fetched.
    #[error("uv {MINIMUM_VERSION} or newer is not available: {}", .tried.join("; "))]
    #[diagnostic(help(
        "install uv (`pip install uv`), set PANNIER_UV to its path, or set `index.url` to an index \
         that has the wheel of uv {PINNED_VERSION}"
    ))]
    NotFound {
        /// Where it was looked for and what was found there.
        tried: Vec<String>,
        /// Why it could not be fetched.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What PANNIER_UV names is no usable uv.
    #[error("PANNIER_UV is `{}`, which is not usable: {problem}", .program.display())]
    #[diagnostic(help("set PANNIER_UV to a uv {MINIMUM_VERSION} or newer, or unset it"))]
    Named {
        /// The path as it was given.
        program: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// uv could not be started.
    #[error("cannot start `{}`", .program.display())]
    #[diagnostic(help("check that the file is an executable for this machine"))]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// uv ran and said no.
    #[error("uv could not {task}:\n{explanation}")]
    Failed {
        /// What it was to do.
        task: String,
        /// Its own words, without credentials.
        explanation: String,
    },
    /// uv said yes, but what it left is not what was asked for.
    #[error("uv failed to {task}: {problem}")]
    #[diagnostic(help("Pannier does not know this version of uv; try uv {PINNED_VERSION}"))]
    Unexpected {
        /// What it was to do.
        task: String,
        /// What is odd.
        problem: String,
    },
    /// What adds the credentials of indexes could not be started.
    #[error("cannot start the loopback server for indexes with credentials (`{}`)", .path.display())]
    #[diagnostic(help(
        "check that the store's folder is writable and that this machine can listen on 127.0.0.1"
    ))]
    Relay {
        /// The file with its address.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file for uv could not be written or read.
    #[error("`{}` could not be {action}", .path.display())]
    #[diagnostic(help("check the free space and the permissions of the folder"))]
    File {
        /// `written` or `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Words by which uv says that it was kept from looking: what follows about versions then means nothing.
const KEPT_FROM_LOOKING: [&str; 8] = [
    "could not be queried due to a lack of valid authentication",
    "returned a 403 Forbidden",
    "returned a 401 Unauthorized",
    "the network was disabled",
    "not found in the cache",
    "Failed to fetch",
    "error sending request",
    "HTTP status",
];

impl Classify for UvError {
    fn class(&self) -> Class {
        match self {
            Self::Failed { .. } if self.is_hash_refusal() => Class::Refused,
            Self::Failed { .. } if self.is_unsatisfiable() => Class::Unsatisfiable,
            // Where there is no uv, it comes from an index.
            Self::Failed { .. } | Self::NotFound { .. } => Class::Upstream,
            Self::Named { .. }
            | Self::Start { .. }
            | Self::Unexpected { .. }
            | Self::Relay { .. }
            | Self::File { .. } => Class::Machine,
        }
    }
}

impl UvError {
    /// Whether uv looked at everything and no set of versions meets what was asked: an answer, not a failure. That a server
    /// refused to answer is not one, although uv words it alike.
    pub(super) fn is_unsatisfiable(&self) -> bool {
        match self {
            // A build's own resolution fails behind the words that say what was built.
            Self::Failed { explanation, .. } => {
                explanation.contains("No solution found") && !self.was_kept_from_looking()
            }
            _ => false,
        }
    }

    /// Whether uv says that a server or a setting kept it from what it needed.
    #[must_use]
    pub fn was_kept_from_looking(&self) -> bool {
        match self {
            Self::Failed { explanation, .. } => KEPT_FROM_LOOKING
                .iter()
                .any(|words| explanation.contains(words)),
            _ => false,
        }
    }

    /// Whether uv refused a file because of its hash, or because nobody stated one.
    fn is_hash_refusal(&self) -> bool {
        const WORDS: [&str; 2] = ["Hash mismatch for", "Hash-checking is "];
        match self {
            Self::Failed { explanation, .. } => {
                WORDS.iter().any(|words| explanation.contains(words))
            }
            _ => false,
        }
    }

    /// Whether uv would have to build a source archive that it was told not to build.
    #[must_use]
    pub fn is_about_source_alone(&self) -> bool {
        match self {
            Self::Failed { explanation, .. } => {
                explanation.contains("building from source is disabled")
                    || (explanation.contains("Building source distributions for")
                        && explanation.contains("is disabled"))
            }
            _ => false,
        }
    }

    /// Names that uv says the index does not have.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        const WORDS: &str = " was not found in the package registry";
        let Self::Failed { explanation, .. } = self else {
            return Vec::new();
        };
        let ends = explanation
            .match_indices(WORDS)
            .map(|(at, _)| &explanation[..at]);
        ends.filter_map(|before| before.rsplit(' ').next())
            .map(|name| name.trim_matches('`').to_owned())
            .collect()
    }

    /// A file that could not be `action` (written, read).
    pub(super) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(explanation: &str) -> UvError {
        UvError::Failed {
            task: "resolve".to_owned(),
            explanation: explanation.to_owned(),
        }
    }

    #[test]
    fn only_what_was_looked_at_is_unsatisfiable() {
        let collision = "No solution found when resolving dependencies\n  cause: Because a>=2 depends on b>=2 and b==1, …";
        assert!(failed(collision).is_unsatisfiable());
        for hint in [
            "hint: An index URL (http://127.0.0.1/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)",
            "hint: An index (http://127.0.0.1/) returned a 403 Forbidden error.",
            "hint: Packages were unavailable because the network was disabled.",
        ] {
            assert!(!failed(&format!("{collision}\n\n{hint}")).is_unsatisfiable());
        }
        let dead = "Failed to fetch: http://127.0.0.1:9/simple/a/\n  cause: Connection refused";
        assert!(!failed(dead).is_unsatisfiable());
    }

    #[test]
    fn files_that_uv_refuses_for_their_hashes_are_known() {
        let mismatch = "Failed to build `p`\n  cause: Failed to download `good==1.0`\n  cause: Hash mismatch for `good==1.0`\n\n         Expected:";
        let missing = "Failed to build `p`\n  cause: No solution found when resolving: `good`\n  cause: Hash-checking is required, but no trusted hash was provided for: `good`";
        assert!(failed(mismatch).is_hash_refusal() && failed(missing).is_hash_refusal());
        assert!(!failed("No solution found").is_hash_refusal());
        let wheels = "Because a==1.0 has no usable wheels, …\n\nhint: Wheels are required for `a` because building from source is disabled for all packages";
        let url = "Failed to download and build `a @ https://example.org/a.tar.gz`\n  cause: Building source distributions for `a` is disabled";
        assert!(failed(wheels).is_about_source_alone() && failed(url).is_about_source_alone());
        assert!(!failed(missing).is_about_source_alone());
    }

    #[test]
    fn names_that_the_index_does_not_have_are_known() {
        let text = "No solution found\n  cause: Because b was not found in the package registry and a depends on b, \
                    and because c-d was not found in the package registry, …";
        assert_eq!(failed(text).missing(), ["b", "c-d"]);
        assert!(failed("No solution found").missing().is_empty());
    }
}
