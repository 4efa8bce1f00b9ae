//! One look at GitLab: which pipelines are alive, which of them matter, and what that means for this one.
//!
//! Asks for no more than the verdict needs: of the pipelines that came before, the first that stands in the way suffices.

use std::collections::HashMap;

use jiff::Timestamp;

use super::family::{Families, Root};
use super::patience::Budget;
use super::plan::{GuardError, Older, Plan};
use super::rank::{Entry, REST, Rank, Since, alive_since, begun_again};
use super::verdict::{Order, Way, way};
use super::view::{View, timestamp};
use super::work::{Scope, Work};
use crate::gitlab::{Gitlab, Job, Pipeline, RunStatus, Standing};

/// Another pipeline that matters.
#[derive(Debug, Clone)]
pub struct Other {
    /// The pipeline; with who started it where that was asked for.
    pub pipeline: Pipeline,
    /// The branch that its merge request wants to merge, where that was asked for.
    pub branch: Option<String>,
    /// The job by which it stands in the way, where that is known.
    pub job: Option<Job>,
    /// Whether it has been asked to stop.
    pub cancelled: bool,
}

/// What a look shows.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) way: Way,
    /// Those who stand in the way, the first one with all that is known of it.
    pub(super) others: Vec<Other>,
    /// The server's time.
    pub(super) now: Timestamp,
}

/// Who takes part, as the status expression has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contest {
    /// Whoever is alive, from this moment on: the expression takes running pipelines, as guards' own are.
    Alive(Entry),
    /// Those whose status matches and nobody else: none of them can be a guard that waits.
    Matching,
}

/// A pipeline that may matter.
struct Rival {
    view: usize,
    pipeline: Pipeline,
    branch: Option<String>,
    root: Root,
}

/// What was found out about a rival, as long as it stays alive.
struct Known {
    pipeline: Pipeline,
    jobs: Vec<Job>,
    since: Since,
    /// When it was last seen alive.
    seen: Timestamp,
}

