//! Applies a plan: one guarded push after the other; when one fails, those before it are taken back in the same way.
//!
//! Ends with a report of what stands where, whatever happened. Refuses plans with refusals, to overwrite what somebody else
//! has put there since the plan was made, and to say more than is known.

use jiff::Timestamp;

use super::error::{DeployError, chain};
use super::facts::Services;
use super::history::{self, Place};
use super::model::{By, Force, Kind};
use super::refusal::found;
use super::report::{End, Outcome, Plan, Report, Stands, Step};
use crate::audit::{Push, Record, utc};
use crate::release::Stamp;
use pannier_base::cancel::Cancel;
use pannier_base::secret::scrub;
use pannier_clients::git::{BranchMove, GitError, Moved, Refusal};

/// How a plan is applied.
pub struct ApplyOptions<'a> {
    /// Who does it, when it began, and why.
    pub stamp: &'a Stamp,
    /// The time now.
    pub now: &'a dyn Fn() -> Timestamp,
    /// Gets a record after each push, whatever came of it.
    pub audit: &'a dyn Fn(&Record),
    /// The environment whose deployments tell who was faster.
    pub environment: &'a str,
    /// Asks to begin no further push.
    pub cancel: &'a Cancel,
}

/// Applies a plan.
///
/// # Errors
/// [`DeployError::Refused`] when the plan has refusals; nothing was changed then. What fails while pushing is in the report.
pub fn apply(
    services: &Services<'_>,
    plan: &Plan,
    run: &ApplyOptions<'_>,
) -> Result<Report, DeployError> {
    if let Some(error) = DeployError::of_refusals(plan) {
        return Err(error);
    }
    let mut pusher = Pusher {
        services,
        run,
        branch: &plan.branch,
        ends: plan.steps.iter().map(beginning).collect(),
    };
    let mut order: Vec<usize> = (0..plan.steps.len())
        .filter(|&number| plan.steps[number].verdict != Ok(Kind::Nothing))
        .collect();
    // What can be taken back comes first: if one fails, all before it can be.
    order.sort_by_key(|&number| undoing(&plan.steps[number]));
    for (place, &number) in order.iter().enumerate() {
        // What was moved stays: the report says so, and the same command completes it.
        if run.cancel.is_requested() {
            break;
        }
        if !pusher.forth(number, &plan.steps[number]) {
            for &number in order[..place].iter().rev() {
                pusher.back(number, &plan.steps[number]);
            }
            break;
        }
    }
    Ok(Report {
        branch: plan.branch.clone(),
        ends: pusher.ends,
    })
}

fn beginning(step: &Step) -> End {
    let kind = step.verdict.clone().unwrap_or(Kind::Nothing);
    End {
        name: step.name.clone(),
        repository: step.repository.clone(),
        from: step.from.clone(),
        to: step.to.clone(),
        kind,
        outcome: match kind {
            Kind::Nothing => Outcome::Nothing,
            _ => Outcome::Untouched,
        },
        stands: Stands::At(step.from.clone()),
        at: None,
    }
}

/// How sure it is that a step can be undone: 0 is sure. Going back is forcing, unless the step itself went back.
fn undoing(step: &Step) -> u8 {
    let went_back = matches!(step.distance, Some((0, _)));
    match step.force {
        _ if went_back => 0,
        Force::Allowed => 0,
        Force::Unknown => 1,
        Force::Forbidden => 2,
    }
}

struct Pusher<'a> {
    services: &'a Services<'a>,
    run: &'a ApplyOptions<'a>,
    branch: &'a str,
    ends: Vec<End>,
}

