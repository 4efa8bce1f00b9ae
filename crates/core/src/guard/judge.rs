//! What a rival means for this pipeline: asks for its jobs, and for its family's where that can change its place.
//!
//! What was found out holds as long as the rival has not changed; with a scope its jobs are read anew at each look.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::family::{self, Root};
use super::look::Watcher;
use super::patience::Budget;
use super::plan::GuardError;
use super::presence::Known as Present;
use super::rank::{Entry, Place, Since};
use super::rivals::{Contest, Rival};
use super::turn::{Family, Member};
use super::verdict::{Order, Way, behind, way};
use super::work::{Scope, Work};
use pannier_clients::gitlab::{Job, Pipeline, ProjectRef, RunStatus, Standing};

/// After so long what was found out about a pipeline is asked for again.
const STALE: Duration = Duration::from_secs(600);

/// What was found out about a rival.
pub(super) struct Known {
    pub(super) pipeline: Pipeline,
    pub(super) jobs: Vec<Job>,
    /// Its trigger jobs, where they were asked for.
    triggers: Vec<Job>,
    kept: Option<Kept>,
    /// As the list had it.
    listed: Listed,
    /// When it was asked for, of the time that is spent.
    asked: Duration,
}

/// A pipeline's number and status in a list, and when that status began.
type Listed = (u64, RunStatus, Timestamp);

/// A place that need not be asked for again.
#[derive(Clone)]
struct Kept {
    place: Place,
    while_: While,
}

/// As long as what a place stays.
#[derive(Clone, PartialEq, Eq)]
enum While {
    /// This family is listed like this.
    Listed(Vec<Listed>),
    /// The pipeline's own turn, which goes on, is since then.
    Own(Since),
}

/// By what it is known that a rival has not changed between two rounds: how it is listed, and its jobs and trigger jobs with
/// what these made.
pub(super) type Mark = (Listed, Vec<(u64, RunStatus, Option<u64>)>);

impl<'a> Watcher<'a> {
    /// What was read of those whose rank can be lower than this pipeline's.
    pub(super) fn marks(&self, rivals: &[Rival]) -> Vec<Mark> {
        let before = rivals.iter().filter(|rival| self.may_precede(rival));
        let mark = |rival: &Rival| {
            let known = self.known.get(&rival.pipeline.id);
            let jobs = known.map(|known| known.jobs.iter().chain(&known.triggers));
            let jobs = jobs.into_iter().flatten().map(|job| {
                let made = job.downstream_pipeline.map(|made| made.id);
                (job.id, job.status.clone(), made)
            });
            (listed(&rival.pipeline), jobs.collect())
        };
        before.map(mark).collect()
    }

    /// Keeps what is known of those that the lists show as before, for a while.
    pub(super) fn remember(&mut self, rivals: &[Rival], spent: Duration) {
        let alive: HashMap<u64, &Rival> = rivals.iter().map(|it| (it.pipeline.id, it)).collect();
        self.known.retain(|id, known| {
            let rival = alive.get(id);
            spent.saturating_sub(known.asked) < STALE
                && rival.is_some_and(|rival| known.listed == listed(&rival.pipeline))
        });
    }

