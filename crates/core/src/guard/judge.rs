//! What a conflicting pipeline means for this pipeline: asks for its jobs, and for its family's where that can change its place.
//!
//! The results are valid as long as that pipeline has not changed; with a scope, its jobs are read again at each poll.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::job_state::{Scope, Work};
use super::pipeline_hierarchy::{self, Root};
use super::plan::GuardError;
use super::presence::Known as Present;
use super::queue::{Entry, Place, Since};
use super::retry_policy::Budget;
use super::state::{Conflict, Contest, Kept, Known, Listed, State, While, listed};
use super::turn::{Family, Member};
use super::verdict::{Order, Way, behind, way};
use pannier_clients::gitlab::{Gitlab, Pipeline, ProjectRef, RunStatus, Standing};

/// After this time, the facts about a pipeline are requested again.
const STALE: Duration = Duration::from_secs(600);

/// By what it is known that a conflicting pipeline has not changed between two rounds: how it is listed, and its jobs and trigger jobs with
/// what these made.
pub(super) type Mark = (Listed, Vec<(u64, RunStatus, Option<u64>)>);

/// What was read of those whose rank can be lower than this pipeline's.
pub(super) fn marks(state: &State<'_>, conflicts: &[Conflict]) -> Vec<Mark> {
    let before = conflicts
        .iter()
        .filter(|conflict| state.may_precede(conflict));
    let mark = |conflict: &Conflict| {
        let known = state.known.get(&conflict.pipeline.id);
        let jobs = known.map(|known| known.jobs.iter().chain(&known.triggers));
        let jobs = jobs.into_iter().flatten().map(|job| {
            let made = job.downstream_pipeline.map(|made| made.id);
            (job.id, job.status.clone(), made)
        });
        (listed(&conflict.pipeline), jobs.collect())
    };
    before.map(mark).collect()
}

/// Keeps what is known of those that the lists show as before, for a while.
pub(super) fn remember(state: &mut State<'_>, conflicts: &[Conflict], spent: Duration) {
    let alive: HashMap<u64, &Conflict> = conflicts.iter().map(|it| (it.pipeline.id, it)).collect();
    state.known.retain(|id, known| {
        let conflict = alive.get(id);
        spent.saturating_sub(known.asked) < STALE
            && conflict.is_some_and(|conflict| known.listed == listed(&conflict.pipeline))
    });
}

