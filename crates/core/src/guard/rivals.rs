//! Who may matter to this pipeline, by status, ref and family. What a rival means is another question (`judge`).

use jiff::Timestamp;

use super::family::Root;
use super::look::Watcher;
use super::patience::Budget;
use super::plan::GuardError;
use super::rank::{Entry, REST, Rank};
use super::verdict::Order;
use pannier_clients::gitlab::{Pipeline, RunStatus, Standing};

/// Who takes part, as the status expression has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contest {
    /// Whoever is alive, from this moment on: the expression takes running pipelines, as guards' own are.
    Alive(Entry),
    /// Those whose status matches and nobody else: none of them can be a guard that waits.
    Matching,
}

impl Contest {
    /// The contest of those whom an expression asks for.
    pub(super) fn of(asked: &[RunStatus]) -> Self {
        let has = |status| asked.contains(&status);
        if !has(RunStatus::Running) {
            Self::Matching
        } else if has(RunStatus::Pending) || has(RunStatus::Created) {
            Self::Alive(Entry::Created)
        } else {
            Self::Alive(Entry::Started)
        }
    }

    /// From when on a pipeline takes part in it.
    pub(super) const fn entry(self) -> Entry {
        match self {
            Self::Alive(entry) => entry,
            Self::Matching => Entry::Created,
        }
    }
}

/// The branch that a pipeline runs for, besides its own ref.
#[derive(Clone)]
pub(super) enum Branch {
    /// There is none, or it makes no difference.
    None,
    /// That of its merge request.
    Named(String),
    /// Its merge request has one, and this token may not see it.
    Hidden,
}

/// A pipeline that may matter.
pub(super) struct Rival {
    /// In which of the views.
    pub(super) view: usize,
    pub(super) pipeline: Pipeline,
    /// The branch that its merge request wants to merge, where that was asked for.
    pub(super) branch: Option<String>,
    pub(super) root: Root,
}

impl Rival {
    /// The lowest rank that it can have.
    pub(super) fn least(&self) -> Rank {
        Rank {
            since: self.root.made,
            root: self.root.id,
        }
    }
}

impl Watcher<'_> {
    /// All that may matter by status, ref and family, in the order in which they were made.
    pub(super) fn rivals(
        &mut self,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Rival>, GuardError> {
        let mut rivals = Vec::new();
        for view in 0..self.views.len() {
            let pipelines: Vec<Pipeline> = self.views[view].pipelines().cloned().collect();
            for pipeline in pipelines {
                if pipeline.id == self.plan.pipeline || !self.takes_part(&pipeline, now)? {
                    continue;
                }
                let branch = self.branch(view, &pipeline, budget)?;
                let refs = &self.plan.refs;
                // What is not known may be any.
                let (matches, branch) = match branch {
                    Branch::Named(branch) => (refs.contains(&branch)?, Some(branch)),
                    Branch::Hidden => (true, None),
                    Branch::None => (pipeline.reference.is_empty(), None),
                };
                if !matches && !refs.contains(&pipeline.reference)? {
                    continue;
                }
                let project = &self.views[view].project;
                let root = self
                    .families
                    .root(self.gitlab, project, &pipeline, budget)?;
                if root.id != self.rank.root {
                    rivals.push(Rival {
                        view,
                        pipeline,
                        branch,
                        root,
                    });
                }
            }
        }
        rivals.sort_by_key(|rival| (rival.least(), rival.pipeline.id));
        Ok(rivals)
    }

    fn takes_part(&self, pipeline: &Pipeline, now: Timestamp) -> Result<bool, GuardError> {
        if self.plan.statuses.contains(&pipeline.status)? {
            return Ok(true);
        }
        Ok(match (self.contest, pipeline.status.standing()) {
            (Contest::Matching, _) | (_, Standing::Done) => false,
            (Contest::Alive(_), Standing::Alive) => true,
            // A rest that has just begun may be over before anybody counts it as one; one that begins later than now is no
            // rest yet.
            (Contest::Alive(_), Standing::Blocked) => {
                self.plan.order == Order::Oldest && now.duration_since(pipeline.updated_at) < REST
            }
        })
    }

    /// The branch behind a merge request's pipeline, when refs are looked at.
    fn branch(
        &mut self,
        view: usize,
        pipeline: &Pipeline,
        budget: &mut Budget<'_>,
    ) -> Result<Branch, GuardError> {
        let (false, Some(iid)) = (self.plan.refs.is_everything(), pipeline.merge_request()) else {
            return Ok(Branch::None);
        };
        if let Some(branch) = self.branches.get(&(view, iid)) {
            return Ok(branch.clone());
        }
        let project = &self.views[view].project;
        let found = budget.find(|| self.gitlab.source_branch(project, iid))?;
        let branch = found.map_or(Branch::Hidden, Branch::Named);
        self.branches.insert((view, iid), branch.clone());
        Ok(branch)
    }
}
