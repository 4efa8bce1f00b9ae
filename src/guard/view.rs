//! Which pipelines of a project are not over: known once in full, then kept up with one list of what has changed, whose
//! version spares reading it when nothing has.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::patience::Budget;
use super::plan::GuardError;
use crate::gitlab::{Gitlab, Pipeline, PipelineFilter, ProjectRef, RunStatus, Standing};

/// How far a list of changes reaches back before the moment since which changes are wanted: clocks differ, and what is
/// written shows a little later.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// After so long everything is read in full again, so that nothing stays wrong for ever (a pipeline may be deleted).
const FULL: SignedDuration = SignedDuration::from_mins(10);
/// More changes than this are a reason to begin anew: it is a page.
const MANY: usize = 100;

/// The pipelines of one project that are not over.
pub(super) struct View {
    pub(super) project: ProjectRef,
    known: BTreeMap<u64, Pipeline>,
    /// Since when changes are listed.
    anchor: Option<Timestamp>,
    /// Of the lists of changes: of ordinary pipelines and of children.
    versions: [Option<String>; 2],
}

impl View {
    pub(super) fn new(project: ProjectRef) -> Self {
        Self {
            project,
            known: BTreeMap::new(),
            anchor: None,
            versions: [None, None],
        }
    }

    /// The pipelines that are not over, the oldest first.
    pub(super) fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        self.known.values()
    }

    /// Forgets a pipeline that is not there any more.
    pub(super) fn forget(&mut self, id: u64) {
        self.known.remove(&id);
    }

    /// Reads what is new; gives the server's time of the beginning.
    pub(super) fn refresh(
        &mut self,
        gitlab: &Gitlab,
        statuses: &[RunStatus],
        budget: &mut Budget<'_>,
    ) -> Result<Timestamp, GuardError> {
        let here = timestamp(budget.now());
        let outdated = |anchor: Timestamp| here.duration_since(anchor) > FULL + OVERLAP;
        let mut now = None;
        if self.anchor.is_none_or(outdated) {
            self.known.clear();
            self.versions = [None, None];
            for children in [false, true] {
                for status in statuses {
                    let filter = PipelineFilter {
                        status: Some(status.clone()),
                        children,
                        ..PipelineFilter::default()
                    };
                    let listed = budget.ask(|| gitlab.pipelines(&self.project, &filter, None))?;
                    now = now.or(listed.time.map(timestamp));
                    self.take(listed.objects.unwrap_or_default());
                }
            }
            let begun = now.unwrap_or(here);
            self.anchor = Some(begun.saturating_sub(OVERLAP).unwrap_or(begun));
        }
        // What changed its status while the lists were read, one status after the other, is in here.
        for children in [false, true] {
            let filter = PipelineFilter {
                updated_after: self.anchor,
                children,
                ..PipelineFilter::default()
            };
            let version = self.versions[usize::from(children)].take();
            let listed =
                budget.ask(|| gitlab.pipelines(&self.project, &filter, version.as_deref()))?;
            now = now.or(listed.time.map(timestamp));
            let changed = listed.objects.unwrap_or_default();
            if changed.len() > MANY {
                self.anchor = None;
            }
            self.take(changed);
            self.versions[usize::from(children)] = listed.version;
        }
        Ok(now.unwrap_or(here))
    }

    fn take(&mut self, pipelines: Vec<Pipeline>) {
        for pipeline in pipelines {
            match pipeline.status.standing() {
                Standing::Done => drop(self.known.remove(&pipeline.id)),
                _ => drop(self.known.insert(pipeline.id, pipeline)),
            }
        }
    }
}

/// A time of the machine as one of the server.
pub(super) fn timestamp(time: std::time::SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
