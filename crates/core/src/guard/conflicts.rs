//! Who may matter to this pipeline, by status, ref and family. What a conflicting pipeline means is another question (`judge`).

use jiff::Timestamp;

use super::plan::GuardError;
use super::queue::REST;
use super::retry_policy::Budget;
use super::state::{Branch, Conflict, Contest, State};
use super::verdict::Order;
use pannier_clients::gitlab::{Pipeline, Standing};

/// All that may matter by status, ref and family, in the order in which they were made.
pub(super) fn conflicts(
    state: &mut State<'_>,
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<Vec<Conflict>, GuardError> {
    let mut conflicts = Vec::new();
    for view in 0..state.views.len() {
        let pipelines: Vec<Pipeline> = state.views[view].pipelines().cloned().collect();
        for pipeline in pipelines {
            if pipeline.id == state.plan.pipeline || !takes_part(state, &pipeline, now)? {
                continue;
            }
            let branch = branch(state, view, &pipeline, budget)?;
            let refs = &state.plan.refs;
            // What is not known may be any.
            let (matches, branch) = match branch {
                Branch::Named(branch) => (refs.contains(&branch)?, Some(branch)),
                Branch::Hidden => (true, None),
                Branch::None => (pipeline.reference.is_empty(), None),
            };
            if !matches && !refs.contains(&pipeline.reference)? {
                continue;
            }
            let project = &state.views[view].project;
            let root = state
                .families
                .root(state.gitlab, project, &pipeline, budget)?;
            if root.id != state.rank.root {
                conflicts.push(Conflict {
                    view,
                    pipeline,
                    branch,
                    root,
                });
            }
        }
    }
    conflicts.sort_by_key(|conflict| (conflict.least(), conflict.pipeline.id));
    Ok(conflicts)
}

fn takes_part(state: &State<'_>, pipeline: &Pipeline, now: Timestamp) -> Result<bool, GuardError> {
    if state.plan.statuses.contains(&pipeline.status)? {
        return Ok(true);
    }
    Ok(match (state.contest, pipeline.status.standing()) {
        (Contest::Matching, _) | (_, Standing::Done) => false,
        (Contest::Alive(_), Standing::Alive) => true,
        // A rest that has just begun may be over before anyone counts it as one; one that begins later than now is no
        // rest yet.
        (Contest::Alive(_), Standing::Blocked) => {
            state.plan.order == Order::Oldest && now.duration_since(pipeline.updated_at) < REST
        }
    })
}

/// The branch behind a merge request's pipeline, when refs are looked at.
fn branch(
    state: &mut State<'_>,
    view: usize,
    pipeline: &Pipeline,
    budget: &mut Budget<'_>,
) -> Result<Branch, GuardError> {
    let (false, Some(iid)) = (state.plan.refs.is_everything(), pipeline.merge_request()) else {
        return Ok(Branch::None);
    };
    if let Some(branch) = state.branches.get(&(view, iid)) {
        return Ok(branch.clone());
    }
    let project = &state.views[view].project;
    let found = budget.find(|| state.gitlab.source_branch(project, iid))?;
    let branch = found.map_or(Branch::Hidden, Branch::Named);
    state.branches.insert((view, iid), branch.clone());
    Ok(branch)
}
