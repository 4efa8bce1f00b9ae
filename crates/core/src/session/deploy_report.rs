//! The report of a deployment: its plan, and what came of it.

use schemars::JsonSchema;
use serde::Serialize;

use super::log::LogCheck;
use crate::deploy::{Contained, DeployError, End, Kind, Plan, Report, Stands, Step};
use crate::release::WriteOutcome;

/// A deployment or rollback: the plan, and what came of it unless the run stopped at the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeployReport {
    /// The branch that is moved.
    pub branch: String,
    /// One per project.
    pub projects: Vec<DeployedProject>,
    /// The release that a rollback recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<WriteOutcome>,
    /// How the release log differed from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
    /// Why the deployment was refused or did not succeed; `None`: it is done, or stopped at the plan.
    #[serde(skip)]
    pub failure: Option<DeployError>,
}

/// What is planned for one project, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeployedProject {
    /// Its name.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// Where its branch is before; `null`: there is none.
    pub from: Option<String>,
    /// Where its branch is to be.
    pub to: String,
    /// The kind of move; `null`: it is refused.
    pub kind: Option<Kind>,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedProject>,
    /// How many commits are added, if the commits can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<usize>,
    /// How many commits are removed, if the commits can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<usize>,
    /// Merge requests that are added; `null`: unknown.
    pub merge_requests: Option<Vec<u64>>,
    /// Merge requests that are removed; `null`: unknown.
    pub merge_requests_taken_back: Option<Vec<u64>>,
    /// What came of it; missing in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ProjectResult>,
}

/// Why a project is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedProject {
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

/// What came of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProjectResult {
    /// One word.
    pub outcome: &'static str,
    /// The same for people.
    pub message: String,
    /// What is on the branch now; `null`: there is no branch, or it is unknown.
    pub now: Option<String>,
    /// Whether `now` is known.
    pub now_is_known: bool,
}

impl DeployReport {
    /// Whether every branch was where it should be before anything was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let is_done = |it: &DeployedProject| it.kind == Some(Kind::Nothing);
        self.projects.iter().all(is_done)
    }

    pub(super) fn of_plan(plan: &Plan, log: LogCheck) -> Self {
        Self {
            branch: plan.branch.clone(),
            projects: plan.steps.iter().map(planned).collect(),
            release: None,
            log,
            failure: DeployError::of_refusals(plan),
        }
    }

    /// Adds what came of the plan.
    pub(super) fn add(&mut self, applied: &Report) {
        for (project, end) in self.projects.iter_mut().zip(&applied.ends) {
            project.result = Some(result(end));
        }
        self.failure = DeployError::of_report(applied);
    }
}

fn planned(step: &Step) -> DeployedProject {
    let (added, removed) = match &step.merge_requests {
        Contained::Known { added, removed } => (Some(added.clone()), Some(removed.clone())),
        Contained::Unknown { .. } => (None, None),
    };
    DeployedProject {
        project: step.name.clone(),
        repository: step.repository.without_credentials().to_string(),
        from: step.from.clone(),
        to: step.to.clone(),
        kind: step.verdict.as_ref().ok().copied(),
        refused: step.verdict.as_ref().err().map(|refusal| RefusedProject {
            reason: refusal.word(),
            message: refusal.to_string(),
        }),
        ahead: step.distance.map(|(ahead, _)| ahead),
        behind: step.distance.map(|(_, behind)| behind),
        merge_requests: added,
        merge_requests_taken_back: removed,
        result: None,
    }
}

fn result(end: &End) -> ProjectResult {
    ProjectResult {
        outcome: end.outcome.word(),
        message: end.words(),
        now: match &end.stands {
            Stands::At(commit) => commit.clone(),
            Stands::Unknown => None,
        },
        now_is_known: end.stands != Stands::Unknown,
    }
}
