//! Which pipeline stands at the root of a child's family. GitLab does not say it of a child: the trigger jobs of the pipelines of
//! the same commit do.

use std::collections::HashMap;

use jiff::Timestamp;

use super::patience::Budget;
use super::plan::GuardError;
use crate::gitlab::{Gitlab, Pipeline, PipelineFilter, ProjectRef};

/// The pipeline at the root of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) id: u64,
    /// When it was made.
    pub(super) made: Timestamp,
}

impl Root {
    fn of(pipeline: &Pipeline) -> Self {
        Self {
            id: pipeline.id,
            made: pipeline.created_at,
        }
    }
}

/// The roots that were found. They never change.
#[derive(Default)]
pub(super) struct Families {
    roots: HashMap<u64, Root>,
}

impl Families {
    /// The root of a pipeline's family: itself, unless a trigger job of the same project made it.
    pub(super) fn root(
        &mut self,
        gitlab: &Gitlab,
        project: &ProjectRef,
        pipeline: &Pipeline,
        budget: &mut Budget<'_>,
    ) -> Result<Root, GuardError> {
        if !pipeline.is_child() {
            return Ok(Root::of(pipeline));
        }
        if let Some(root) = self.roots.get(&pipeline.id) {
            return Ok(*root);
        }
        let relatives = relatives(gitlab, project, pipeline, budget)?;
        let mut line = vec![pipeline.id];
        let mut top = Root::of(pipeline);
        while let Some(parent) = parent_of(gitlab, project, top.id, &relatives, budget)? {
            top = Root::of(parent);
            if !parent.is_child() {
                break;
            }
            line.push(parent.id);
        }
        self.roots.extend(line.into_iter().map(|id| (id, top)));
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

fn parent_of<'a>(
    gitlab: &Gitlab,
    project: &ProjectRef,
    child: u64,
    relatives: &'a [Pipeline],
    budget: &mut Budget<'_>,
) -> Result<Option<&'a Pipeline>, GuardError> {
    for candidate in relatives.iter().filter(|other| other.id < child) {
        let triggers = budget.find(|| gitlab.trigger_jobs(project, candidate.id))?;
        let made =
            |job: &crate::gitlab::Job| job.downstream_pipeline.is_some_and(|made| made.id == child);
        if triggers.unwrap_or_default().iter().any(made) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