/// Looks at GitLab for one guard.
pub(super) struct Watcher<'a> {
    gitlab: &'a Gitlab,
    plan: &'a Plan,
    contest: Contest,
    statuses: Vec<RunStatus>,
    views: Vec<View>,
    families: Families,
    branches: HashMap<(usize, u64), String>,
    known: HashMap<u64, Known>,
    /// Who stood in the way last.
    last: Option<u64>,
    /// This pipeline.
    pub(super) me: Pipeline,
    pub(super) rank: Rank,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        gitlab: &'a Gitlab,
        plan: &'a Plan,
        budget: &mut Budget<'_>,
    ) -> Result<Self, GuardError> {
        let me = budget.ask(|| gitlab.pipeline(&plan.project, plan.pipeline))?;
        let mut families = Families::default();
        let root = families.root(gitlab, &plan.project, &me, budget)?;
        let asked = plan.statuses.asked()?;
        let mut statuses = asked.clone();
        let alive = RunStatus::KNOWN
            .into_iter()
            .filter(|status| status.standing() == Standing::Alive);
        let contest = contest(&asked);
        if contest != Contest::Matching {
            statuses.extend(alive.filter(|status| !asked.contains(status)));
        }
        let mut views = vec![View::new(plan.project.clone())];
        views.extend(plan.others.iter().cloned().map(View::new));
        let rank = Rank {
            since: root.made,
            root: root.id,
        };
        let mut watcher = Self {
            gitlab,
            plan,
            contest,
            statuses,
            views,
            families,
            branches: HashMap::new(),
            known: HashMap::new(),
            last: None,
            me,
            rank,
        };
        if plan.order == Order::Oldest && contest != Contest::Matching {
            let now = timestamp(budget.now());
            let jobs = budget.ask(|| gitlab.jobs(&plan.project, plan.pipeline))?;
            let me = watcher.me.clone();
            if let Since::Known(since) = watcher.since(0, &me, &jobs, root, now, budget)? {
                watcher.rank.since = since;
            }
        }
        Ok(watcher)
    }

    /// Looks once.
    pub(super) fn look(&mut self, budget: &mut Budget<'_>) -> Result<Seen, GuardError> {
        let mut now = None;
        for view in &mut self.views {
            let time = view.refresh(self.gitlab, &self.statuses, budget)?;
            now = now.or(Some(time));
        }
        let now = now.unwrap_or_else(|| timestamp(budget.now()));
        let rivals = self.rivals(now, budget)?;
        self.remember(&rivals, now);
        let (way, others) = match self.plan.order {
            Order::Oldest => self.oldest(&rivals, now, budget)?,
            Order::Newest => self.newest(&rivals, now, budget)?,
        };
        self.last = others.first().map(|other| other.pipeline.id);
        Ok(Seen { way, others, now })
    }

    /// All that may matter by status, ref and family, in the order in which they were made.
    fn rivals(
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
                let by_branch = match &branch {
                    Some(branch) => refs.contains(branch)?,
                    None => false,
                };
                if !by_branch && !refs.contains(&pipeline.reference)? {
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
        rivals.sort_by_key(|rival| (rival.root.made, rival.root.id, rival.pipeline.id));
        Ok(rivals)
    }

    fn takes_part(&self, pipeline: &Pipeline, now: Timestamp) -> Result<bool, GuardError> {
        if self.plan.statuses.contains(&pipeline.status)? {
            return Ok(true);
        }
        Ok(match (self.contest, pipeline.status.standing()) {
            (Contest::Matching, _) | (_, Standing::Done) => false,
            (Contest::Alive(_), Standing::Alive) => true,
            // A rest that has just begun may be over before anybody counts it as one.
            (Contest::Alive(_), Standing::Blocked) => {
                self.plan.order == Order::Oldest
                    && now.duration_since(pipeline.updated_at).abs() < REST
            }
        })
    }

    /// The branch behind a merge request's pipeline, when refs are looked at.
    fn branch(
        &mut self,
        view: usize,
        pipeline: &Pipeline,
        budget: &mut Budget<'_>,
    ) -> Result<Option<String>, GuardError> {
        let (false, Some(iid)) = (self.plan.refs.is_everything(), pipeline.merge_request()) else {
            return Ok(None);
        };
        if let Some(branch) = self.branches.get(&(view, iid)) {
            return Ok(Some(branch.clone()));
        }
        let project = &self.views[view].project;
        let found = budget.find(|| self.gitlab.source_branch(project, iid))?;
        if let Some(branch) = &found {
            self.branches.insert((view, iid), branch.clone());
        }
        Ok(found)
    }

    /// Keeps what is known of those who have been seen alive without a gap.
    fn remember(&mut self, rivals: &[Rival], now: Timestamp) {
        let alive: HashMap<u64, &Rival> = rivals.iter().map(|it| (it.pipeline.id, it)).collect();
        self.known.retain(|id, known| {
            let unbroken = now.duration_since(known.seen) < REST;
            known.seen = now;
            unbroken && alive.contains_key(id)
        });
    }

    fn oldest(
        &mut self,
        rivals: &[Rival],
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<(Way, Vec<Other>), GuardError> {
        let mut before: Vec<&Rival> = rivals
            .iter()
            .filter(|rival| {
                let least = Rank {
                    since: rival.root.made,
                    root: rival.root.id,
                };
                self.contest == Contest::Matching || least < self.rank
            })
            .collect();
        // Who stood in the way a moment ago most likely still does.
        if let Some(at) = before
            .iter()
            .position(|rival| Some(rival.pipeline.id) == self.last)
        {
            let last = before.remove(at);
            before.insert(0, last);
        }
        for (at, rival) in before.iter().enumerate() {
            if self.judge(rival, now, budget)? == Way::Wait {
                let mut others = vec![self.other(rival)];
                let rest = before.iter().enumerate().filter(|(other, _)| *other > at);
                others.extend(rest.map(|(_, rival)| self.other(rival)));
                return Ok((Way::Wait, others));
            }
        }
        Ok((Way::Clear, Vec::new()))
    }

    fn newest(
        &mut self,
        rivals: &[Rival],
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<(Way, Vec<Other>), GuardError> {
        let (newer, older): (Vec<&Rival>, Vec<&Rival>) =
            rivals.iter().partition(|it| it.root.id > self.rank.root);
        for rival in newer {
            if self.judge(rival, now, budget)? == Way::Yield {
                return Ok((Way::Yield, vec![self.other(rival)]));
            }
        }
        let mut others = Vec::new();
        for rival in older {
            match self.judge(rival, now, budget)? {
                Way::Wait => others.push(self.other(rival)),
                _ if self.plan.older == Older::Cancel && self.is_ahead(rival) => {
                    let cancelled = self.cancel(rival, budget)?;
                    others.push(Other {
                        cancelled,
                        ..self.other(rival)
                    });
                }
                _ => {}
            }
        }
        let way = if others.is_empty() {
            Way::Clear
        } else {
            Way::Wait
        };
        Ok((way, others))
    }

    /// What a rival means for this pipeline.
    fn judge(
        &mut self,
        rival: &Rival,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Way, GuardError> {
        let id = rival.pipeline.id;
        let project = self.views[rival.view].project.clone();
        let whole = self.plan.scope == Scope::Pipeline && self.plan.order == Order::Oldest;
        if !self.known.contains_key(&id) {
            let detail = budget.find(|| self.gitlab.pipeline(&project, id))?;
            let jobs = budget.find(|| self.gitlab.jobs(&project, id))?;
            let (Some(pipeline), Some(jobs)) = (detail, jobs) else {
                self.views[rival.view].forget(id);
                return Ok(Way::Clear);
            };
            let since = self.since(rival.view, &pipeline, &jobs, rival.root, now, budget)?;
            let known = Known {
                pipeline,
                jobs,
                since,
                seen: now,
            };
            self.known.insert(id, known);
        } else if !whole {
            let jobs = budget.find(|| self.gitlab.jobs(&project, id))?;
            if let Some(known) = self.known.get_mut(&id) {
                known.jobs = jobs.unwrap_or_default();
            }
        }
        let Some(known) = self.known.get(&id) else {
            return Ok(Way::Clear);
        };
        let since = match known.since {
            Since::Known(since) => since,
            Since::Waking => rival.root.made,
            Since::NotYet if self.plan.statuses.contains(&rival.pipeline.status)? => {
                rival.root.made
            }
            Since::NotYet => return Ok(Way::Clear),
        };
        let settled = matches!(known.since, Since::Known(_));
        let rank = Rank {
            since,
            root: rival.root.id,
        };
        let work = self.work(&project, id, whole, budget)?;
        if !settled {
            // Asked again next time: only then is it known since when.
            self.known.remove(&id);
        }
        if self.contest == Contest::Matching && self.plan.order == Order::Oldest {
            return Ok(if work == Work::Over {
                Way::Clear
            } else {
                Way::Wait
            });
        }
        Ok(way(self.plan.order, self.rank, rank, work))
    }

    fn work(
        &self,
        project: &crate::gitlab::ProjectRef,
        id: u64,
        whole: bool,
        budget: &mut Budget<'_>,
    ) -> Result<Work, GuardError> {
        let Some(known) = self.known.get(&id).filter(|_| !whole) else {
            return Ok(Work::Begun);
        };
        let (scope, guarded) = (&self.plan.scope, self.plan.job.as_deref());
        let work = scope.work(&known.jobs, &[], guarded);
        if work != Work::Over {
            return Ok(work);
        }
        let triggers = budget.find(|| self.gitlab.trigger_jobs(project, id))?;
        Ok(scope.work(&known.jobs, &triggers.unwrap_or_default(), guarded))
    }

    /// Since when a pipeline has been alive, and in the same turn at what is guarded.
    fn since(
        &self,
        view: usize,
        pipeline: &Pipeline,
        jobs: &[Job],
        root: Root,
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<Since, GuardError> {
        let entry = match self.contest {
            Contest::Alive(entry) => entry,
            Contest::Matching => Entry::Created,
        };
        let mut since = alive_since(pipeline, jobs, root.made, entry, now);
        let rested =
            matches!(since, Since::Waking) || matches!(since, Since::Known(at) if at > root.made);
        if rested && self.plan.order == Order::Oldest {
            // Trigger jobs keep a pipeline alive too; they are listed apart.
            let project = &self.views[view].project;
            let triggers = budget.find(|| self.gitlab.trigger_jobs(project, pipeline.id))?;
            let mut all = jobs.to_vec();
            all.extend(triggers.unwrap_or_default());
            since = alive_since(pipeline, &all, root.made, entry, now);
        }
        if self.plan.scope == Scope::Pipeline {
            return Ok(since);
        }
        let held: Vec<&Job> = jobs
            .iter()
            .filter(|job| self.plan.scope.holds(job))
            .collect();
        Ok(match (since, begun_again(&held)) {
            (Since::Known(since), Some(again)) => Since::Known(since.max(again)),
            (since, _) => since,
        })
    }

    fn is_ahead(&self, rival: &Rival) -> bool {
        let Some(known) = self.known.get(&rival.pipeline.id) else {
            return false;
        };
        let work = self
            .plan
            .scope
            .work(&known.jobs, &[], self.plan.job.as_deref());
        work == Work::Ahead
    }

    /// Asks a pipeline to stop whose guarded job has not started, as far as can be seen. Its guard, should it start now, sees
    /// this pipeline and gives way, so what is guarded is not cut short.
    fn cancel(&mut self, rival: &Rival, budget: &mut Budget<'_>) -> Result<bool, GuardError> {
        let project = self.views[rival.view].project.clone();
        let id = rival.pipeline.id;
        if rival.pipeline.status == RunStatus::Canceling {
            return Ok(true);
        }
        let jobs = budget.find(|| self.gitlab.jobs(&project, id))?;
        if let (Some(jobs), Some(known)) = (jobs, self.known.get_mut(&id)) {
            known.jobs = jobs;
        }
        if !self.is_ahead(rival) {
            return Ok(false);
        }
        budget.find(|| self.gitlab.cancel_pipeline(&project, id))?;
        Ok(true)
    }

    fn other(&self, rival: &Rival) -> Other {
        let known = self.known.get(&rival.pipeline.id);
        let mut pipeline = rival.pipeline.clone();
        if let Some(known) = known {
            pipeline.user.clone_from(&known.pipeline.user);
        }
        let job = known.and_then(|known| self.job_to_show(&known.jobs));
        Other {
            pipeline,
            branch: rival.branch.clone(),
            job: job.cloned(),
            cancelled: false,
        }
    }

    fn job_to_show<'j>(&self, jobs: &'j [Job]) -> Option<&'j Job> {
        let alive = |job: &&Job| job.status.standing() == Standing::Alive;
        let runs = |job: &&Job| matches!(job.status, RunStatus::Running | RunStatus::Canceling);
        let held = || jobs.iter().filter(|job| self.plan.scope.holds(job));
        let named = |job: &&Job| Some(&job.name) == self.plan.job.as_ref();
        held()
            .filter(runs)
            .find(named)
            .or_else(|| held().find(runs))
            .or_else(|| {
                held()
                    .find(alive)
                    .filter(|_| self.plan.scope != Scope::Pipeline)
            })
    }
}

fn contest(asked: &[RunStatus]) -> Contest {
    let has = |status| asked.contains(&status);
    if !has(RunStatus::Running) {
        Contest::Matching
    } else if has(RunStatus::Pending) || has(RunStatus::Created) {
        Contest::Alive(Entry::Created)
    } else {
        Contest::Alive(Entry::Started)
    }
}
