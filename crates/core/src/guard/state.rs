//! What a guard knows: this pipeline with its rank, the pipelines that the lists show, and what was read of single ones.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::pipeline_cache::PipelineCache;
use super::pipeline_hierarchy::{Families, Root};
use super::plan::{GuardError, Plan};
use super::queue::{Entry, Place, Rank, Since};
use super::retry_policy::Budget;
use super::verdict::Order;
use pannier_clients::gitlab::{Gitlab, Job, Pipeline, ProjectRef, RunStatus};

/// What one guard has read so far.
pub(super) struct State<'a> {
    pub(super) gitlab: &'a Gitlab,
    pub(super) plan: &'a Plan,
    pub(super) contest: Contest,
    pub(super) views: Vec<PipelineCache>,
    pub(super) families: Families,
    pub(super) branches: HashMap<(usize, u64), Branch>,
    pub(super) known: HashMap<u64, Known>,
    /// Who stood in the way last.
    pub(super) last: Option<u64>,
    /// This pipeline, and the root of its family.
    pub(super) me: Pipeline,
    pub(super) root: Root,
    /// The place of this pipeline's family in the order; fixed as soon as it is known.
    pub(super) rank: Rank,
    pub(super) is_placed: bool,
    /// When its rank became what it is, of the time that is spent.
    pub(super) ranked: Duration,
    /// A moment that has passed by the server's time, and when it was learned, of the time that is spent.
    pub(super) floor: (Timestamp, Duration),
}

impl<'a> State<'a> {
    pub(super) fn new(
        gitlab: &'a Gitlab,
        plan: &'a Plan,
        budget: &mut Budget<'_>,
    ) -> Result<Self, GuardError> {
        let me = budget.ask(|| gitlab.pipeline(&plan.project, plan.pipeline))?;
        let learned = budget.spent();
        let floor = me.started_at.unwrap_or(me.created_at);
        let floor = (floor.max(me.created_at).max(me.updated_at), learned);
        let project = me.project_id.map(ProjectRef::Id);
        let project = project.unwrap_or_else(|| plan.project.clone());
        let mut families = Families::default();
        let root = families.root(gitlab, &project, &me, budget)?;
        let contest = Contest::of(&plan.statuses.asked()?);
        let mut views = vec![PipelineCache::new(project)];
        views.extend(plan.others.iter().cloned().map(PipelineCache::new));
        let rank = Rank {
            since: root.made,
            root: root.id,
        };
        Ok(Self {
            gitlab,
            plan,
            contest,
            views,
            families,
            branches: HashMap::new(),
            known: HashMap::new(),
            last: None,
            me,
            root,
            rank,
            is_placed: plan.order == Order::Newest || contest == Contest::Matching,
            ranked: learned,
            floor,
        })
    }

    /// Whether a conflicting pipeline's rank can be lower than this pipeline's.
    pub(super) fn may_precede(&self, conflict: &Conflict) -> bool {
        conflict.least() < self.rank
    }
}

/// Who takes part, as the status expression has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contest {
    /// All live pipelines, from this moment on: the expression takes running pipelines, as guards' own are.
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
pub(super) struct Conflict {
    /// In which of the views.
    pub(super) view: usize,
    pub(super) pipeline: Pipeline,
    /// The source branch of its merge request, if that was requested.
    pub(super) branch: Option<String>,
    pub(super) root: Root,
}

impl Conflict {
    /// The lowest rank that it can have.
    pub(super) fn least(&self) -> Rank {
        Rank {
            since: self.root.made,
            root: self.root.id,
        }
    }
}

/// What was found out about a conflicting pipeline.
pub(super) struct Known {
    pub(super) pipeline: Pipeline,
    pub(super) jobs: Vec<Job>,
    /// Its trigger jobs, where they were asked for.
    pub(super) triggers: Vec<Job>,
    pub(super) kept: Option<Kept>,
    /// As the list had it.
    pub(super) listed: Listed,
    /// When it was asked for, of the time that is spent.
    pub(super) asked: Duration,
}

/// A pipeline's number and status in a list, and when that status began.
pub(super) type Listed = (u64, RunStatus, Timestamp);

/// A place that need not be asked for again.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) place: Place,
    pub(super) while_: While,
}

/// As long as what a place stays.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum While {
    /// This family is listed like this.
    Listed(Vec<Listed>),
    /// The pipeline's own turn, which goes on, is since then.
    Own(Since),
}

/// How a list has a pipeline.
pub(super) fn listed(pipeline: &Pipeline) -> Listed {
    (pipeline.id, pipeline.status.clone(), pipeline.updated_at)
}
