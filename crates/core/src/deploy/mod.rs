//! Deployments: moving production branches to tested commits, and back.
//!
//! Facts are gathered, judged by a pure function, shown as a plan, and only a plan without a refusal is applied: one guarded
//! push after the other, undone in the same way when one of them fails. Refuses to overwrite what somebody else has
//! deployed meanwhile, and to take an outdated pipeline for a rollback.

mod apply;
mod audit;
mod error;
mod facts;
mod gaps;
mod history;
mod judge;
mod parallel;
mod plan;
mod refusal;
mod wish;

pub use apply::{End, Ending, Outcome, Report, Run, Stands, apply};
pub use audit::{AuditLine, announce, record};
pub use error::DeployError;
pub use gaps::{Compared, Eyes, catch_up, compare};
pub use history::By;
pub use judge::{Facts, Force, History, Kind, Origin, Relation, Right, judge};
pub use plan::{Contained, Doors, Plan, Step, plan};
pub use refusal::Refusal;
pub use wish::{Expect, JobProject, Rules, Wish};