    /// What a rival means for this pipeline.
    pub(super) fn judge(
        &mut self,
        rival: &Rival,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Way, GuardError> {
        let id = rival.pipeline.id;
        let project = self.views[rival.view].project.clone();
        if !self.learn(rival, &project, budget)? {
            self.views[rival.view].forget(id);
            return Ok(Way::Clear);
        }
        let work = self.work(rival, &project, budget)?;
        if work == Work::Over {
            return Ok(Way::Clear);
        }
        if self.plan.order == Order::Oldest && self.contest == Contest::Matching {
            return Ok(Way::Wait);
        }
        let matched = self.plan.statuses.contains(&rival.pipeline.status)?;
        let Some(known) = self.known.get(&id) else {
            return Ok(Way::Clear);
        };
        let is_started = known.pipeline.started_at.is_some();
        if self.contest.entry() == Entry::Started && !is_started && !matched {
            return Ok(Way::Clear);
        }
        if self.plan.order == Order::Newest {
            return Ok(way(Order::Newest, self.rank, rival.least(), work));
        }
        let place = self.place_of(rival, &project, now, budget)?;
        // Whoever asks for pipelines that wait for a person minds those that wait for one of these, too.
        let asked_for = matched && rival.pipeline.status.standing() == Standing::Blocked;
        let place = Place {
            rests: place.rests && !asked_for,
            ..place
        };
        Ok(behind(self.rank, rival.least(), place, work))
    }

    /// Whether other pipelines count until they are over, whatever their jobs do.
    fn is_whole(&self) -> bool {
        self.plan.scope == Scope::Pipeline && self.plan.order == Order::Oldest
    }

    /// Reads what has to be known of a rival; false when it is over or gone. No list shows that a pipeline was deleted, so
    /// something of it is read at each look.
    fn learn(
        &mut self,
        rival: &Rival,
        project: &ProjectRef,
        budget: &mut Budget<'_>,
    ) -> Result<bool, GuardError> {
        let id = rival.pipeline.id;
        let present = self.present(rival, project);
        let known = self.known.get(&id);
        let (kept, asked) = match known {
            Some(known) => (known.kept.clone(), known.asked),
            None => (None, budget.spent()),
        };
        let pipeline = match known {
            Some(known) if !self.is_whole() => Some(known.pipeline.clone()),
            _ => present.pipeline(budget)?,
        };
        let Some(pipeline) = pipeline.filter(|it| it.status.standing() != Standing::Done) else {
            self.known.remove(&id);
            return Ok(false);
        };
        if self.is_whole() && known.is_some_and(|known| self.still_holds(known, rival)) {
            return Ok(true);
        }
        let Some(jobs) = present.jobs(budget)? else {
            self.known.remove(&id);
            return Ok(false);
        };
        let known = Known {
            pipeline,
            jobs,
            triggers: Vec::new(),
            kept: kept.filter(|_| !self.is_whole()),
            listed: listed(&rival.pipeline),
            asked,
        };
        self.known.insert(id, known);
        Ok(true)
    }

    fn present<'p>(&self, rival: &'p Rival, project: &'p ProjectRef) -> Present<'p>
    where
        'a: 'p,
    {
        Present {
            gitlab: self.gitlab,
            project,
            id: rival.pipeline.id,
            sha: &rival.pipeline.sha,
        }
    }

    /// Whether what is known of a rival cannot have changed while the lists show the same.
    fn still_holds(&self, known: &Known, rival: &Rival) -> bool {
        if self.contest == Contest::Matching {
            return true;
        }
        let Some(kept) = &known.kept else {
            return false;
        };
        kept.while_ == While::Listed(self.listing(rival.pipeline.id, &rival.root))
    }

    /// A pipeline and its family, as the lists have them now.
    fn listing(&self, id: u64, root: &Root) -> Vec<Listed> {
        let all = self.views.iter().flat_map(|view| view.pipelines());
        let of_it = |other: &&Pipeline| {
            other.id == id || other.id == root.id || self.families.is_below(other.id, root.id)
        };
        all.filter(of_it).map(listed).collect()
    }

    /// The place of a rival that has been read.
    fn place_of(
        &mut self,
        rival: &Rival,
        project: &ProjectRef,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Place, GuardError> {
        let id = rival.pipeline.id;
        let Some(known) = self.known.get(&id) else {
            return Ok(Place::UNKNOWN);
        };
        let (scope, entry) = (&self.plan.scope, self.contest.entry());
        let (pipeline, jobs) = (known.pipeline.clone(), known.jobs.clone());
        let alone = Family::new(vec![Member::alone(&pipeline, &jobs)]);
        let own = While::Own(alone.since(scope, entry, now));
        match &known.kept {
            Some(kept) if self.is_whole() => return Ok(kept.place),
            Some(kept) if kept.while_ == own && alone.goes_on(scope, entry, now) => {
                return Ok(kept.place);
            }
            _ => {}
        }
        let (place, family) = self.place(project, &pipeline, &jobs, &rival.root, now, budget)?;
        let is_known = matches!(place.since, Since::Known(_)) && !place.rests;
        let kept = match self.is_whole() {
            true => self
                .lasts(place, &rival.pipeline, &family)
                .then(|| While::Listed(self.listing(id, &rival.root))),
            false => (is_known && own != While::Own(Since::Waking)).then_some(own),
        };
        if let Some(known) = self.known.get_mut(&id) {
            known.kept = kept.map(|while_| Kept { place, while_ });
        }
        Ok(place)
    }

    /// Whether a place can change only when the lists show a change. That a parent stops working beside a child that rests,
    /// they do not show, nor anything of other projects.
    fn lasts(&self, place: Place, listed: &Pipeline, family: &Family) -> bool {
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
        &mut self,
        rival: &Rival,
        project: &ProjectRef,
        budget: &mut Budget<'_>,
    ) -> Result<Work, GuardError> {
        let id = rival.pipeline.id;
        let Some(known) = self.known.get(&id).filter(|_| !self.is_whole()) else {
            return Ok(Work::Begun);
        };
        let (scope, guarded) = (&self.plan.scope, self.plan.job.as_deref());
        let work = scope.work(&known.jobs, &[], guarded);
        if work != Work::Over {
            return Ok(work);
        }
        let Some(triggers) = self.present(rival, project).trigger_jobs(budget)? else {
            return Ok(Work::Over);
        };
        let work = scope.work(&known.jobs, &triggers, guarded);
        if let Some(known) = self.known.get_mut(&id) {
            known.triggers = triggers;
        }
        Ok(work)
    }

    /// Where a pipeline's family stands in the order, and as much of the family as that took.
    pub(super) fn place(
        &self,
        project: &ProjectRef,
        pipeline: &Pipeline,
        jobs: &[Job],
        root: &Root,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<(Place, Family), GuardError> {
        let (scope, entry) = (&self.plan.scope, self.contest.entry());
        let mut member = Member::alone(pipeline, jobs);
        let alone = Family::new(vec![member.clone()]);
        let first = match entry {
            Entry::Created => Some(pipeline.created_at),
            Entry::Started => pipeline.started_at,
        };
        let since = alone.since(scope, entry, now);
        let from_the_start = first.is_some_and(|first| since == Since::Known(first));
        // Nobody of a family can have begun earlier than its root. What is kept until a list changes wants the family.
        if root.id == pipeline.id
            && from_the_start
            && (!self.is_whole() || pipeline.id == self.me.id)
            && alone.goes_on(scope, entry, now)
        {
            let rests = false;
            return Ok((Place { since, rests }, alone));
        }
        let present = Present {
            gitlab: self.gitlab,
            project,
            id: pipeline.id,
            sha: &pipeline.sha,
        };
        member.triggers = present.trigger_jobs(budget)?.unwrap_or_default();
        let family = family::read(self.gitlab, root, project, member, budget)?;
        let since = match family.since(scope, entry, now) {
            // Nobody of it has guarded work to do: then its place is that of the whole.
            Since::NotYet => family.since(&Scope::Pipeline, entry, now),
            since => since,
        };
        let this = family.member(pipeline.id);
        let rests = this.is_some_and(|member| family.rests(member, now));
        Ok((Place { since, rests }, family))
    }

    pub(super) fn is_ahead(&self, rival: &Rival) -> bool {
        let Some(known) = self.known.get(&rival.pipeline.id) else {
            return false;
        };
        let work = self
            .plan
            .scope
            .work(&known.jobs, &[], self.plan.job.as_deref());
        work == Work::Ahead
    }
}

fn listed(pipeline: &Pipeline) -> Listed {
    (pipeline.id, pipeline.status.clone(), pipeline.updated_at)
}
