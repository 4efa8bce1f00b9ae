//! Making a lock: revisions become commits, projects tell their metadata, uv chooses versions, and what uv does not
//! look at is checked: that every image has a wheel of what was chosen.
//!
//! The steps are [`revisions`], [`projects`], [`stubs`], [`inputs`], [`ahead`], [`serve`] and [`finish`]; [`overriding`] says in each of
//! them the overrides of this run. Never writes the lock
//! anywhere and to choose versions by itself: it only takes choices away from uv that serve no image.

mod ahead;
mod applied;
mod banned_versions;
mod error;
mod finish;
pub mod hashes;
mod inputs;
mod listed;
mod minimize;
mod model;
pub mod overridden;
mod overriding;
mod preview;
mod projects;
mod revisions;
mod rounds;
mod source_id;
mod stubs;
pub mod update;
mod wheel_coverage;

use std::collections::BTreeSet;

use pannier_archive::abort::Temporary;
use tempfile::TempDir;

pub use error::{Cause, ResolveError};
pub use model::{Doors, SourceError, Sources, Tools, Upgrade, Wanted};
pub use overriding::check_matches;
pub use preview::{Preview, preview};

use crate::lock::model::Lock;
use crate::request::Request;
use crate::request::overrides::{Applied, Kind, Override, OverrideValue};
use crate::resolve::hashes::{HashCheck, once};
use pannier_base::event::{Stage, StageGuard};
use pannier_base::name::PackageName;

/// Makes the lock.
///
/// # Errors
/// [`ResolveError`] names the package, the image, the chain of requirements.
pub fn resolve(wanted: &Wanted<'_>, tools: Tools<'_>) -> Result<Lock, ResolveError> {
    let lock = choose(wanted, tools)?;
    listed::check(&lock, tools)?;
    Ok(lock)
}

/// Makes the lock by what uv is told, without a look at the wheels.
fn choose(wanted: &Wanted<'_>, tools: Tools<'_>) -> Result<Lock, ResolveError> {
    let overrides = &wanted.request.overrides;
    if overrides.list.is_empty() {
        return attempt(wanted, BTreeSet::new(), tools);
    }
    let mut found = BTreeSet::new();
    loop {
        let lock = attempt(wanted, found.clone(), tools);
        let lock = lock.map_err(|why| explain(why, wanted, tools))?;
        // A package that others pull in is known by name only now; so is what an override pulls in.
        let known = lock.packages.iter().map(|package| &package.name);
        let news: Vec<PackageName> = known
            .filter(|name| !found.contains(*name) && misses(wanted.request, &lock, name))
            .cloned()
            .collect();
        if news.is_empty() {
            check_matches(wanted.request, wanted.previous, &lock, tools.reporter)?;
            return Ok(lock);
        }
        found.extend(news);
    }
}

/// Whether an override names a source of the package and the lock has another source.
fn misses(request: &Request, lock: &Lock, name: &PackageName) -> bool {
    let one = request.overrides.of(name.as_str());
    let named = one.is_some_and(|one| !matches!(one.value, OverrideValue::Version(_)));
    let mut records = lock.pannier.overrides.iter();
    let is_it = |one: &Applied| one.kind == Kind::Package && one.name == name.as_str();
    named && !records.any(|one| is_it(one) && one.has_source())
}

/// One resolution; `found` are overridden packages that an earlier one led to.
fn attempt(
    wanted: &Wanted<'_>,
    found: BTreeSet<PackageName>,
    tools: Tools<'_>,
) -> Result<Lock, ResolveError> {
    let request = overriding::with_data(wanted.request)?;
    let changed = Wanted {
        request: &request,
        ..*wanted
    };
    let overriding = overriding::Overriding::of(&changed, found);
    let commits = {
        let revisions = revisions::Wanted::of(&changed, &overriding);
        let stage = StageGuard::start(tools.reporter, Stage::Revisions, Some(revisions.len()));
        revisions::commits(&revisions, tools, &stage)?
    };
    let projects = {
        let total = projects::count(&request, &overriding);
        let stage = StageGuard::start(tools.reporter, Stage::Build, Some(total));
        projects::discover(&changed, commits, &overriding, (tools, &stage))?
    };
    let _stage = StageGuard::start(tools.reporter, Stage::Resolve, None);
    let work = TempDir::new().map_err(ResolveError::Work)?;
    let work = Temporary::from(work);
    let stubs = stubs::write(&projects, &overriding, work.path())?;
    let mut inputs = inputs::Inputs::new(&request, &projects, &stubs, &overriding);
    let digests = once(|file| tools.sources.hashes(file));
    let check = HashCheck::new(&request, Some(&digests));
    let required = request.require_hashes;
    let ahead = ahead::look(&check, required, &mut inputs, (work.path(), tools))?;
    let mut choose = |inputs: &inputs::Inputs| {
        let chosen = rounds::choose(&changed, inputs, work.path(), tools);
        let chosen = chosen.map_err(|why| ahead.explain(why, &check))?;
        let mut lock = finish::lock(&changed, &projects, inputs, chosen)?;
        check.narrow(&mut lock)?;
        check.check(&lock, &[])?;
        lock.pannier.overrides = applied::records(wanted, &overriding, &projects, &lock);
        Ok(lock)
    };
    let lock = choose(&inputs)?;
    match wanted.previous {
        Some(before) if !lock.pannier.overrides.is_empty() => {
            minimize::minimize((before, wanted.upgrade), lock, &mut inputs, &mut choose)
        }
        _ => Ok(lock),
    }
}

/// Tells whether overrides are the cause of an error. If there is no solution, one without them is searched.
fn explain(why: ResolveError, wanted: &Wanted<'_>, tools: Tools<'_>) -> ResolveError {
    let request = wanted.request;
    if !why.is_conflict() {
        return overriding::blame(why, request);
    }
    let solved = |overrides: Vec<Override>| {
        let mut request = request.clone();
        request.overrides.list = overrides;
        let without = Wanted {
            request: &request,
            ..*wanted
        };
        attempt(&without, BTreeSet::new(), tools).is_ok()
    };
    let list = &request.overrides.list;
    if !solved(Vec::new()) {
        tools.reporter.warn(
            "there is no solution without the overrides, either".to_owned(),
            None,
        );
        return why;
    }
    let alone = list.iter().filter(|one| {
        list.len() > 1 && {
            let others = list.iter().filter(|other| other.name != one.name);
            solved(others.cloned().collect())
        }
    });
    let mut causes: Vec<&Override> = alone.collect();
    if causes.is_empty() {
        causes = list.iter().collect();
    }
    ResolveError::Conflict {
        count: causes.len(),
        overrides: overriding::described(&causes),
        source: why.into(),
    }
}