/// What a conflicting pipeline means for this pipeline.
pub(super) fn judge(
    state: &mut State<'_>,
    conflict: &Conflict,
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<Way, GuardError> {
    let id = conflict.pipeline.id;
    let project = state.views[conflict.view].project.clone();
    if !learn(state, conflict, &project, budget)? {
        state.views[conflict.view].forget(id);
        return Ok(Way::Clear);
    }
    let work = work(state, conflict, &project, budget)?;
    if work == Work::Over {
        return Ok(Way::Clear);
    }
    if state.plan.order == Order::Oldest && state.contest == Contest::Matching {
        return Ok(Way::Wait);
    }
    let matched = state.plan.statuses.contains(&conflict.pipeline.status)?;
    let Some(known) = state.known.get(&id) else {
        return Ok(Way::Clear);
    };
    let is_started = known.pipeline.started_at.is_some();
    if state.contest.entry() == Entry::Started && !is_started && !matched {
        return Ok(Way::Clear);
    }
    if state.plan.order == Order::Newest {
        return Ok(way(Order::Newest, state.rank, conflict.least(), work));
    }
    let place = place_of(state, conflict, &project, now, budget)?;
    // An expression that matches pipelines that wait for a person includes those that wait for one of these.
    let asked_for = matched && conflict.pipeline.status.standing() == Standing::Blocked;
    let place = Place {
        rests: place.rests && !asked_for,
        ..place
    };
    Ok(behind(state.rank, conflict.least(), place, work))
}

/// Whether other pipelines count until they are over, whatever their jobs do.
fn is_whole(state: &State<'_>) -> bool {
    state.plan.scope == Scope::Pipeline && state.plan.order == Order::Oldest
}

/// Reads what has to be known of a conflicting pipeline; false when it is over or gone. No list shows that a pipeline was deleted, so
/// something of it is read at each look.
fn learn(
    state: &mut State<'_>,
    conflict: &Conflict,
    project: &ProjectRef,
    budget: &mut Budget<'_>,
) -> Result<bool, GuardError> {
    let id = conflict.pipeline.id;
    let present = present(state.gitlab, conflict, project);
    let known = state.known.get(&id);
    let (kept, asked) = match known {
        Some(known) => (known.kept.clone(), known.asked),
        None => (None, budget.spent()),
    };
    let pipeline = match known {
        Some(known) if !is_whole(state) => Some(known.pipeline.clone()),
        _ => present.pipeline(budget)?,
    };
    let Some(pipeline) = pipeline.filter(|it| it.status.standing() != Standing::Done) else {
        state.known.remove(&id);
        return Ok(false);
    };
    if is_whole(state) && known.is_some_and(|known| still_holds(state, known, conflict)) {
        return Ok(true);
    }
    let Some(jobs) = present.jobs(budget)? else {
        state.known.remove(&id);
        return Ok(false);
    };
    let known = Known {
        pipeline,
        jobs,
        triggers: Vec::new(),
        kept: kept.filter(|_| !is_whole(state)),
        listed: listed(&conflict.pipeline),
        asked,
    };
    state.known.insert(id, known);
    Ok(true)
}

/// Whether what is known of a conflicting pipeline cannot have changed while the lists show the same.
fn still_holds(state: &State<'_>, known: &Known, conflict: &Conflict) -> bool {
    if state.contest == Contest::Matching {
        return true;
    }
    let Some(kept) = &known.kept else {
        return false;
    };
    kept.while_ == While::Listed(listing(state, conflict.pipeline.id, &conflict.root))
}

/// A pipeline and its family, as the lists have them now.
fn listing(state: &State<'_>, id: u64, root: &Root) -> Vec<Listed> {
    let all = state.views.iter().flat_map(|view| view.pipelines());
    let of_it = |other: &&Pipeline| {
        other.id == id || other.id == root.id || state.families.is_below(other.id, root.id)
    };
    all.filter(of_it).map(listed).collect()
}

/// The place of a conflicting pipeline that has been read.
fn place_of(
    state: &mut State<'_>,
    conflict: &Conflict,
    project: &ProjectRef,
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<Place, GuardError> {
    let id = conflict.pipeline.id;
    let Some(known) = state.known.get(&id) else {
        return Ok(Place::UNKNOWN);
    };
    let (scope, entry) = (&state.plan.scope, state.contest.entry());
    let member = Member::alone(&known.pipeline, &known.jobs);
    let alone = Family::new(vec![member.clone()]);
    let own = While::Own(alone.since(scope, entry, now));
    match &known.kept {
        Some(kept) if is_whole(state) => return Ok(kept.place),
        Some(kept) if kept.while_ == own && alone.goes_on(scope, entry, now) => {
            return Ok(kept.place);
        }
        _ => {}
    }
    let (place, family) = place(state, project, member, &conflict.root, now, budget)?;
    let is_known = matches!(place.since, Since::Known(_)) && !place.rests;
    let kept = match is_whole(state) {
        true => lasts(place, &conflict.pipeline, &family)
            .then(|| While::Listed(listing(state, id, &conflict.root))),
        false => (is_known && own != While::Own(Since::Waking)).then_some(own),
    };
    if let Some(known) = state.known.get_mut(&id) {
        known.kept = kept.map(|while_| Kept { place, while_ });
    }
    Ok(place)
}

/// Whether a place can change only when the lists show a change. That a parent stops working while its child is idle,
/// they do not show, nor anything of other projects.
fn lasts(place: Place, listed: &Pipeline, family: &Family) -> bool {
    let root = family.members().first().map(|root| root.pipeline.id);
    let is_listed = |member: &Member| {
        let pipeline = &member.pipeline;
        let here = Some(pipeline.id) == root || pipeline.is_child();
        here && pipeline.status.standing() != Standing::Blocked
    };
    let known = match place.since {
        Since::Known(_) => true,
        // The start of the first job changes the status.
        Since::Waking | Since::NotYet => listed.status != RunStatus::Running,
    };
    known && !place.rests && family.members().iter().all(is_listed)
}

fn work(
    state: &mut State<'_>,
    conflict: &Conflict,
    project: &ProjectRef,
    budget: &mut Budget<'_>,
) -> Result<Work, GuardError> {
    let id = conflict.pipeline.id;
    let Some(known) = state.known.get(&id).filter(|_| !is_whole(state)) else {
        return Ok(Work::Begun);
    };
    let (scope, guarded) = (&state.plan.scope, state.plan.job.as_deref());
    let work = scope.work(&known.jobs, &[], guarded);
    if work != Work::Over {
        return Ok(work);
    }
    let Some(triggers) = present(state.gitlab, conflict, project).trigger_jobs(budget)? else {
        return Ok(Work::Over);
    };
    let work = scope.work(&known.jobs, &triggers, guarded);
    if let Some(known) = state.known.get_mut(&id) {
        known.triggers = triggers;
    }
    Ok(work)
}

/// Where a pipeline's family stands in the order, and as much of the family as that took.
pub(super) fn place(
    state: &State<'_>,
    project: &ProjectRef,
    mut member: Member,
    root: &Root,
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<(Place, Family), GuardError> {
    let (scope, entry) = (&state.plan.scope, state.contest.entry());
    let alone = Family::new(vec![member.clone()]);
    let pipeline = member.pipeline.clone();
    let first = match entry {
        Entry::Created => Some(pipeline.created_at),
        Entry::Started => pipeline.started_at,
    };
    let since = alone.since(scope, entry, now);
    let from_the_start = first.is_some_and(|first| since == Since::Known(first));
    // No pipeline of a hierarchy can have started before its root. What is kept until a list changes needs the hierarchy.
    if root.id == pipeline.id
        && from_the_start
        && (!is_whole(state) || pipeline.id == state.me.id)
        && alone.goes_on(scope, entry, now)
    {
        let rests = false;
        return Ok((Place { since, rests }, alone));
    }
    let present = Present {
        gitlab: state.gitlab,
        project,
        id: pipeline.id,
        sha: &pipeline.sha,
    };
    member.triggers = present.trigger_jobs(budget)?.unwrap_or_default();
    let family = pipeline_hierarchy::read(state.gitlab, root, project, member, budget)?;
    let since = match family.since(scope, entry, now) {
        // Nobody of it has guarded work to do: then its place is that of the whole.
        Since::NotYet => family.since(&Scope::Pipeline, entry, now),
        since => since,
    };
    let this = family.member(pipeline.id);
    let rests = this.is_some_and(|member| family.rests(member, now));
    Ok((Place { since, rests }, family))
}

pub(super) fn is_ahead(state: &State<'_>, conflict: &Conflict) -> bool {
    let Some(known) = state.known.get(&conflict.pipeline.id) else {
        return false;
    };
    let work = state
        .plan
        .scope
        .work(&known.jobs, &[], state.plan.job.as_deref());
    work == Work::Ahead
}

fn present<'p>(gitlab: &'p Gitlab, conflict: &'p Conflict, project: &'p ProjectRef) -> Present<'p> {
    Present {
        gitlab,
        project,
        id: conflict.pipeline.id,
        sha: conflict.pipeline.sha.as_str(),
    }
}
