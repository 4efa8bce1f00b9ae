//! The lock: one set of versions for all images, made once and read by everything downstream.
//!
//! [`model`] is the value, [`pylock`] the file (PEP 751), [`resolve`] its making, [`select`] what one image takes from
//! it, [`fresh`] whether it still answers the request, [`hashes`] whether its files are those that the request allows,
//! [`diff`] what changed between two; [`overridden`] is the lock of a run
//! with overrides and [`effect`] what these moved. Opens no connection but
//! through the doors that it is given.

pub mod diff;
pub mod effect;
pub mod fresh;
pub mod model;
pub mod pylock;
pub mod select;

use pep440_rs::{Version, VersionSpecifiers};

use pannier_base::platform::Target;

/// Whether the Python of `target` is among those that `requires` allows. Where the target states no patch number, it is
/// enough that some patch number is allowed: images move along a minor version without notice.
pub(crate) fn python_allowed(requires: &VersionSpecifiers, target: &Target) -> bool {
    let minor = u64::from(target.python.minor);
    let allows = |patch: u64| requires.contains(&Version::new([3, minor, patch]));
    match target.python.patch {
        Some(patch) => allows(u64::from(patch)),
        None => (0..=99).any(allows),
    }
}
