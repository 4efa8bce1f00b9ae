//! Another pipeline as the log and the errors show it.

use super::look::Watcher;
use super::rivals::Rival;
use super::work::Scope;
use pannier_clients::gitlab::{Job, Pipeline, RunStatus, Standing};

/// Another pipeline that matters.
#[derive(Debug, Clone)]
pub struct Other {
    /// The pipeline; with who started it where that was asked for.
    pub pipeline: Pipeline,
    /// The branch that its merge request wants to merge, where that was asked for.
    pub branch: Option<String>,
    /// The job by which it stands in the way, where that is known.
    pub job: Option<Job>,
    /// Whether it has been asked to stop.
    pub cancelled: bool,
}

impl Watcher<'_> {
    pub(super) fn other(&self, rival: &Rival) -> Other {
        let known = self.known.get(&rival.pipeline.id);
        let mut pipeline = rival.pipeline.clone();
        if let Some(known) = known {
            pipeline.user.clone_from(&known.pipeline.user);
        }
        let job = known.and_then(|known| self.job_to_show(&known.jobs));
        Other {
            pipeline,
            branch: rival.branch.clone(),
            job: job.cloned(),
            cancelled: false,
        }
    }

    fn job_to_show<'j>(&self, jobs: &'j [Job]) -> Option<&'j Job> {
        let alive = |job: &&Job| job.status.standing() == Standing::Alive;
        let runs = |job: &&Job| matches!(job.status, RunStatus::Running | RunStatus::Canceling);
        let held = || jobs.iter().filter(|job| self.plan.scope.holds(job));
        let named = |job: &&Job| Some(&job.name) == self.plan.job.as_ref();
        held()
            .filter(runs)
            .find(named)
            .or_else(|| held().find(runs))
            .or_else(|| {
                held()
                    .find(alive)
                    .filter(|_| self.plan.scope != Scope::Pipeline)
            })
    }
}
