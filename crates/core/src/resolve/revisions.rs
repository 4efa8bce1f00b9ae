//! The first step: every distinct revision becomes one commit, all of them in parallel, before anything is built.
//!
//! One revision of one repository has one commit in a lock, wherever it is requested.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::lock::model::{Lock, LockedData, LockedSource};
use crate::request::{ProjectSource, Request};
use crate::resolve::error::ResolveError;
use crate::resolve::model::{Tools, Upgrade};
use crate::resolve::overriding::Overriding;
use crate::resolve::source_id::Revision;
use pannier_base::event::StageGuard;
use pannier_base::url::SafeUrl;

/// Commits by revision.
pub(super) type Commits = BTreeMap<Revision, String>;

/// The revisions that a request names, and the commits that an earlier lock has for them.
pub(super) struct Wanted<'a> {
    asked: BTreeMap<Revision, &'a SafeUrl>,
    known: Commits,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(wanted: &super::Wanted<'a>, overriding: &Overriding<'a>) -> Self {
        let mut known = wanted
            .previous
            .map(|lock| locked(lock, wanted.upgrade))
            .unwrap_or_default();
        let named = overriding.repositories();
        let named =
            named.map(|(repository, revision)| (Revision::new(repository, revision), repository));
        let asked: BTreeMap<_, _> = sources(wanted.request, overriding)
            .filter_map(|source| match source {
                ProjectSource::Git {
                    repository,
                    revision,
                    ..
                } => Some((Revision::new(repository, revision), repository)),
                ProjectSource::Directory { .. } => None,
            })
            .chain(named)
            .collect();
        known.retain(|revision, _| asked.contains_key(revision));
        Self { asked, known }
    }

    pub(super) fn len(&self) -> u64 {
        (self.asked.len() - self.known.len()) as u64
    }
}

fn sources<'a>(
    request: &'a Request,
    overriding: &Overriding<'a>,
) -> impl Iterator<Item = &'a ProjectSource> {
    request.images.iter().flat_map(move |image| {
        let packages = image.packages.iter();
        let packages = packages.filter(|package| overriding.stands_for(package).is_none());
        let data = image.data.iter().map(|data| &data.source);
        packages.map(|package| &package.source).chain(data)
    })
}

/// The commits of an earlier lock that are not given up. A revision that one upgraded project uses is given up for all.
pub(super) fn locked(lock: &Lock, upgrade: &Upgrade) -> Commits {
    let mut known = Commits::new();
    let mut given_up = BTreeSet::new();
    let mut take = |name: &str, revision: Revision, commit: &str| match upgrade.concerns(name) {
        true => drop(given_up.insert(revision)),
        false => drop(known.insert(revision, commit.to_owned())),
    };
    for package in &lock.packages {
        if let LockedSource::Git {
            repository,
            requested_revision: Some(revision),
            commit,
            ..
        } = &package.source
        {
            take(
                package.name.as_str(),
                Revision::new(repository, revision),
                commit,
            );
        }
    }
    for (name, data) in &lock.pannier.data {
        if let LockedData::Git {
            url,
            requested_revision,
            commit_id,
            ..
        } = data
        {
            take(
                name.as_str(),
                Revision::new(url, requested_revision),
                commit_id,
            );
        }
    }
    known.retain(|revision, _| !given_up.contains(revision));
    known
}

/// Asks for all commits that are not known yet, in parallel.
pub(super) fn commits(
    wanted: &Wanted<'_>,
    tools: Tools<'_>,
    stage: &StageGuard<'_>,
) -> Result<Commits, ResolveError> {
    let missing: Vec<_> = wanted
        .asked
        .iter()
        .filter(|(revision, _)| !wanted.known.contains_key(revision))
        .collect();
    let found: Vec<(Revision, String)> = missing
        .into_par_iter()
        .map(|(revision, repository)| {
            let commit = commit(repository, &revision.revision, tools)?;
            stage.step(format!(
                "{repository}@{} is {}",
                revision.revision,
                &commit[..commit.len().min(10)]
            ));
            Ok((revision.clone(), commit))
        })
        .collect::<Result<_, ResolveError>>()?;
    let mut commits = wanted.known.clone();
    commits.extend(found);
    Ok(commits)
}

/// Asks for one commit.
pub(super) fn commit(
    repository: &SafeUrl,
    revision: &str,
    tools: Tools<'_>,
) -> Result<String, ResolveError> {
    tools
        .sources
        .commit(repository, revision)
        .map_err(|source| ResolveError::Revision {
            repository: repository.to_string(),
            revision: revision.to_owned(),
            source,
        })
}
