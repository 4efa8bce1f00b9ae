//! Another pipeline as the log and the errors show it.

use super::job_state::Scope;
use super::plan::Other;
use super::state::{Conflict, State};
use pannier_clients::gitlab::{Job, RunStatus, Standing};

pub(super) fn other(state: &State<'_>, conflict: &Conflict) -> Other {
    let known = state.known.get(&conflict.pipeline.id);
    let mut pipeline = conflict.pipeline.clone();
    if let Some(known) = known {
        pipeline.user.clone_from(&known.pipeline.user);
    }
    let job = known.and_then(|known| job_to_show(state, &known.jobs));
    Other {
        pipeline,
        branch: conflict.branch.clone(),
        job: job.cloned(),
        cancelled: false,
    }
}

fn job_to_show<'j>(state: &State<'_>, jobs: &'j [Job]) -> Option<&'j Job> {
    let alive = |job: &&Job| job.status.standing() == Standing::Alive;
    let runs = |job: &&Job| matches!(job.status, RunStatus::Running | RunStatus::Canceling);
    let held = || jobs.iter().filter(|job| state.plan.scope.holds(job));
    let named = |job: &&Job| Some(&job.name) == state.plan.job.as_ref();
    held()
        .filter(runs)
        .find(named)
        .or_else(|| held().find(runs))
        .or_else(|| {
            held()
                .find(alive)
                .filter(|_| state.plan.scope != Scope::Pipeline)
        })
}
