//! Why a project is not deployed, for whoever reads it at night: what stands there, by whom, and the flag or setting that
//! changes it.

use miette::Diagnostic;

use super::model::{By, Facts, History, Kind};
use super::target::Expect;

/// Why a project is not deployed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum Refusal {
    /// It is behind production, and not known to have been there.
    #[error(
        "{} is outdated: production is already at {}{by}, which contains it{past}",
        short(to),
        short(now)
    )]
    #[diagnostic(help("{hint}"))]
    Outdated {
        /// What should be deployed.
        to: String,
        /// What is there.
        now: String,
        /// Who put it there.
        by: By,
        /// What is known of its past.
        past: String,
        /// What to do.
        hint: &'static str,
    },
    /// Something else is there than was expected.
    #[error("expected {expected}, but {found}")]
    #[diagnostic(help(
        "someone else has deployed since, and that is not overwritten: check it, then plan again with --dry-run"
    ))]
    Overtaken {
        /// What should have been there.
        expected: String,
        /// What is there, and by whom.
        found: String,
    },
    /// It is on another line of development.
    #[error(
        "production is at {}{by}, which has commits that this one lacks, and vice versa",
        short(now)
    )]
    #[diagnostic(help(
        "rebase or merge, so that no commit of production is lost; or pass --allow diverged"
    ))]
    Sidewise {
        /// What is there.
        now: String,
        /// Who put it there.
        by: By,
    },
    /// It is neither on the default branch nor the head of an open merge request.
    #[error("{}", elsewhere(default_branch, *merge_request, unknown.as_deref()))]
    #[diagnostic(help("{}", elsewhere_hint(unknown.as_deref())))]
    Elsewhere {
        /// The default branch.
        default_branch: String,
        /// A merge request whose head it is.
        merge_request: Option<u64>,
        /// Why nobody could say whether that one is open.
        unknown: Option<String>,
    },
    /// The server does not have it.
    #[error("the server has no commit {commit}")]
    #[diagnostic(help(
        "its branch was rewritten or removed: run a new pipeline and deploy its commit"
    ))]
    Vanished {
        /// Which one.
        commit: String,
    },
    /// The branch is protected and force is not allowed.
    #[error("the branch is protected and allows only fast-forwards, and this is a {}", kind.word())]
    #[diagnostic(help(
        "allow force push in Settings > Repository > Protected branches of the project (as a maintainer), or deploy a commit \
         that reverts the change"
    ))]
    NeedsForce {
        /// What kind of move.
        kind: Kind,
    },
    /// The server takes no push from us.
    #[error("{problem}")]
    #[diagnostic(help("{hint}"))]
    NoRight {
        /// What the server said of which token.
        problem: String,
        /// What is needed.
        hint: &'static str,
    },
    /// The branch is protected against us.
    #[error("{problem}")]
    #[diagnostic(help(
        "let the token's owner push to it: Settings > Repository > Protected branches of the project (as a maintainer); a \
        job token has the permissions of the user who started the job"
    ))]
    Protected {
        /// Whose token.
        problem: String,
    },
    /// The branch is the default one.
    #[error("it is the default branch of the project, which changes only by merging")]
    #[diagnostic(help("set a production branch with --branch"))]
    DefaultBranch,
}

impl Refusal {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Outdated { .. } => "outdated",
            Self::Overtaken { .. } => "overtaken",
            Self::Sidewise { .. } => "diverged",
            Self::Elsewhere { .. } => "not-merged",
            Self::Vanished { .. } => "vanished",
            Self::NeedsForce { .. } => "needs force",
            Self::NoRight { .. } => "no right",
            Self::Protected { .. } => "protected",
            Self::DefaultBranch => "default branch",
        }
    }

    pub(super) fn outdated(facts: &Facts) -> Self {
        const NEWER: &str = "if a newer pipeline was faster, there is nothing to do; pass --rollback to go back to this \
        commit";
        let (past, hint) = match &facts.history {
            History::Passed { how } => (format!("; {how}"), NEWER),
            History::Unrecorded { searched, unread } if unread.is_empty() => {
                (unrecorded(searched), NEWER)
            }
            History::Unrecorded { searched, unread } => (
                format!(
                    "{}; not searched: {}",
                    unrecorded(searched),
                    unread.join("; ")
                ),
                "if this is a rollback, pass --rollback; with a release log, or an access token that reads deployments and push \
                 events, Pannier tells a rollback from an outdated pipeline by itself",
            ),
            History::Deployed => (String::new(), NEWER),
        };
        Self::Outdated {
            to: facts.to.clone(),
            now: facts.now.clone().unwrap_or_default(),
            by: facts.by.clone(),
            past,
            hint,
        }
    }

    pub(super) fn overtaken(expect: &Expect, facts: &Facts) -> Self {
        let expected = match expect {
            Expect::Seen => "what the plan saw".to_owned(),
            Expect::Commit(commit) => short(commit).to_owned(),
            Expect::Nothing => "no branch".to_owned(),
        };
        Self::Overtaken {
            expected,
            found: found(facts.now.as_deref(), &facts.by),
        }
    }

    pub(super) fn no_right(status: u16, token: Option<&str>) -> Self {
        let problem = match token {
            Some(token) => format!("the token from {token} may not push here (answer {status})"),
            None => format!("pushing requires a token (answer {status})"),
        };
        let hint = match token {
            Some("CI_JOB_TOKEN") => {
                "a job token can only push to its own project, and only if Settings > CI/CD > Job token permissions allows \
                Git push; for other projects set PANNIER_TOKEN to an access token with scope `write_repository` and role Developer \
                 or higher"
            }
            _ => {
                "set PANNIER_TOKEN (or GITLAB_TOKEN, PRIVATE_TOKEN, netrc) to an access token with scope `write_repository` and \
                 role Developer or higher in the project"
            }
        };
        Self::NoRight { problem, hint }
    }

    pub(super) fn protected(token: Option<&str>) -> Self {
        let problem = match token {
            Some(token) => {
                format!("the branch is protected, and the token from {token} may not push to it")
            }
            None => "the branch is protected, and pushing to it requires a token".to_owned(),
        };
        Self::Protected { problem }
    }
}

/// The beginning of a commit, as people read it.
#[must_use]
pub(super) fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

/// What is on the branch, and by whom.
pub(super) fn found(now: Option<&str>, by: &By) -> String {
    match now {
        Some(now) => format!("the branch is at {}{by}", short(now)),
        None => "there is no such branch".to_owned(),
    }
}

/// That nothing tells of a commit in production. No more than that: it is no proof that it never was there.
fn unrecorded(searched: &[String]) -> String {
    match searched {
        [] => "; it is unknown whether it was in production before".to_owned(),
        _ => format!(
            "; no record of it in production (searched: {})",
            searched.join(", ")
        ),
    }
}

fn elsewhere(default: &str, merge_request: Option<u64>, unknown: Option<&str>) -> String {
    let first = format!("the commit is not on the default branch `{default}`");
    match (merge_request, unknown) {
        (Some(iid), Some(why)) => {
            format!("{first}, and it is unknown whether its merge request !{iid} is open ({why})")
        }
        (Some(iid), None) => format!("{first}, and its merge request !{iid} is not open"),
        (None, _) => format!("{first}, and no open merge request has it as its head"),
    }
}

const fn elsewhere_hint(unknown: Option<&str>) -> &'static str {
    match unknown {
        Some(_) => {
            "set a token that can read merge requests (a job token can), or pass --any-commit"
        }
        None => {
            "merge it first, deploy the newest commit of its merge request, or pass --any-commit"
        }
    }
}
