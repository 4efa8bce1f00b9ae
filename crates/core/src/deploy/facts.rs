//! Gathers what is known of one project: from its repository by git, from the API where a token lets us, from the log.
//!
//! Asks only what the judgement can depend on: a project that is where it should be costs one request. What the API does not
//! tell becomes a note, never a guess.

use jiff::Timestamp;

use super::history::{self, Past, Place};
use super::judge::needs_force;
use super::model::{By, Facts, Force, History, Origin, Relation, Right};
use super::report::Contained;
use super::target::{DeployTarget, Rules};
use crate::release::LogFiles;
use pannier_clients::git::{Comparison, Ends, Git, GitError, Heads};
use pannier_clients::gitlab::{Gitlab, MergeRequest, ProjectRef};
use pannier_clients::http::CredentialEntries;

/// Up to how many commits their merge requests are asked for: beyond, nobody would read them, and it takes many requests.
const MANY: usize = 2000;

/// The services that a deployment goes through.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a> {
    /// To repositories.
    pub git: &'a Git,
    /// To the API, where there is a token for it.
    pub gitlab: Option<&'a Gitlab>,
    /// The release log as it is, where the team has one.
    pub log: Option<&'a LogFiles>,
    /// What [`Self::git`] uses, to say whose token does not suffice.
    pub credentials: &'a CredentialEntries,
}

/// What was found out about a project.
pub(super) struct Gathered {
    pub facts: Facts,
    pub heads: Heads,
    pub comparison: Option<Comparison>,
    pub contained: Contained,
    pub notes: Vec<String>,
}

/// One project that is being looked into.
struct Look<'a> {
    services: &'a Services<'a>,
    target: &'a DeployTarget,
    rules: &'a Rules,
    /// The project by the API, where this GitLab has it.
    api: Option<(&'a Gitlab, ProjectRef)>,
    notes: Vec<String>,
    /// The merge requests that were merged since the older of the two commits, asked for once.
    merged: Option<Result<Vec<MergeRequest>, String>>,
}

/// Looks into one project.
pub(super) fn gather(
    services: &Services<'_>,
    target: &DeployTarget,
    rules: &Rules,
) -> Result<Gathered, GitError> {
    let git = services.git;
    let heads = git.heads(&target.repository)?;
    let now = heads.branch(&rules.branch);
    let to = git.resolve_among(&heads, &target.repository, &target.to)?;
    let default = heads.default_branch().unwrap_or_default().to_owned();
    let api = services.gitlab.and_then(|gitlab| {
        let project = gitlab.project_at(&target.repository)?;
        Some((gitlab, project))
    });
    let mut look = Look {
        services,
        target,
        rules,
        api,
        notes: Vec::new(),
        merged: None,
    };
    let mut facts = Facts {
        is_default_branch: default == rules.branch,
        relation: Relation::Same,
        origin: Origin::DefaultBranch,
        history: History::default(),
        right: Right::Yes,
        force: Force::Unknown,
        by: By::default(),
        default_branch: default,
        now,
        to,
    };
    let mut comparison = None;
    if facts.now.as_ref() != Some(&facts.to) && !facts.is_default_branch {
        comparison = look.compare(&mut facts, &heads)?;
    }
    let contained = look.contained(&facts, comparison.as_ref());
    Ok(Gathered {
        facts,
        heads,
        comparison,
        contained,
        notes: look.notes,
    })
}

