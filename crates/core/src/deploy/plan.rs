//! What a deployment would do: one step per project, each with its kind or the reason why not.
//!
//! Everything is looked at before anything is pushed, all projects at once. Refuses to write.

use super::error::{DeployError, Unplanned};
use super::facts::{Gathered, gather};
use super::history::By;
use super::judge::{Force, Kind, judge};
use super::parallel;
use super::refusal::Refusal;
use super::wish::{Rules, Wish};
use crate::release::{Book, same_repository};
use pannier_base::url::SafeUrl;
use pannier_clients::git::{Git, Heads};
use pannier_clients::gitlab::Gitlab;
use pannier_clients::http::CredentialEntries;

/// The doors that a deployment goes through.
#[derive(Debug, Clone, Copy)]
pub struct Doors<'a> {
    /// To repositories.
    pub git: &'a Git,
    /// To the API, where there is a token for it.
    pub gitlab: Option<&'a Gitlab>,
    /// The release log as it is, where the team has one.
    pub book: Option<&'a Book>,
    /// What [`Self::git`] uses, to say whose token does not suffice.
    pub credentials: &'a CredentialEntries,
}

/// What a deployment would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The branch that is moved.
    pub branch: String,
    /// One per project, in the order of the wishes.
    pub steps: Vec<Step>,
}

/// What would be done to one project.
#[derive(Debug, Clone)]
pub struct Step {
    /// What people call the project.
    pub name: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// Where its branch is; `None`: there is none.
    pub from: Option<String>,
    /// Where its branch is to be.
    pub to: String,
    /// What kind of move it is, or why there is none.
    pub verdict: Result<Kind, Refusal>,
    /// How many commits come and how many go; `None`: that cannot be compared.
    pub distance: Option<(usize, usize)>,
    /// The merge requests among them.
    pub merge_requests: Contained,
    /// Who put there what is there, where that was looked for.
    pub by: By,
    /// What could not be found out.
    pub notes: Vec<String>,
    /// Whether the move can be undone, as far as anybody can say.
    pub force: Force,
    pub(super) heads: Heads,
}

/// Merge requests by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contained {
    /// These come, and these go.
    Known {
        /// What the branch has afterwards and had not before.
        added: Vec<u64>,
        /// The reverse.
        removed: Vec<u64>,
    },
    /// Nobody could say.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Default for Contained {
    fn default() -> Self {
        Self::Known {
            added: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl Plan {
    /// The steps that are refused, with the reasons.
    pub fn refusals(&self) -> impl Iterator<Item = (&Step, &Refusal)> {
        let steps = self.steps.iter();
        steps.filter_map(|step| step.verdict.as_ref().err().map(|refusal| (step, refusal)))
    }

    /// What could not be found out about which projects, each thing once.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut found: Vec<(String, Vec<&str>)> = Vec::new();
        for step in &self.steps {
            let unknown = match &step.merge_requests {
                Contained::Unknown { why } => {
                    Some(format!("which merge requests it has is not known: {why}"))
                }
                Contained::Known { .. } => None,
            };
            for note in step.notes.iter().cloned().chain(unknown) {
                match found.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, names)) => names.push(&step.name),
                    None => found.push((note, vec![&step.name])),
                }
            }
        }
        let stays = self.steps.iter().filter(|step| {
            let forward = matches!(step.verdict, Ok(Kind::Forward | Kind::First));
            forward && step.force == Force::Forbidden && self.steps.len() > 1
        });
        let stays: Vec<&str> = stays.map(|step| step.name.as_str()).collect();
        if !stays.is_empty() {
            let note = "the branch may only move forwards, so this goes last and is not moved back";
            found.push((note.to_owned(), stays));
        }
        let line = |(note, names): (String, Vec<&str>)| format!("{}: {note}", names.join(", "));
        found.into_iter().map(line).collect()
    }

    /// Whether all projects are where they should be already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let done = |step: &Step| step.verdict == Ok(Kind::Nothing);
        self.steps.iter().all(done)
    }
}

/// Makes the plan of a deployment: all projects at once, a few requests each.
///
/// # Errors
/// [`DeployError::Unplanned`] names every project that could not be looked into, [`DeployError::Twice`] two wishes for one
/// branch. A project that may not be deployed is no error but a step with a refusal.
pub fn plan(doors: &Doors<'_>, wishes: &[Wish], rules: &Rules) -> Result<Plan, DeployError> {
    let wishes = distinct(wishes)?;
    let gathered = parallel::map(&wishes, |wish| gather(doors, wish, rules));
    let mut steps = Vec::new();
    let mut failed = Vec::new();
    for (wish, gathered) in wishes.iter().zip(gathered) {
        match gathered {
            Ok(gathered) => steps.push(step(wish, gathered, rules)),
            Err(source) => failed.push(Unplanned {
                project: wish.name.clone(),
                source,
            }),
        }
    }
    if failed.is_empty() {
        return Ok(Plan {
            branch: rules.branch.clone(),
            steps,
        });
    }
    Err(DeployError::unplanned(failed))
}

fn step(wish: &Wish, gathered: Gathered, rules: &Rules) -> Step {
    let Gathered {
        facts,
        heads,
        comparison,
        contained,
        notes,
    } = gathered;
    Step {
        name: wish.name.clone(),
        repository: wish.repository.clone(),
        verdict: judge(&facts, &wish.expect, rules),
        distance: comparison
            .filter(|_| facts.now.is_some())
            .map(|it| (it.ahead.len(), it.behind.len())),
        merge_requests: contained,
        by: facts.by,
        notes,
        force: facts.force,
        from: facts.now,
        to: facts.to,
        heads,
    }
}

/// Several projects may lie in one repository, which has but one production branch.
fn distinct(wishes: &[Wish]) -> Result<Vec<Wish>, DeployError> {
    let mut found: Vec<Wish> = Vec::new();
    for wish in wishes {
        let same = |it: &&mut Wish| same_repository(&it.repository, &wish.repository);
        match found.iter_mut().find(same) {
            None => found.push(wish.clone()),
            Some(first) if first.to == wish.to => first.name += &format!(", {}", wish.name),
            Some(first) => {
                return Err(DeployError::Twice {
                    repository: wish.repository.to_string(),
                    first: format!("{} @ {}", first.name, first.to),
                    second: format!("{} @ {}", wish.name, wish.to),
                });
            }
        }
    }
    Ok(found)
}
