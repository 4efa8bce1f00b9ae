//! Who is whose: the pipeline at the root of a child's family, and everybody below it. GitLab does not say of a child who made
//! it: the trigger jobs of the pipelines of the same commit do.
//!
//! Of another project, a pipeline that this token may not see is left out. Refuses to follow anything but trigger jobs, and to
//! take what it may not see of its own project for deleted.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::plan::GuardError;
use super::presence::Known as Present;
use super::retry_policy::Budget;
use super::turn::{Family, Member};
use pannier_clients::gitlab::{Gitlab, Job, Pipeline, PipelineFilter, ProjectRef};

/// The pipeline at the root of a family.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) id: u64,
    /// When it was made.
    pub(super) made: Timestamp,
    /// Where it is.
    pub(super) project: ProjectRef,
}

impl Root {
    fn of(project: &ProjectRef, pipeline: &Pipeline) -> Self {
        Self {
            id: pipeline.id,
            made: pipeline.created_at,
            project: project.clone(),
        }
    }
}

/// The roots that were found. They never change.
#[derive(Default)]
pub(super) struct Families {
    roots: HashMap<u64, Root>,
}

impl Families {
    /// Whether it was found out that this pipeline's family has this root.
    pub(super) fn is_below(&self, id: u64, root: u64) -> bool {
        self.roots.get(&id).is_some_and(|known| known.id == root)
    }

    /// The root of a pipeline's family: itself, unless a trigger job of the same project made it.
    pub(super) fn root(
        &mut self,
        gitlab: &Gitlab,
        project: &ProjectRef,
        pipeline: &Pipeline,
        budget: &mut Budget<'_>,
    ) -> Result<Root, GuardError> {
        if !pipeline.is_child() {
            return Ok(Root::of(project, pipeline));
        }
        if let Some(root) = self.roots.get(&pipeline.id) {
            return Ok(root.clone());
        }
        let relatives = relatives(gitlab, project, pipeline, budget)?;
        let mut line = vec![pipeline.id];
        let mut top = Root::of(project, pipeline);
        while let Some(parent) = parent_of(gitlab, project, top.id, &relatives, budget)? {
            top = Root::of(project, parent);
            if !parent.is_child() {
                break;
            }
            line.push(parent.id);
        }
        let found = line.into_iter().map(|id| (id, top.clone()));
        self.roots.extend(found);
        Ok(top)
    }
}

/// The pipelines of the same commit and ref, the newest first: parents and children share both.
fn relatives(
    gitlab: &Gitlab,
    project: &ProjectRef,
    pipeline: &Pipeline,
    budget: &mut Budget<'_>,
) -> Result<Vec<Pipeline>, GuardError> {
    let mut all = Vec::new();
    for children in [false, true] {
        let filter = PipelineFilter {
            sha: Some(pipeline.sha.clone()),
            children,
            ..PipelineFilter::default()
        };
        let listed = budget.ask(|| gitlab.pipelines(project, &filter, None))?;
        all.extend(listed.objects.unwrap_or_default());
    }
    all.retain(|other| other.reference == pipeline.reference);
    all.sort_unstable_by_key(|other| std::cmp::Reverse(other.id));
    Ok(all)
}

/// The one whose trigger job made the child. A trigger job that was tried again does not show its first child any more: that
/// one belongs to the nearest pipeline that has trigger jobs at all.
fn parent_of<'a>(
    gitlab: &Gitlab,
    project: &ProjectRef,
    child: u64,
    relatives: &'a [Pipeline],
    budget: &mut Budget<'_>,
) -> Result<Option<&'a Pipeline>, GuardError> {
    let mut nearest = None;
    for candidate in relatives.iter().filter(|other| other.id < child) {
        let present = Present {
            gitlab,
            project,
            id: candidate.id,
            sha: &candidate.sha,
        };
        let triggers = present.trigger_jobs(budget)?.unwrap_or_default();
        let made = |job: &Job| job.downstream_pipeline.is_some_and(|made| made.id == child);
        if triggers.iter().any(made) {
            return Ok(Some(candidate));
        }
        if !triggers.is_empty() {
            nearest = nearest.or(Some(candidate));
        }
    }
    Ok(nearest)
}

/// A pipeline of the family's own project with its jobs; `None` when it is gone.
fn member(present: Present<'_>, budget: &mut Budget<'_>) -> Result<Option<Member>, GuardError> {
    let Some(pipeline) = present.pipeline(budget)? else {
        return Ok(None);
    };
    let jobs = present.jobs(budget)?;
    let triggers = present.trigger_jobs(budget)?;
    Ok(joined(pipeline, jobs, triggers))
}

/// A pipeline of another project with its jobs; `None` when it is not there, or not for this token.
fn elsewhere(
    gitlab: &Gitlab,
    project: &ProjectRef,
    id: u64,
    budget: &mut Budget<'_>,
) -> Result<Option<Member>, GuardError> {
    let Some(pipeline) = budget.see(|| gitlab.pipeline(project, id))? else {
        return Ok(None);
    };
    let jobs = budget.see(|| gitlab.jobs(project, id))?;
    let triggers = budget.see(|| gitlab.trigger_jobs(project, id))?;
    Ok(joined(pipeline, jobs, triggers))
}

fn joined(
    pipeline: Pipeline,
    jobs: Option<Vec<Job>>,
    triggers: Option<Vec<Job>>,
) -> Option<Member> {
    Some(Member {
        pipeline,
        jobs: jobs?,
        triggers: triggers?,
    })
}

/// Everybody at and below `root`, as far as trigger jobs lead. `known` has been read already and belongs to it.
pub(super) fn read(
    gitlab: &Gitlab,
    root: &Root,
    project: &ProjectRef,
    known: Member,
    budget: &mut Budget<'_>,
) -> Result<Family, GuardError> {
    let mut members: Vec<Member> = Vec::new();
    let known_id = known.pipeline.id;
    let sha = known.pipeline.sha.clone();
    let mut known = Some(known);
    // A child whose trigger job was tried again is found by no trigger job, so it is named here.
    let mut open = VecDeque::from([(root.project.clone(), root.id), (project.clone(), known_id)]);
    while let Some((place, id)) = open.pop_front() {
        if members.iter().any(|member| member.pipeline.id == id) {
            continue;
        }
        let found = match id == known_id {
            true => known.take(),
            false if place == *project => {
                let (project, sha) = (&place, sha.as_str());
                let present = Present {
                    gitlab,
                    project,
                    id,
                    sha,
                };
                member(present, budget)?
            }
            false => elsewhere(gitlab, &place, id, budget)?,
        };
        let Some(found) = found else {
            continue;
        };
        let below = found.triggers.iter().filter_map(|job| {
            let made = job.downstream_pipeline?;
            let place = made
                .project_id
                .map_or_else(|| place.clone(), ProjectRef::Id);
            Some((place, made.id))
        });
        open.extend(below);
        members.push(found);
    }
    Ok(Family::new(members))
}
