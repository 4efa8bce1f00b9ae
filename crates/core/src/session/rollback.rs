//! Rollbacks: the production branches of a whole release move back, or none of them does.
//!
//! The branches are moved as a deployment moves them; afterwards the channel holds a new release that records where it went back to.

use super::Session;
use super::deploy::{Deployment, PushOptions};
use super::deploy_report::DeployReport;
use crate::deploy::{DeployError, DeployTarget, Rules};
use crate::lock::diff::diff;
use crate::lock::model::Lock;
use crate::release::{self, BackTo, ChannelName, Goal, LogFiles, ReleaseError};

/// Where to go back to.
pub struct RollbackOptions<'a> {
    /// The release: its name or the beginning of it, a channel, `latest` or `previous`.
    pub to: String,
    /// Names of the packages and data projects to move; empty means all of the release.
    pub only: Vec<String>,
    /// The channel that goes back.
    pub channel: ChannelName,
    /// The branch that is moved.
    pub branch: String,
    /// The environment whose deployments tell what was in production.
    pub environment: String,
    /// How it is run.
    pub run: PushOptions<'a>,
}

impl Session<'_> {
    /// Moves the production branches of a release back to it. A rollback that is refused or does not succeed returns its report
    /// with the failure in it.
    ///
    /// # Errors
    /// [`DeployError`] when there is no plan to report on; no branch was moved.
    pub fn rollback(&self, options: &RollbackOptions<'_>) -> Result<DeployReport, DeployError> {
        let log = self.release_log()?;
        let stamp = self.run.stamp(options.run.reason.as_deref());
        let channel = &options.channel;
        let files = log.read()?;
        let goal = release::goal(&files, &options.to, channel, &stamp)?;
        let mut only = options.only.clone();
        only.sort();
        only.dedup();
        let targets = targets(&goal, &only)?;
        let release = &goal.release;
        self.reporter().note(format!("back to release {release}"));
        if only.is_empty() {
            self.tell_unmoved(&unmoved(&files, channel, &goal.lock)?, &goal);
        }
        // What was in a release was accepted once, although its line of development may have been left since.
        let rules = Rules {
            environment: options.environment.clone(),
            branch: options.branch.clone(),
            rollback: true,
            sidewise: true,
            any_commit: true,
        };
        let back = BackTo {
            release: goal.release,
            only,
        };
        self.carry_out(&Deployment {
            targets: &targets,
            rules: &rules,
            stamp: &stamp,
            options: &options.run,
            afterwards: Some(&|log| {
                let outcome = log.write(&stamp, |files| {
                    release::rolled_back(files, &back, channel, &stamp)
                })?;
                self.audit_change(log.place(), &outcome, &stamp);
                Ok(outcome)
            }),
        })
    }

    fn tell_unmoved(&self, changes: &[String], goal: &Goal) {
        if !changes.is_empty() {
            self.reporter().note(format!(
                "not by branches, but with the lock of the release (`pannier release show {} --lock`):\n{}",
                goal.release,
                changes.join("\n")
            ));
        }
    }
}

/// The projects of a release at their commits.
fn targets(goal: &Goal, only: &[String]) -> Result<Vec<DeployTarget>, DeployError> {
    let all = DeployTarget::of_lock(&goal.lock);
    if let Some(name) = only
        .iter()
        .find(|name| all.iter().all(|it| it.name != **name))
    {
        return Err(DeployError::NotInRelease {
            release: goal.release.clone(),
            name: name.clone(),
            known: all.into_iter().map(|it| it.name).collect(),
        });
    }
    let wanted = |it: &DeployTarget| only.is_empty() || only.contains(&it.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// What differs between a release and what the channel holds although no branch of it moves: versions of the index and folders
/// come with the lock, and what is new since stays where it is.
fn unmoved(
    files: &LogFiles,
    channel: &ChannelName,
    lock: &Lock,
) -> Result<Vec<String>, ReleaseError> {
    let Some(held) = files.channel(channel)? else {
        return Ok(Vec::new());
    };
    let (_, now) = files.lock(&files.release(&held.release)?)?;
    let moved = DeployTarget::of_lock(lock);
    let is_moved = |change: &str| {
        let name = change.strip_prefix("data/").unwrap_or(change);
        moved.iter().any(|target| target.name == name)
    };
    let changes = diff(&now, lock);
    let rest = changes.iter().filter(|change| !is_moved(&change.name));
    Ok(rest.map(|change| format!("  {change}")).collect())
}
