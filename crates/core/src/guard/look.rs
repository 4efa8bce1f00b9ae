//! One look at GitLab: which pipelines are alive, which of them matter, and what that means for this one.
//!
//! Asks for no more than the verdict needs: of the pipelines that came before, the first that stands in the way suffices.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::family::{Families, Root};
use super::judge::Known;
use super::other::Other;
use super::patience::Budget;
use super::plan::{GuardError, Older, Plan};
use super::presence::Known as Present;
use super::rank::Rank;
use super::rivals::{Branch, Contest, Rival};
use super::verdict::{Order, Way, own};
use super::view::View;
use pannier_clients::gitlab::{Gitlab, Pipeline, ProjectRef, RunStatus, Standing};

/// What a look shows.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) way: Way,
    /// Those who stand in the way, the first one with all that is known of it.
    pub(super) others: Vec<Other>,
    /// The server's time.
    pub(super) now: Timestamp,
}

/// Looks at GitLab for one guard.
pub(super) struct Watcher<'a> {
    pub(super) gitlab: &'a Gitlab,
    pub(super) plan: &'a Plan,
    pub(super) contest: Contest,
    pub(super) views: Vec<View>,
    pub(super) families: Families,
    pub(super) branches: HashMap<(usize, u64), Branch>,
    pub(super) known: HashMap<u64, Known>,
    /// Who stood in the way last.
    last: Option<u64>,
    /// This pipeline, and the root of its family.
    pub(super) me: Pipeline,
    root: Root,
    /// The place of this pipeline's family in the order; fixed as soon as it is known.
    pub(super) rank: Rank,
    is_placed: bool,
    /// When its rank became what it is, of the time that is spent.
    pub(super) ranked: Duration,
    /// A moment that has passed by the server's time, and when it was learned, of the time that is spent.
    floor: (Timestamp, Duration),
}

impl<'a> Watcher<'a> {
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
        let mut views = vec![View::new(project)];
        views.extend(plan.others.iter().cloned().map(View::new));
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

    /// Looks once, which may take several rounds: see [`super::verdict`] on rounds.
    pub(super) fn look(&mut self, budget: &mut Budget<'_>) -> Result<Seen, GuardError> {
        let mut before = None;
        loop {
            let now = self.refresh(budget)?;
            if !self.is_placed {
                self.take_place(now, budget)?;
            }
            let rivals = self.rivals(now, budget)?;
            self.remember(&rivals, budget.spent());
            let (way, others) = match self.plan.order {
                Order::Oldest => self.oldest(&rivals, now, budget)?,
                Order::Newest => self.newest(&rivals, now, budget)?,
            };
            let ranked = self.plan.order == Order::Oldest && self.contest != Contest::Matching;
            if way == Way::Clear && ranked {
                let marks = self.marks(&rivals);
                if !marks.is_empty() && before.as_ref() != Some(&marks) {
                    before = Some(marks);
                    continue;
                }
            }
            self.last = others.first().map(|other| other.pipeline.id);
            return Ok(Seen { way, others, now });
        }
    }

    /// Reads what is new; gives the server's time of the beginning. Where the server does not tell its time, or a time that has
    /// passed already, it is later than when this pipeline was read, by what has been spent since.
    fn refresh(&mut self, budget: &mut Budget<'_>) -> Result<Timestamp, GuardError> {
        let (floor, learned) = self.floor;
        let since = SignedDuration::try_from(budget.spent().saturating_sub(learned));
        let least = floor
            .saturating_add(since.unwrap_or_default())
            .unwrap_or(floor);
        let (statuses, contest) = (&self.plan.statuses, self.contest);
        let wanted = |status: &RunStatus| {
            let alive = contest != Contest::Matching && status.standing() == Standing::Alive;
            Ok(alive || statuses.contains(status)?)
        };
        let mut now = None;
        for view in &mut self.views {
            let time = view.refresh(self.gitlab, &wanted, floor, budget)?;
            now = now.or(time);
        }
        Ok(now.map_or(least, |now| now.max(least)))
    }

    /// Finds this pipeline's place. While it cannot be known (another of the family's jobs waits for a runner, and the server
    /// does not say since when) it is the last one: those who look at this family meanwhile take it for the first one, so
    /// nobody goes ahead wrongly, and it is known as soon as that job starts.
    fn take_place(&mut self, now: Timestamp, budget: &mut Budget<'_>) -> Result<(), GuardError> {
        let (me, root) = (self.me.clone(), self.root.clone());
        let project = self.views[0].project.clone();
        let jobs = budget.ask(|| self.gitlab.jobs(&project, me.id))?;
        let (place, _) = self.place(&project, &me, &jobs, &root, now, budget)?;
        let least = Rank {
            since: root.made,
            root: root.id,
        };
        let before = self.rank;
        (self.rank, self.is_placed) = own(least, place.since, now);
        if self.rank != before {
            self.ranked = budget.spent();
        }
        Ok(())
    }

    /// Whether a rival's rank can be lower than this pipeline's.
    pub(super) fn may_precede(&self, rival: &Rival) -> bool {
        rival.least() < self.rank
    }

    fn oldest(
        &mut self,
        rivals: &[Rival],
        now: Timestamp,
        budget: &mut Budget<'_>,
    ) -> Result<(Way, Vec<Other>), GuardError> {
        let mut before: Vec<&Rival> = rivals
            .iter()
            .filter(|rival| self.contest == Contest::Matching || self.may_precede(rival))
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

    /// Asks a pipeline to stop whose guarded job has not started, as far as can be seen. Its guard, should it start now, sees
    /// this pipeline and gives way, so what is guarded is not cut short.
    fn cancel(&mut self, rival: &Rival, budget: &mut Budget<'_>) -> Result<bool, GuardError> {
        let project = self.views[rival.view].project.clone();
        let id = rival.pipeline.id;
        if rival.pipeline.status == RunStatus::Canceling {
            return Ok(true);
        }
        let present = Present {
            gitlab: self.gitlab,
            project: &project,
            id,
            sha: &rival.pipeline.sha,
        };
        let jobs = present.jobs(budget)?;
        if let (Some(jobs), Some(known)) = (jobs, self.known.get_mut(&id)) {
            known.jobs = jobs;
        }
        if !self.is_ahead(rival) {
            return Ok(false);
        }
        match budget.find(|| self.gitlab.cancel_pipeline(&project, id)) {
            // Who may cancel is a setting that only maintainers see.
            Err(GuardError::Gitlab(error)) if error.is_denied() => Err(GuardError::MayNotCancel {
                why: format!("GitLab refuses it for pipeline #{id} of project {project}"),
            }),
            done => done.map(|_| true),
        }
    }
}
