//! Releases: recorded locks, and the log that they are written into.
//!
//! The log is a branch that people can read in their browser: `releases/<id>.json` and the lock beside it,
//! `channels/<name>.json` for what is where now, `history.jsonl` for what happened. What a writing changes is computed from
//! the log as it is now, by pure functions, and computed again when another writer was faster. Refuses to overwrite or
//! forget anything but a channel's place, and to read the clock: time and author come in as a [`Stamp`].

mod audit;
#[cfg(test)]
mod branch_tests;
mod edit;
mod error;
mod gaps;
mod ledger;
mod log_files;
mod model;
mod moves;
mod names;
mod registry;
mod rollback;
mod storage;
mod tarballs;
#[cfg(test)]
mod tests;
mod view;

pub use audit::audit_records;
pub use edit::{promote, record};
pub use error::ReleaseError;
pub use gaps::{Gap, Seen, found};
pub use ledger::{moved, planned};
pub use log_files::LogFiles;
pub use model::{
    Action, BackTo, Channel, Edit, Entry, FORMAT, Recorded, Release, Stamp, Switch, Tarball,
    WriteOutcome,
};
pub use moves::{BranchRef, Direction, Move, Moving, Stage};
pub use names::{BadName, ChannelName, ReleaseId};
pub use registry::{Carried, PACKAGE, Registry, fetch, publish};
pub use rollback::{Goal, goal, rolled_back};
pub use storage::{GitStorage, Storage, read, write};
pub use tarballs::{gather, gather_any};
pub use view::{ListedRelease, compare, list};
