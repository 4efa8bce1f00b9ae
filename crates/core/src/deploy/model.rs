//! What is known of one project, and what kind of move it is: the values that the rest of deployments is about.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What kind of move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MoveKind")]
pub enum Kind {
    /// The branch is there already.
    Nothing,
    /// The branch is made.
    First,
    /// To a commit that has all that is there.
    Forward,
    /// To what was there before, or openly back.
    Rollback,
    /// To a commit that has diverged from production.
    #[serde(rename = "diverged")]
    Sidewise,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::First => "first",
            Self::Forward => "forward",
            Self::Rollback => "rollback",
            Self::Sidewise => "diverged",
        }
    }
}

/// How what is to be deployed stands to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is there.
    Same,
    /// Nothing is there.
    First,
    /// It has all that is there, and more.
    Ahead,
    /// It lacks something of what is there, and has nothing more.
    Behind,
    /// Each has what the other lacks.
    Diverged {
        /// The merge request whose head is there and whose squashed or rebased form the other one has: nothing is lost.
        merged: Option<u64>,
    },
    /// The server does not have it.
    Vanished,
}

/// Where what is to be deployed comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The default branch has it.
    DefaultBranch,
    /// It is the head of this open merge request.
    OpenMergeRequest(u64),
    /// Neither is so; `Some`: it is the head of this one, which is not open.
    Elsewhere(Option<u64>),
    /// It is the head of this merge request, but nobody could say whether that is open.
    Unknown {
        /// Its number.
        iid: u64,
        /// Why not.
        why: String,
    },
}

/// What is known of whether a commit was in production before. That it never was is beyond knowing: branches are also pushed
/// by hand, and no server remembers everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// It was.
    Deployed,
    /// It was or may have been, but nobody let it stay: it was taken back, or its deployment was interrupted.
    Passed {
        /// What is known of it.
        how: String,
    },
    /// Nothing tells of it.
    Unrecorded {
        /// Where that was looked up.
        searched: Vec<String>,
        /// What could not be read, and why not.
        unread: Vec<String>,
    },
}

impl Default for History {
    /// Nothing was looked up.
    fn default() -> Self {
        Self::Unrecorded {
            searched: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// Whether we may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// As far as anybody can say before it is tried.
    Yes,
    /// The server takes no push from us: with this status, for the token from there.
    Repository {
        /// 401, 403 or 404.
        status: u16,
        /// Where the token was found; `None`: there is none.
        token: Option<String>,
    },
    /// The branch is protected against us.
    Branch {
        /// Where the token was found; `None`: there is none.
        token: Option<String>,
    },
}

/// Whether the branch may be moved other than forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It may.
    Allowed,
    /// It is protected and force is not allowed.
    Forbidden,
    /// Nobody could say: the server will.
    Unknown,
}

/// What is known of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Where the branch is; `None`: there is none.
    pub now: Option<String>,
    /// Where it is to be.
    pub to: String,
    /// Whether the branch is the repository's default one.
    pub is_default_branch: bool,
    /// How the two commits stand to one another.
    pub relation: Relation,
    /// Where the new one comes from.
    pub origin: Origin,
    /// What is known of whether it was there before.
    pub history: History,
    /// Whether we may push.
    pub right: Right,
    /// Whether we may force.
    pub force: Force,
    /// Who put there what is there.
    pub by: By,
    /// The default branch's name, for messages.
    pub default_branch: String,
}

/// Who put something where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct By {
    /// The login, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The page of the pipeline or job that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(who) = &self.who else {
            return f.write_str(" (by an unknown user)");
        };
        write!(f, " (by {who}")?;
        for more in [&self.at, &self.page].into_iter().flatten() {
            write!(f, ", {more}")?;
        }
        f.write_str(")")
    }
}
