//! The lock of a run with overrides, next to that of production: made from it, compared with it, and never in its place.

use std::path::{Path, PathBuf};

use crate::lock::effect::{Effect, effect};
use crate::lock::fresh::{Freshness, freshness};
use crate::lock::model::Lock;
use crate::lock::pylock;
use crate::request::Request;
use crate::request::digest::Parts;
use crate::resolve;
use crate::resolve::error::ResolveError;
use crate::resolve::model::{Tools, Upgrade, Wanted};
use crate::resolve::update::{Happened, LockFile, Mode, UpToDate, UpdateError, check_hashes, read};
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;

/// The part of a request that overrides are.
const OVERRIDES: &str = "overrides";
/// The part of an overridden lock's request that the production lock is.
const PRODUCTION: &str = "production lock";

/// What may change in addition to the overridden packages and their requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Movement {
    /// Anything; it is told.
    #[default]
    Told,
    /// Nothing.
    Refused,
}

/// Where the lock of a run with overrides is (PEP 751 knows `pylock.NAME.toml`).
#[must_use]
pub fn path(production: &Path) -> PathBuf {
    production.with_file_name("pylock.overridden.toml")
}

/// Gives a lock that fits a request with overrides. The production lock at `path` is read and left as it is.
///
/// [`Mode::Locked`] is about that one: it has to fit the request without its overrides. [`Mode::Check`] is about both.
///
/// # Errors
/// [`UpdateError`]; no file is touched then.
pub fn bring_up_to_date<'t>(
    production: &LockFile<'_>,
    (request, parts): (&Request, &Parts),
    (mode, movement): (&Mode, Movement),
    reporter: &dyn Reporter,
    tools: impl FnOnce() -> Result<Tools<'t>, ResolveError>,
) -> Result<UpToDate, UpdateError> {
    let before = read(production.path, reporter)?;
    check_production(
        production.path,
        before.as_ref(),
        parts,
        (mode, movement),
        reporter,
    )?;
    let place = path(production.path);
    let mut parts = parts.clone();
    if let Some((_, digest)) = &before {
        parts.insert(PRODUCTION.to_owned(), *digest);
    }
    let before = before.as_ref().map(|(lock, _)| lock);
    let current = read(&place, reporter)?;
    let state = current
        .as_ref()
        .map(|(lock, _)| freshness(&lock.pannier, &parts));
    let none = Upgrade::None;
    let upgrade = match (mode, &state, &current) {
        (Mode::Update(upgrade @ (Upgrade::All | Upgrade::Packages(_))), ..) => upgrade,
        (_, Some(Freshness::Fresh), Some((lock, digest))) => {
            resolve::check_matches(request, before, lock, reporter)?;
            check_hashes(&place, request, lock)?;
            let effect = compared(before, lock, movement)?;
            return Ok(UpToDate {
                lock: lock.clone(),
                digest: *digest,
                happened: Happened::Nothing,
                effect,
            });
        }
        (Mode::Check, Some(Freshness::Stale(changes)), _) => {
            let (path, changes) = (place, changes.clone());
            return Err(UpdateError::Stale { path, changes });
        }
        (Mode::Check, ..) => return Err(UpdateError::Missing { path: place }),
        _ => &none,
    };
    let wanted = Wanted {
        request,
        parts: &parts,
        previous: before,
        upgrade,
    };
    let lock = resolve::resolve(&wanted, tools()?)?;
    let effect = compared(before, &lock, movement)?;
    let text = pylock::write(&lock);
    let file = LockFile {
        path: &place,
        ..*production
    };
    file.write(&text)?;
    Ok(UpToDate {
        digest: Digest::of(text.as_bytes()),
        happened: Happened::Made,
        effect,
        lock,
    })
}

/// Whether the production lock fits the request without its overrides, where that matters; else it is only told.
fn check_production(
    path: &Path,
    production: Option<&(Lock, Digest)>,
    parts: &Parts,
    (mode, movement): (&Mode, Movement),
    reporter: &dyn Reporter,
) -> Result<(), UpdateError> {
    let demanded = matches!(mode, Mode::Locked | Mode::Check) || movement == Movement::Refused;
    let mut plain = parts.clone();
    plain.remove(OVERRIDES);
    let Some((lock, _)) = production else {
        if demanded {
            let path = path.to_owned();
            return Err(UpdateError::Missing { path });
        }
        return Ok(());
    };
    match freshness(&lock.pannier, &plain) {
        Freshness::Fresh => Ok(()),
        Freshness::Stale(changes) if demanded => {
            let path = path.to_owned();
            Err(UpdateError::Stale { path, changes })
        }
        Freshness::Stale(changes) => {
            reporter.warn(
                format!(
                    "the production lock {} does not match the request: {}; more than the overrides may change",
                    path.display(),
                    changes.join(", ")
                ),
                Some("run `pannier lock` without overrides and commit the file".to_owned()),
            );
            Ok(())
        }
    }
}

/// What the overrides moved, where there is a production lock to compare with.
fn compared(
    production: Option<&Lock>,
    lock: &Lock,
    movement: Movement,
) -> Result<Option<Effect>, UpdateError> {
    let effect = production.map(|production| effect(production, lock));
    match &effect {
        Some(effect) if movement == Movement::Refused && !effect.others.is_empty() => {
            Err(UpdateError::Moved {
                changes: effect.others.iter().map(ToString::to_string).collect(),
            })
        }
        _ => Ok(effect),
    }
}
