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
/// After so long changes are wanted since a later moment, so that their list stays short.
const LONG: SignedDuration = SignedDuration::from_mins(10);
/// More changes than this are a reason for it, too: it is a page.
const MANY: usize = 100;
/// After so long everything is read in full again, so that nothing stays wrong for ever.
const FULL: SignedDuration = SignedDuration::from_hours(1);

/// The pipelines of one project that are not over.
pub(super) struct View {
    pub(super) project: ProjectRef,
    known: BTreeMap<u64, Pipeline>,
    /// Since when changes are listed, and when everything was read in full; by the server's time.
    anchor: Option<Timestamp>,
    read: Option<Timestamp>,
    /// Of the lists of changes: of ordinary pipelines and of children.
    versions: [Option<String>; 2],
}

impl View {
    pub(super) fn new(project: ProjectRef) -> Self {
        Self {
            project,
            known: BTreeMap::new(),
            anchor: None,
            read: None,
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
        let mut now = None;
        let begun = |now: Option<Timestamp>| {
            let begun = now.unwrap_or(here);
            begun.saturating_sub(OVERLAP).unwrap_or(begun)
        };
        if self
            .read
            .is_none_or(|read| here.duration_since(read) > FULL)
        {
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
            self.read = Some(now.unwrap_or(here));
            self.anchor = Some(begun(now));
        }
        // What changed its status while the lists were read, one status after the other, is in here.
        let mut most = 0;
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
            most = most.max(changed.len());
            self.take(changed);
            self.versions[usize::from(children)] = listed.version;
        }
        let is_long = |anchor: Timestamp| begun(now).duration_since(anchor) > LONG;
        if most > MANY || self.anchor.is_some_and(is_long) {
            self.anchor = Some(begun(now));
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
