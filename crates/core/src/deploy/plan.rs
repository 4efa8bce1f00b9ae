//! What a deployment would do: one step per project, each with its kind or the reason why not.
//!
//! Everything is looked at before anything is pushed, all projects at once. Refuses to write.

use super::error::{DeployError, Unplanned};
use super::facts::{Gathered, Services, gather};
use super::judge::judge;
use super::parallel;
use super::report::{Plan, Step};
use super::target::{DeployTarget, Rules};
use pannier_base::url::same_repository;

/// Makes the plan of a deployment: all projects at once, a few requests each.
///
/// # Errors
/// [`DeployError::Unplanned`] names every project that could not be looked into, [`DeployError::Twice`] two targets for one
/// branch. A project that may not be deployed is no error but a step with a refusal.
pub fn plan(
    services: &Services<'_>,
    targets: &[DeployTarget],
    rules: &Rules,
) -> Result<Plan, DeployError> {
    let targets = distinct(targets)?;
    let gathered = parallel::map(&targets, |target| gather(services, target, rules));
    let mut steps = Vec::new();
    let mut failed = Vec::new();
    for (target, gathered) in targets.iter().zip(gathered) {
        match gathered {
            Ok(gathered) => steps.push(step(target, gathered, rules)),
            Err(source) => failed.push(Unplanned {
                project: target.name.clone(),
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

fn step(target: &DeployTarget, gathered: Gathered, rules: &Rules) -> Step {
    let Gathered {
        facts,
        heads,
        comparison,
        contained,
        notes,
    } = gathered;
    Step {
        name: target.name.clone(),
        repository: target.repository.clone(),
        verdict: judge(&facts, &target.expect, rules),
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
fn distinct(targets: &[DeployTarget]) -> Result<Vec<DeployTarget>, DeployError> {
    let mut found: Vec<DeployTarget> = Vec::new();
    for target in targets {
        let same = |it: &&mut DeployTarget| same_repository(&it.repository, &target.repository);
        match found.iter_mut().find(same) {
            None => found.push(target.clone()),
            Some(first) if first.to == target.to => first.name += &format!(", {}", target.name),
            Some(first) => {
                return Err(DeployError::Twice {
                    repository: target.repository.to_string(),
                    first: format!("{} @ {}", first.name, first.to),
                    second: format!("{} @ {}", target.name, target.to),
                });
            }
        }
    }
    Ok(found)
}
