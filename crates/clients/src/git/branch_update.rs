//! Moving a branch to another commit, forwards, backwards and sidewise, as long as it is where it was seen last.
//!
//! Our side forces, the server's side compares and swaps: what someone else has put there meanwhile is never lost. When a
//! connection breaks, what the server has afterwards decides. Refuses to run on when nobody can say what it has.

use std::cell::{Cell, RefCell};

use git2::{ErrorCode, Oid, PushOptions, RemoteCallbacks, Repository};

use super::error::GitError;
use super::mirror::{Wanted, address, advertised};
use super::model::Git;
use super::{Heads, parse, transport};
use crate::http::{Fault, HttpError};
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

/// A move of one branch. Commits have 40 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchMove<'a> {
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Where it is; `None`: there is no such branch.
    pub from: Option<&'a str>,
    /// Where it is to be; `None`: it is to be removed.
    pub to: Option<&'a str>,
}

/// How a move ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// The branch is where it should be.
    Done,
    /// Someone else moved it before; nothing was changed.
    Stale {
        /// Where it is now; `None`: there is no such branch.
        found: Option<String>,
    },
    /// The server does not want it; nothing was changed.
    Refused(Refusal),
}

/// Why a server did not move a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What sort of reason it is.
    pub kind: RefusalKind,
    /// The server's words, in one line, without credentials.
    pub said: String,
}

/// What sort of reason a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalKind {
    /// The branch is protected, and the user may not push to it.
    Protected,
    /// The branch may only be moved forwards.
    NoForce,
    /// The user may not push to this repository at all.
    NoRight,
    /// Something else: most often a hook or a push rule.
    Other,
}

impl Git {
    /// Moves a branch that is at `from`. The commits have to be in the mirror already, as [`Self::compare`] leaves them.
    ///
    /// A push that broke off is sent again as long as the branch is still where it was: the second one cannot do harm, and
    /// nothing else ends the doubt whether the first one is yet to arrive.
    ///
    /// # Errors
    /// [`GitError`] when nobody knows how it ended, or nothing was sent.
    pub fn move_branch(
        &self,
        repository: &SafeUrl,
        heads: &Heads,
        step: BranchMove<'_>,
    ) -> Result<Moved, GitError> {
        let id = |commit: &str| parse(repository, commit);
        let from = step.from.map(id).transpose()?;
        let to = step.to.map(id).transpose()?;
        let commits: Vec<Oid> = to.into_iter().collect();
        let wanted = Wanted::Histories {
            commits: &commits,
            advertised: &heads.advertised,
        };
        let reference = format!("refs/heads/{}", step.branch);
        self.mirror(repository).with(wanted, |mirror| {
            let push = Push {
                git: self,
                repository,
                reference: &reference,
                from,
                to,
            };
            let settled = self.client.repeat(|| push.settle(mirror));
            settled.map_err(|Broken(error)| error)
        })
    }
}

/// A push whose connection broke before anyone could say how it ended.
struct Broken(GitError);

impl Fault for Broken {
    fn may_pass(&self) -> bool {
        match &self.0 {
            GitError::Http { source, .. } => match source {
                HttpError::Connection { .. }
                | HttpError::Truncated { .. }
                | HttpError::Slow { .. } => true,
                HttpError::Status { status, .. } => *status == 429 || *status >= 500,
                _ => false,
            },
            _ => false,
        }
    }
}

struct Push<'a> {
    git: &'a Git,
    repository: &'a SafeUrl,
    reference: &'a str,
    from: Option<Oid>,
    to: Option<Oid>,
}

