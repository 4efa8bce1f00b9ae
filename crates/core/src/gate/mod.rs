//! The gate: what a change of the constraints must pass before it is merged, for every image.
//!
//! From the comparison of two sets of constraints to a report: both are resolved, who is to blame is found when the new one is
//! not ([`blame`], pure), tarballs are built of what changes and tried, pins are looked up. Three answers are kept apart:
//! it passes, it is refused, it could not be judged. Refuses to take a dead or lying index for a refusal. Writes nothing but
//! into the store and its scratch folder.

pub mod blame;
mod change;
mod conversion;
mod dependency_check;
mod error_class;
mod image;
mod index_check;
mod judge;
mod junit;
mod markdown;
mod process;
mod report;
mod resolving;
mod smoke;
mod yanked;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::constraints::ConstraintLine;
use crate::lock::model::Lock;
use crate::request::Request;
use crate::request::digest::Parts;
use crate::store::Store;
use pannier_base::event::Reporter;
use pannier_base::name::ImageName;
use pannier_clients::git::Git;
use pannier_clients::http::Client;
use pannier_clients::python::Pythons;
use pannier_clients::uv::{Surroundings, Uv, UvError};

pub use conversion::{Conversion, conversion};
pub use judge::judge;
pub use junit::junit;
pub use markdown::{markdown, summary};
pub use report::{
    Blamed, BumpVerdict, Check, CheckResult, Companion, Companions, JudgedBump, Outcome, Reach,
    Report,
};

/// What is to be judged.
pub struct Question<'a> {
    /// The request, with the new constraints in it.
    pub request: &'a Request,
    /// Its digests, see [`Request::parts`].
    pub parts: &'a Parts,
    /// The old constraints.
    pub old: &'a [ConstraintLine],
    /// What they are, for people: a commit, a file.
    pub base: &'a str,
    /// Whether the converted constraints are those of now.
    pub conversion: Conversion,
    /// The lock that is there; versions and commits that no bump is about stay as in it.
    pub previous: Option<&'a Lock>,
    /// The images to try.
    pub images: &'a [ImageName],
    /// Commands of the configuration that have to succeed in every image that is tried.
    pub smoke: &'a [String],
    /// How long one smoke test may take.
    pub limit: Duration,
    /// Downloads, builds and smoke tests at the same time; at least 1.
    pub jobs: usize,
    /// `PATH` of smoke tests, behind the venv's own programs.
    pub path: &'a str,
    /// Whether the network must not be used.
    pub offline: bool,
}

/// The doors that judging goes through.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Where wheels are kept.
    pub store: &'a Store,
    /// The network.
    pub client: &'a Client,
    /// Repositories.
    pub git: &'a Git,
    /// Interpreters of this machine.
    pub pythons: &'a Pythons,
    /// What uv sees of the world.
    pub around: &'a Surroundings,
    /// Returns uv, which is searched when it is first needed.
    pub uv: &'a (dyn Fn() -> Result<Uv, UvError> + Sync),
    /// Tells the time, for what is measured of tarballs.
    pub clock: fn() -> Instant,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

impl Question<'_> {
    /// The new constraints.
    fn constraints(&self) -> &[ConstraintLine] {
        let constraints = self.request.constraints.as_ref();
        constraints.map_or(&[], |text| text.lines.as_slice())
    }

    /// The constraints file, as it is named.
    fn file(&self) -> &Path {
        let constraints = self.request.constraints.as_ref();
        constraints.map_or(Path::new(""), |text| text.path.as_path())
    }
}
