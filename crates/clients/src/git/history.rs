//! How two commits stand to one another. Works on the mirror, with no checkout; fetches the histories of these commits only.

use std::collections::HashSet;

use git2::{Oid, Repository, Sort};

use super::error::GitError;
use super::mirror::Wanted;
use super::model::Git;
use super::{Heads, parse};
use pannier_base::url::SafeUrl;

/// The commits that are compared. 40 hexadecimal digits each.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// What is there; `None`: nothing is.
    pub from: Option<&'a str>,
    /// What is to be there.
    pub to: &'a str,
    /// The head of the default branch, where there is one.
    pub default: Option<&'a str>,
}

/// How `to` stands to `from`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The commits that `to` has and `from` lacks, the newest first. Empty where there is no `from`.
    pub ahead: Vec<String>,
    /// The commits that `from` has and `to` lacks, the newest first.
    pub behind: Vec<String>,
    /// Whether the default branch contains `to`.
    pub on_default: bool,
    /// The oldest committer time among all these commits, in seconds since 1970; that of `to` where there are none.
    pub since: i64,
}

impl Git {
    /// Compares commits, fetching what the mirror lacks of them by what `heads` advertises.
    ///
    /// # Errors
    /// [`GitError`]; [`GitError::NoCommit`] when the server has one of them no more.
    pub fn compare(
        &self,
        repository: &SafeUrl,
        heads: &Heads,
        ends: Ends<'_>,
    ) -> Result<Comparison, GitError> {
        let id = |commit: &str| parse(repository, commit);
        let to = id(ends.to)?;
        let from = ends.from.map(id).transpose()?;
        let default = ends.default.map(id).transpose()?;
        // Those that have names come first: they bring most histories along.
        let mut commits: Vec<Oid> = default.into_iter().chain(from).collect();
        commits.push(to);
        let mut seen = HashSet::new();
        commits.retain(|commit| seen.insert(*commit));
        let wanted = Wanted::Histories {
            commits: &commits,
            advertised: &heads.advertised,
        };
        self.mirror(repository).with(wanted, |mirror| {
            compare(mirror, from, to, default)
                .map_err(GitError::library(repository, "comparing commits"))
        })
    }
}

fn compare(
    mirror: &Repository,
    from: Option<Oid>,
    to: Oid,
    default: Option<Oid>,
) -> Result<Comparison, git2::Error> {
    let mut since = mirror.find_commit(to)?.time().seconds();
    let mut between = |has: Oid, lacks: Oid| {
        let mut walk = mirror.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
        walk.push(has)?;
        walk.hide(lacks)?;
        let mut found = Vec::new();
        for oid in walk {
            let oid = oid?;
            since = since.min(mirror.find_commit(oid)?.time().seconds());
            found.push(oid.to_string());
        }
        Ok::<_, git2::Error>(found)
    };
    let (ahead, behind) = match from {
        Some(from) => (between(to, from)?, between(from, to)?),
        None => (Vec::new(), Vec::new()),
    };
    let on_default = match default {
        Some(default) => default == to || mirror.graph_descendant_of(default, to)?,
        None => false,
    };
    Ok(Comparison {
        ahead,
        behind,
        on_default,
        since,
    })
}