impl Push<'_> {
    /// One push, and what it led to.
    fn settle(&self, mirror: &Repository) -> Result<Moved, Broken> {
        let (pushed, said) = self.send(mirror);
        let refused = match pushed {
            Ok(None) => return Ok(Moved::Done),
            Ok(Some(reason)) => Ok(refusal(&said, &reason)),
            Err(error) => match error.no_right() {
                Some(status) => Ok(Refusal {
                    kind: RefusalKind::NoRight,
                    said: format!("it answered {status}"),
                }),
                None => Err(error),
            },
        };
        // What the server has is the truth, whatever was answered.
        let tip = self.tip();
        match (refused, tip) {
            (Err(_), Ok(tip)) if tip == self.to => Ok(Moved::Done),
            (_, Ok(tip)) if tip != self.from => Ok(Moved::Stale {
                found: tip.map(|oid| oid.to_string()),
            }),
            (Ok(refusal), _) => Ok(Moved::Refused(refusal)),
            (Err(error), _) => Err(Broken(error)),
        }
    }

    fn tip(&self) -> Result<Option<Oid>, GitError> {
        let all = advertised(self.git.network(), self.repository)?;
        let ours = all.iter().find(|it| it.name == self.reference);
        Ok(ours.map(|it| it.oid))
    }

    /// Sends the update; returns why the server refuses it, if it does, and its other messages.
    fn send(&self, mirror: &Repository) -> (Result<Option<String>, GitError>, String) {
        let refused: Cell<Option<String>> = Cell::new(None);
        let said: RefCell<Vec<u8>> = RefCell::default();
        let source = self.to.map(|to| format!("+{to}")).unwrap_or_default();
        let spec = format!("{source}:{}", self.reference);
        let pushed = transport::pushing(self.git.network(), self.repository, || {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_negotiation(|updates| {
                let expected = self.from.unwrap_or(Oid::ZERO_SHA1);
                match updates.iter().all(|update| update.src() == expected) {
                    true => Ok(()),
                    false => {
                        refused.set(Some("it has moved".to_owned()));
                        Err(git2::Error::from_str("the branch has moved"))
                    }
                }
            });
            callbacks.push_update_reference(|_, reason| {
                refused.set(reason.map(str::to_owned));
                Ok(())
            });
            callbacks.sideband_progress(|bytes| {
                said.borrow_mut().extend_from_slice(bytes);
                true
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            let mut remote = mirror.remote_anonymous(&address(self.repository))?;
            remote.push(&[spec.as_str()], Some(&mut options))
        });
        let said = String::from_utf8_lossy(&said.into_inner()).into_owned();
        let pushed = match (pushed, refused.take()) {
            (_, Some(reason)) => Ok(Some(reason)),
            (Err(GitError::Library { source, .. }), None)
                if source.code() == ErrorCode::NotFastForward =>
            {
                Ok(Some("non-fast-forward".to_owned()))
            }
            (pushed, None) => pushed.map(|()| None),
        };
        (pushed, said)
    }
}

/// What a server means by its words: those of GitLab's access checks and of git itself.
fn refusal(said: &str, reason: &str) -> Refusal {
    let words = |text: &str| {
        let text = scrub(text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let spoken: Vec<String> = said
        .lines()
        .map(words)
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .collect();
    let text = format!("{} {reason}", spoken.join(" ")).to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let kind = if has(&["force push", "force-push", "non-fast-forward"]) {
        RefusalKind::NoForce
    } else if has(&["protected branch", "deletion prohibited"]) {
        RefusalKind::Protected
    } else if has(&["not allowed to push", "denied", "read-only", "read only"]) {
        RefusalKind::NoRight
    } else {
        RefusalKind::Other
    };
    let mut said: String = match spoken.is_empty() {
        true => words(reason),
        false => spoken.join(" "),
    };
    if let Some((end, _)) = said.char_indices().nth(300) {
        said.truncate(end);
        said.push('…');
    }
    Refusal { kind, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_servers_are_understood() {
        let declined = "pre-receive hook declined";
        let cases = [
            (
                "GitLab: You are not allowed to force push code to a protected branch on this project.\n",
                declined,
                RefusalKind::NoForce,
            ),
            (
                "GitLab: You are not allowed to push code to protected branches on this project.\n",
                declined,
                RefusalKind::Protected,
            ),
            (
                "GitLab: You are not allowed to push code to this project.",
                declined,
                RefusalKind::NoRight,
            ),
            ("", "non-fast-forward", RefusalKind::NoForce),
            ("", "deletion prohibited", RefusalKind::Protected),
            ("", "hook declined", RefusalKind::Other),
            (
                "GitLab: Commit message does not follow the pattern\n",
                declined,
                RefusalKind::Other,
            ),
        ];
        for (said, reason, kind) in cases {
            assert_eq!(refusal(said, reason).kind, kind, "{said} {reason}");
        }
    }

    #[test]
    fn the_words_are_shown_in_one_line_without_credentials() {
        let shown = |said: &str, reason: &str| refusal(said, reason).said;
        assert_eq!(
            shown(
                "\nGitLab: no:\r\n  see https://u:s3cr3t@h/x\n===\n",
                "declined"
            ),
            "GitLab: no: see https://****@h/x"
        );
        assert_eq!(shown("====\n", "hook declined"), "hook declined");
        assert_eq!(shown(&"a".repeat(900), "").chars().count(), 301);
    }
}