impl Look<'_> {
    fn compare(
        &mut self,
        facts: &mut Facts,
        heads: &Heads,
    ) -> Result<Option<Comparison>, GitError> {
        let head = heads.branch(&facts.default_branch);
        let ends = Ends {
            from: facts.now.as_deref(),
            to: &facts.to,
            default: head.as_deref(),
        };
        let git = self.services.git;
        let (compared, rights) = std::thread::scope(|scope| {
            // Neither waits for the other: these are other requests.
            let rights = scope.spawn(|| self.rights());
            let compared = git.compare(&self.target.repository, heads, ends);
            let rights = rights.join();
            (
                compared,
                rights.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            )
        });
        let rights = rights?;
        (facts.right, facts.force) = (rights.right, rights.force);
        self.notes.extend(rights.note);
        let comparison = match compared {
            Ok(comparison) => comparison,
            Err(GitError::NoCommit { commit, .. }) if commit == facts.to => {
                facts.relation = Relation::Vanished;
                facts.by = self.past(facts).by;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        facts.relation = match (&facts.now, &comparison.ahead[..], &comparison.behind[..]) {
            (None, ..) => Relation::First,
            (_, _, []) => Relation::Ahead,
            (_, [], _) => Relation::Behind,
            _ => Relation::Diverged {
                merged: self.merged_form(facts, &comparison),
            },
        };
        if !comparison.on_default {
            facts.origin = self.origin(facts, heads);
        }
        let overtaken = !self.target.expect.holds(facts.now.as_deref());
        let homeless = matches!(facts.origin, Origin::Elsewhere(_) | Origin::Unknown { .. });
        if needs_force(facts.relation) || overtaken || homeless {
            let past = self.past(facts);
            (facts.history, facts.by) = (past.history, past.by);
        }
        Ok(Some(comparison))
    }

    fn past(&self, facts: &Facts) -> Past {
        let place = Place {
            repository: &self.target.repository,
            branch: &self.rules.branch,
            environment: &self.rules.environment,
        };
        history::look(
            place,
            facts.now.as_deref(),
            &facts.to,
            self.services.log,
            self.api
                .as_ref()
                .map(|(gitlab, project)| (*gitlab, project)),
        )
    }

    /// Where a commit is from that the default branch does not have.
    fn origin(&mut self, facts: &Facts, heads: &Heads) -> Origin {
        let heads_of = heads.merge_requests_at(&facts.to);
        let Some((gitlab, project)) = &self.api else {
            return match heads_of[..] {
                [] => Origin::Elsewhere(None),
                [.., iid] => Origin::Unknown {
                    iid,
                    why: "there is no token for GitLab's API".to_owned(),
                },
            };
        };
        match gitlab.merge_requests_of(project, &facts.to) {
            Ok(found) => {
                let mut headed = found.iter().filter(|it| it.sha.as_ref() == Some(&facts.to));
                match headed.clone().find(|it| it.is_open()) {
                    Some(open) => Origin::OpenMergeRequest(open.iid),
                    None => Origin::Elsewhere(headed.next().map(|it| it.iid)),
                }
            }
            Err(error) => match heads_of[..] {
                [] => Origin::Elsewhere(None),
                [.., iid] => Origin::Unknown {
                    iid,
                    why: error.to_string(),
                },
            },
        }
    }

    /// The merge request whose head is on the branch, when the new commit has what its commits were squashed or rebased into.
    fn merged_form(&mut self, facts: &Facts, comparison: &Comparison) -> Option<u64> {
        let merged = self.merged(comparison).ok()?;
        let form = merged.iter().find(|it| {
            let left = [&it.squash_commit_sha, &it.merge_commit_sha];
            it.sha == facts.now
                && left
                    .into_iter()
                    .flatten()
                    .any(|commit| comparison.ahead.contains(commit))
        });
        form.map(|it| it.iid)
    }

    /// The merge requests among the commits that come or go.
    fn contained(&mut self, facts: &Facts, comparison: Option<&Comparison>) -> Contained {
        let Some(comparison) = comparison.filter(|_| facts.now.is_some()) else {
            return Contained::default();
        };
        let merged = match self.merged(comparison) {
            Ok(merged) => merged,
            Err(why) => return Contained::Unknown { why: why.clone() },
        };
        let among = |commits: &[String]| {
            let mut found: Vec<u64> = merged
                .iter()
                .filter(|it| it.commits().any(|sha| commits.iter().any(|it| it == sha)))
                .map(|it| it.iid)
                .collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let mut added = among(&comparison.ahead);
        if let Origin::OpenMergeRequest(iid) = facts.origin {
            added.push(iid);
        }
        let mut removed = among(&comparison.behind);
        removed.retain(|iid| !added.contains(iid));
        if let Relation::Diverged { merged: Some(iid) } = facts.relation {
            removed.retain(|it| *it != iid);
        }
        Contained::Known { added, removed }
    }

    fn merged(&mut self, comparison: &Comparison) -> Result<&Vec<MergeRequest>, &String> {
        let api = self.api.as_ref();
        let commits = comparison.ahead.len() + comparison.behind.len();
        let asked = self.merged.get_or_insert_with(|| {
            let (gitlab, project) = api.ok_or("there is no token for GitLab's API")?;
            if commits > MANY {
                return Err(format!("{commits} commits are too many for one request"));
            }
            // Whatever left a commit here was merged after that commit was made; a day is left to clocks.
            let since = Timestamp::from_second(comparison.since - 86_400);
            let since = since.map_err(|error| error.to_string())?;
            gitlab
                .merged_since(project, &since.to_string())
                .map_err(|error| error.to_string())
        });
        asked.as_ref()
    }
}

/// What whoever pushes may do.
struct Rights {
    right: Right,
    force: Force,
    note: Option<String>,
}

impl Look<'_> {
    /// Asks the repository whether it takes our pushes, and the API what the branch's protection is.
    fn rights(&self) -> Result<Rights, GitError> {
        let answer = |right, force, note| Rights { right, force, note };
        let git = self.services.git;
        if let Some(status) = git.refuses_pushes(&self.target.repository)? {
            let token = self.token();
            return Ok(answer(
                Right::Repository { status, token },
                Force::Unknown,
                None,
            ));
        }
        let Some((gitlab, project)) = &self.api else {
            return Ok(answer(Right::Yes, Force::Unknown, None));
        };
        let branch = match gitlab.branch(project, &self.rules.branch) {
            Ok(Some(branch)) => branch,
            Ok(None) => return Ok(answer(Right::Yes, Force::Unknown, None)),
            Err(error) => {
                let note = format!("cannot tell whether the branch is protected: {error}");
                return Ok(answer(Right::Yes, Force::Unknown, Some(note)));
            }
        };
        if branch.can_push == Some(false) {
            let token = self.token();
            return Ok(answer(Right::Branch { token }, Force::Unknown, None));
        }
        if branch.protected != Some(true) {
            return Ok(answer(Right::Yes, Force::Allowed, None));
        }
        // Only maintainers are told; where we are not, the server says it when it is tried.
        let force = match gitlab.allows_force(project, &self.rules.branch) {
            Ok(Some(true)) => Force::Allowed,
            Ok(Some(false)) => Force::Forbidden,
            Ok(None) | Err(_) => Force::Unknown,
        };
        Ok(answer(Right::Yes, force, None))
    }

    fn token(&self) -> Option<String> {
        let known = self.services.credentials.find(&self.target.repository);
        known.map(|it| it.source.clone())
    }
}
