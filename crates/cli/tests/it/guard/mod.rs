//! The guard against the stand-in GitLab: what it waits for and says (`holding`, `families`, `cancelling`), the program with its exit codes and signals
//! (`program`), what it does not believe and what it notices of deletions (`trust`), servers whose clock differs (`clocks`), many of them at once (`race`), and the program whose place it takes beside it (`peer`).
#![allow(clippy::unwrap_used)]

mod cancelling;
mod clocks;
mod families;
mod fifty;
mod holding;
mod peer;
mod program;
mod race;
mod setup;
mod trust;
