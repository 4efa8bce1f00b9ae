//! Deployments: moving production branches to tested commits, and back.
//!
//! Facts are gathered, judged by a pure function, shown as a plan, and only a plan without a refusal is applied: one guarded
//! push after the other, undone in the same way when one of them fails. Refuses to overwrite what somebody else has
//! deployed meanwhile, and to take an outdated pipeline for a rollback.

mod apply;
mod error;
mod facts;
mod gaps;
mod history;
mod judge;
mod log_entries;
mod model;
mod parallel;
mod plan;
mod refusal;
mod report;
mod target;

pub use apply::{ApplyOptions, apply};
pub use error::DeployError;
pub use facts::Services;
pub use gaps::{BranchReader, Compared, catch_up, compare};
pub use judge::judge;
pub use log_entries::{announce, record};
pub use model::{By, Facts, Force, History, Kind, Origin, Relation, Right};
pub use plan::plan;
pub use refusal::Refusal;
pub use report::{Contained, End, Ending, Outcome, Plan, Report, Stands, Step};
pub use target::{DeployTarget, Expect, JobProject, Rules};