impl Pusher<'_> {
    /// Moves a branch; says whether it is where it should be.
    fn forth(&mut self, number: usize, step: &Step) -> bool {
        let to = Some(step.to.as_str());
        let moved = self.push(step, step.from.as_deref(), to);
        let (outcome, stands) = match moved {
            Ok(Moved::Done) => (Outcome::Moved, Stands::At(Some(step.to.clone()))),
            Ok(Moved::Stale { found }) if found.as_deref() == to => {
                (Outcome::Nothing, Stands::At(found))
            }
            Ok(Moved::Stale { found }) => {
                let by = self.who(step, found.as_deref());
                (Outcome::Overtaken { by }, Stands::At(found))
            }
            Ok(Moved::Refused(Refusal { kind, said })) => (
                Outcome::Refused { kind, said },
                Stands::At(step.from.clone()),
            ),
            Err(error) => self.doubt(step, &error),
        };
        let word = match &outcome {
            Outcome::Moved => "moved",
            Outcome::Nothing => "there already",
            Outcome::Overtaken { .. } => "overtaken",
            Outcome::Refused { .. } => "refused",
            _ => "unknown",
        };
        let kind = self.ends[number].kind.word();
        let pushed = Pushed {
            from: step.from.as_deref(),
            to,
            kind,
            outcome: word,
        };
        self.audit(number, pushed);
        let end = &mut self.ends[number];
        (end.outcome, end.stands) = (outcome, stands);
        matches!(end.outcome, Outcome::Moved | Outcome::Nothing)
    }

    /// Moves a branch back that was moved.
    fn back(&mut self, number: usize, step: &Step) {
        if self.ends[number].outcome != Outcome::Moved {
            return;
        }
        let (from, to) = (Some(step.to.as_str()), step.from.as_deref());
        let stuck = |why: String| Outcome::Stuck { why };
        let (outcome, stands, word) = match self.push(step, from, to) {
            Ok(Moved::Done) => (Outcome::Undone, Stands::At(step.from.clone()), "moved"),
            Ok(Moved::Stale { found: now }) if now == step.from => {
                (Outcome::Undone, Stands::At(now), "there already")
            }
            Ok(Moved::Stale { found: now }) => {
                let by = self.who(step, now.as_deref());
                let why = format!("{} now", found(now.as_deref(), &by));
                (stuck(why), Stands::At(now), "overtaken")
            }
            Ok(Moved::Refused(Refusal { said, .. })) => {
                (stuck(said), Stands::At(Some(step.to.clone())), "refused")
            }
            Err(error) => (stuck(chain(&error)), Stands::Unknown, "unknown"),
        };
        let pushed = Pushed {
            from,
            to,
            kind: "undo",
            outcome: word,
        };
        self.audit(number, pushed);
        let end = &mut self.ends[number];
        (end.outcome, end.stands) = (outcome, stands);
    }

    fn push(&self, step: &Step, from: Option<&str>, to: Option<&str>) -> Result<Moved, GitError> {
        let step_to = BranchMove {
            branch: self.branch,
            from,
            to,
        };
        let git = self.services.git;
        git.move_branch(&step.repository, &step.heads, step_to)
    }

    /// What is to be said when nobody knows how a push ended: what the server has a little later, if it tells.
    fn doubt(&self, step: &Step, error: &GitError) -> (Outcome, Stands) {
        let stands = match self.services.git.heads(&step.repository) {
            Ok(heads) => Stands::At(heads.branch(self.branch)),
            Err(_) => Stands::Unknown,
        };
        match stands {
            Stands::At(Some(now)) if now == step.to => (Outcome::Moved, Stands::At(Some(now))),
            stands => (Outcome::Unknown { why: chain(error) }, stands),
        }
    }

    fn who(&self, step: &Step, now: Option<&str>) -> By {
        let place = Place {
            repository: &step.repository,
            branch: self.branch,
            environment: self.run.environment,
        };
        let project = self.services.gitlab.and_then(|gitlab| {
            let project = gitlab.project_at(&step.repository)?;
            Some((gitlab, project))
        });
        let gitlab = project.as_ref().map(|(gitlab, project)| (*gitlab, project));
        // The log was read before the plan was made, so only GitLab can know.
        history::look(place, now, &step.to, None, gitlab).by
    }

    fn audit(&mut self, number: usize, pushed: Pushed<'_>) {
        let at = (self.run.now)();
        let end = &mut self.ends[number];
        end.at.get_or_insert(at);
        let stamp = self.run.stamp;
        (self.run.audit)(&Record::Branch(Push {
            at: utc(at),
            actor: stamp.by.clone(),
            project: end.name.clone(),
            repository: end.repository.without_credentials().to_string(),
            branch: self.branch.to_owned(),
            from: pushed.from.map(str::to_owned),
            to: pushed.to.map(str::to_owned),
            kind: pushed.kind,
            outcome: pushed.outcome,
            reason: stamp.reason.as_deref().map(scrub),
            pipeline: stamp.pipeline(),
        }));
    }
}

/// A push that was made.
struct Pushed<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    kind: &'static str,
    outcome: &'static str,
}
