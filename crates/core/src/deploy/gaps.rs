//! The release log compared with the production branches: what was pushed without an entry is recorded before a writing
//! command goes on, and shown by one that only reads.
//!
//! One request per repository, all at once; push events are read only for branches of which the log does not tell
//! everything. Refuses to stop a command because something cannot be compared.

use jiff::Timestamp;

use super::error::chain;
use super::parallel;
use crate::release::{
    BranchRef, Edit, Gap, LogFiles, ReleaseError, Seen, Stamp, Storage, found, write as write_log,
};
use pannier_base::url::{SafeUrl, same_repository};
use pannier_clients::git::Git;
use pannier_clients::gitlab::{BranchPush, Gitlab, More};

/// What reads the branches.
#[derive(Debug, Clone, Copy)]
pub struct BranchReader<'a> {
    /// Where the branches are.
    pub git: &'a Git,
    /// What remembers pushes to them, where there is a token for it.
    pub gitlab: Option<&'a Gitlab>,
}

/// The release log beside its branches.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The log with what was found.
    pub log: LogFiles,
    /// Branches of which it did not tell everything.
    pub gaps: Vec<Gap>,
    /// Branches that could not be read, and why not.
    pub unread: Vec<(BranchRef, String)>,
}

/// Compares the log with its branches without writing anything.
///
/// # Errors
/// [`ReleaseError`] when the log cannot be read.
pub fn compare(
    reader: BranchReader<'_>,
    log: &LogFiles,
    stamp: &Stamp,
) -> Result<Compared, ReleaseError> {
    observe(reader, log, stamp).map(|edit| edit.outcome)
}

/// Records what was pushed without an entry. The branches are looked at after the log was read, again for each try: so
/// nothing that another writer has written meanwhile is taken for a gap, and two writers record one gap once.
///
/// # Errors
/// [`ReleaseError`] when the log cannot be read or written.
pub fn catch_up(
    reader: BranchReader<'_>,
    storage: &dyn Storage,
    stamp: &Stamp,
) -> Result<Compared, ReleaseError> {
    write_log(storage, stamp, |log| observe(reader, log, stamp))
}

fn observe(
    reader: BranchReader<'_>,
    log: &LogFiles,
    stamp: &Stamp,
) -> Result<Edit<Compared>, ReleaseError> {
    let branches = log.branches()?;
    let mut repositories: Vec<&SafeUrl> = Vec::new();
    for branch in &branches {
        let known = |it: &&SafeUrl| same_repository(it, &branch.repository);
        if !repositories.iter().any(known) {
            repositories.push(&branch.repository);
        }
    }
    let heads = parallel::map(&repositories, |repository| reader.git.heads(repository));
    let mut unread = Vec::new();
    let mut readable = Vec::new();
    for branch in &branches {
        let same = |(it, _): &(&&SafeUrl, _)| same_repository(it, &branch.repository);
        match repositories.iter().zip(&heads).find(same) {
            Some((_, Ok(heads))) => readable.push((branch.clone(), heads.branch(&branch.branch))),
            Some((_, Err(error))) => unread.push((branch.clone(), chain(error))),
            None => {}
        }
    }
    let since = log.unsettled_since(&readable, stamp)?;
    let asked: Vec<_> = readable.into_iter().zip(since).collect();
    let seen = parallel::map(&asked, |((branch, now), since)| Seen {
        branch: branch.clone(),
        now: now.clone(),
        pushes: since.map_or_else(Vec::new, |since| pushes(reader, branch, since)),
    });
    let edit = found(log, &seen, stamp)?;
    let log = log.after(&edit);
    let Edit {
        files,
        message,
        outcome: gaps,
    } = edit;
    Ok(Edit {
        files,
        message,
        outcome: Compared { log, gaps, unread },
    })
}

/// The pushes to a branch since then and some older ones, the newest first; none where nobody can be asked: the branch itself
/// has been looked at.
fn pushes(reader: BranchReader<'_>, branch: &BranchRef, since: Timestamp) -> Vec<BranchPush> {
    let mut all = Vec::new();
    let Some(gitlab) = reader.gitlab else {
        return all;
    };
    let Some(project) = gitlab.project_at(&branch.repository) else {
        return all;
    };
    let asked = gitlab.pushes(&project, &branch.branch, Some(since), |page| {
        all.extend(page);
        More::Wanted
    });
    if asked.is_err() {
        all.clear();
    }
    all
}
