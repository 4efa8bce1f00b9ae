//! What a deployment would do: one step per project, each with its kind or the reason why not.
//!
//! Everything is looked at before anything is pushed, all projects at once. Refuses to write.

use super::error::{DeployError, Unplanned};
use super::facts::{Doors, Gathered, gather};
use super::judge::judge;
use super::parallel;
use super::report::{Plan, Step};
use super::wish::{Rules, Wish};
use pannier_base::url::same_repository;

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
