//! Compares the metadata that uv resolved by with the wheels that are already available.
//!
//! A wheel is compared with its index's `.metadata` file when it enters the store. An index may change that file afterwards, and a
//! new lock would then hold other dependencies than the stored wheel has.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::lock::model::{Artifact, Lock, LockedSource};
use crate::resolve::error::ResolveError;
use crate::resolve::model::Tools;
use pannier_base::digest::Digest;

/// Compares every wheel of a new lock that the store holds. Wheels that it does not hold are compared when they are downloaded.
///
/// # Errors
/// [`ResolveError::Listed`] names the wheel.
pub(super) fn check(lock: &Lock, tools: Tools<'_>) -> Result<(), ResolveError> {
    let files = lock
        .packages
        .iter()
        .flat_map(|package| match &package.source {
            LockedSource::Index { wheels, .. } => wheels.as_slice(),
            _ => &[],
        });
    let files: BTreeMap<&Digest, &Artifact> = files.map(|file| (&file.sha256, file)).collect();
    files.into_values().par_bridge().try_for_each(|file| {
        let checked = tools.sources.check_listed(file);
        checked.map_err(|source| ResolveError::Listed {
            wheel: file.name.clone(),
            source,
        })
    })
}
