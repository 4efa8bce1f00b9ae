//! Which pipelines of a project are not over: known once in full, then kept up with one list of what has changed, whose
//! version spares reading it when nothing has.
//!
//! A filter by status never shows a status that it was not asked for, so a long history is read by every status that the server
//! has, whether Pannier knows it or not. Refuses to compare the server's times with anything but the server's times.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::plan::GuardError;
use super::retry_policy::Budget;
use pannier_clients::gitlab::{
    Conditional, Gitlab, Pipeline, PipelineFilter, ProjectRef, RunStatus, Standing,
};

/// How far a list of changes reaches back before the moment since which changes are wanted: what is written shows a little
/// later.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// After so long changes are wanted since a later moment, so that their list stays short.
const LONG: SignedDuration = SignedDuration::from_mins(10);
/// More changes than this are a reason for it, too: it is a page.
const MANY: usize = 100;
/// After so long everything is read in full again, so that nothing stays wrong for ever.
const FULL: Duration = Duration::from_secs(2 * 3600);
/// A history of so many pages is read whole: that takes fewer requests than a list for each status.
const FEW: usize = 3;

/// The pipelines of one project that are not over.
pub(super) struct PipelineCache {
    /// By its number as soon as that is known: a path may lead to another project tomorrow.
    pub(super) project: ProjectRef,
    known: BTreeMap<u64, Pipeline>,
    /// Since when changes are listed; by the server's time.
    anchor: Option<Timestamp>,
    /// When everything was read in full, of the time that is spent.
    read: Option<Duration>,
    /// Of the lists of changes: of ordinary pipelines and of children.
    versions: [Option<String>; 2],
    /// The statuses of this server, once they were asked for.
    statuses: Option<Vec<RunStatus>>,
}

/// What a refresh found out about time; by the server's clock.
#[derive(Default)]
struct Times {
    /// The time of the first answer.
    begun: Option<Timestamp>,
    /// The latest change in the first list that has any.
    newest: Option<Timestamp>,
}

impl Times {
    fn note(&mut self, listed: &Conditional<Pipeline>) {
        self.begun = self.begun.or(listed.time.and_then(timestamp));
        let changes = listed.objects.iter().flatten().map(|it| it.updated_at);
        self.newest = self.newest.or(changes.max());
    }

    /// Since when changes are wanted that are not in the lists yet. Both times are of the server; the earlier one holds, so that
    /// a wrong one of them hides nothing.
    fn anchor(&self, begun: Timestamp) -> Timestamp {
        let anchor = self.newest.map_or(begun, |newest| newest.min(begun));
        anchor.saturating_sub(OVERLAP).unwrap_or(anchor)
    }
}

impl PipelineCache {
    pub(super) fn new(project: ProjectRef) -> Self {
        Self {
            project,
            known: BTreeMap::new(),
            anchor: None,
            read: None,
            versions: [None, None],
            statuses: None,
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

    /// Reads what is new; gives the server's time of the beginning, where it tells. Of a long history it reads the statuses that
    /// `wanted` holds of. `floor` is a moment that has passed by the server's time.
    pub(super) fn refresh(
        &mut self,
        gitlab: &Gitlab,
        wanted: &dyn Fn(&RunStatus) -> Result<bool, GuardError>,
        floor: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Timestamp>, GuardError> {
        let mut times = Times::default();
        let spent = budget.spent();
        if self
            .read
            .is_none_or(|read| spent.saturating_sub(read) > FULL)
        {
            self.known.clear();
            self.versions = [None, None];
            for children in [false, true] {
                self.read_all(children, gitlab, wanted, &mut times, budget)?;
            }
            self.read = Some(spent);
            self.anchor = Some(times.anchor(times.begun.unwrap_or(floor)));
        }
        // What changed its status while the lists were read, one after the other, is in here.
        let mut changes = Times::default();
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
            changes.note(&listed);
            most = most.max(listed.objects.as_ref().map_or(0, Vec::len));
            self.versions[usize::from(children)].clone_from(&listed.version);
            self.take(listed);
        }
        // Without the server's time, or a change that shows how it goes, it is not known what else has changed since.
        if let (Some(begun), Some(_), Some(old)) = (changes.begun, changes.newest, self.anchor) {
            let next = changes.anchor(begun);
            if next > old && (most > MANY || next.duration_since(old) > LONG) {
                self.anchor = Some(next);
            }
        }
        Ok(times.begun.or(changes.begun))
    }

    /// Reads every pipeline that is not over.
    fn read_all(
        &mut self,
        children: bool,
        gitlab: &Gitlab,
        wanted: &dyn Fn(&RunStatus) -> Result<bool, GuardError>,
        times: &mut Times,
        budget: &mut Budget<'_>,
    ) -> Result<(), GuardError> {
        let everything = PipelineFilter {
            children,
            ..PipelineFilter::default()
        };
        if self.statuses.is_none() {
            let few = budget.ask(|| gitlab.few_pipelines(&self.project, &everything, FEW))?;
            if let Some(listed) = few {
                times.note(&listed);
                self.take(listed);
                return Ok(());
            }
            self.statuses = budget.ask(|| gitlab.pipeline_statuses())?;
        }
        // A server that does not tell its statuses may have any: then all pages are read.
        let mut filters = Vec::new();
        for status in self.statuses.iter().flatten() {
            if wanted(status)? {
                filters.push(PipelineFilter {
                    status: Some(status.clone()),
                    ..everything.clone()
                });
            }
        }
        if self.statuses.is_none() {
            filters.push(everything);
        }
        for filter in filters {
            let listed = budget.ask(|| gitlab.pipelines(&self.project, &filter, None))?;
            times.note(&listed);
            self.take(listed);
        }
        Ok(())
    }

    fn take(&mut self, listed: Conditional<Pipeline>) {
        for pipeline in listed.objects.unwrap_or_default() {
            if let (ProjectRef::Path(_), Some(id)) = (&self.project, pipeline.project_id) {
                self.project = ProjectRef::Id(id);
            }
            match pipeline.status.standing() {
                Standing::Done => drop(self.known.remove(&pipeline.id)),
                _ => drop(self.known.insert(pipeline.id, pipeline)),
            }
        }
    }
}

/// A time of the server as it is in answers.
fn timestamp(time: std::time::SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}
