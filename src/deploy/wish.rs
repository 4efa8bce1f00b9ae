//! What a deployment is asked for: which projects, to which commits, by which rules.

use crate::config::{Environment, env};
use crate::lock::model::{Lock, LockedData, LockedSource};
use crate::url::SafeUrl;

/// One project whose branch is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What people call it.
    pub name: String,
    /// Its repository; its own credentials are used for it.
    pub repository: SafeUrl,
    /// What is to be deployed: a commit, best all 40 digits, or a tag or branch that is looked up.
    pub to: String,
    /// What has to be there now.
    pub expect: Expect,
}

impl Wish {
    /// Every git package and git data project of a lock, at its commit.
    #[must_use]
    pub fn of_lock(lock: &Lock) -> Vec<Self> {
        let wish = |name: String, repository: &SafeUrl, commit: &str| Self {
            name,
            repository: repository.clone(),
            to: commit.to_owned(),
            expect: Expect::Seen,
        };
        let packages = lock.packages.iter().filter_map(|package| {
            let LockedSource::Git {
                repository, commit, ..
            } = &package.source
            else {
                return None;
            };
            Some(wish(package.name.to_string(), repository, commit))
        });
        let data = lock.pannier.data.iter().filter_map(|(name, data)| {
            let LockedData::Git { url, commit_id, .. } = data else {
                return None;
            };
            Some(wish(name.to_string(), url, commit_id))
        });
        packages.chain(data).collect()
    }
}

/// The project of a pipeline, as its variables name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobProject {
    /// Its name.
    pub name: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// The commit that the pipeline has tested.
    pub commit: Option<String>,
}

impl JobProject {
    /// The project and commit of a job.
    ///
    /// In a merge request's pipeline that is the project into which it will be merged, also where the pipeline runs in a fork;
    /// and the head of its source branch, also where what was tested is that merged with the target: such a merge is on no
    /// branch.
    #[must_use]
    pub fn of(environment: &Environment) -> Option<Self> {
        let (_, url) =
            environment.first(&[env::CI_MERGE_REQUEST_PROJECT_URL, env::CI_PROJECT_URL])?;
        let repository: SafeUrl = format!("{}.git", url.trim_end_matches('/')).parse().ok()?;
        let name = repository.file_name();
        let commit =
            environment.first(&[env::CI_MERGE_REQUEST_SOURCE_BRANCH_SHA, env::CI_COMMIT_SHA]);
        Some(Self {
            name: name.strip_suffix(".git").unwrap_or(&name).to_owned(),
            repository,
            commit: commit.map(|(_, commit)| commit.to_owned()),
        })
    }
}

/// What has to be on the branch before it is moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there when the plan is made.
    #[default]
    Seen,
    /// This commit, or one that begins so.
    Commit(String),
    /// Nothing: there is no branch yet.
    Nothing,
}

impl Expect {
    /// Whether that is so.
    #[must_use]
    pub fn holds(&self, now: Option<&str>) -> bool {
        match (self, now) {
            (Self::Seen, _) | (Self::Nothing, None) => true,
            (Self::Commit(commit), Some(now)) => now.starts_with(&commit.to_ascii_lowercase()),
            (Self::Commit(_), None) | (Self::Nothing, Some(_)) => false,
        }
    }
}

/// What holds for all projects of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The branch that is moved.
    pub branch: String,
    /// The environment whose deployments tell what was in production.
    pub environment: String,
    /// Whether going back is said openly: to a commit behind production, whether or not it was there before.
    pub rollback: bool,
    /// Whether moving to a commit on another line of development is allowed.
    pub sidewise: bool,
    /// Whether commits are allowed that are neither on the default branch nor the head of an open merge request.
    pub any_commit: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            branch: "production".to_owned(),
            environment: "production".to_owned(),
            rollback: false,
            sidewise: false,
            any_commit: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "1111111111111111111111111111111111111111";
    const MERGED: &str = "2222222222222222222222222222222222222222";

    fn job<const N: usize>(
        variables: [(&str, &str); N],
    ) -> Option<(String, String, Option<String>)> {
        let job = JobProject::of(&variables.into())?;
        Some((job.name, job.repository.to_string(), job.commit))
    }

    #[test]
    fn a_job_says_what_it_has_tested() {
        let own = ("CI_PROJECT_URL", "https://gitlab.example.com/group/tool");
        let url = format!("{}.git", own.1);
        let found = |commit: Option<&str>| {
            let commit = commit.map(str::to_owned);
            Some(("tool".to_owned(), url.clone(), commit))
        };
        assert_eq!(job([own, ("CI_COMMIT_SHA", HEAD)]), found(Some(HEAD)));
        assert_eq!(job([own]), found(None));
        // Merged results are on no branch; a detached pipeline has the variable, but empty.
        let source = "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA";
        let merged = [own, ("CI_COMMIT_SHA", MERGED), (source, HEAD)];
        assert_eq!(job(merged), found(Some(HEAD)));
        assert_eq!(
            job([own, ("CI_COMMIT_SHA", HEAD), (source, "")]),
            found(Some(HEAD))
        );
        // A fork's pipeline deploys nothing of the fork.
        let fork = ("CI_PROJECT_URL", "https://gitlab.example.com/ann/tool");
        let target = ("CI_MERGE_REQUEST_PROJECT_URL", own.1);
        assert_eq!(
            job([fork, target, ("CI_COMMIT_SHA", HEAD)]),
            found(Some(HEAD))
        );
        assert_eq!(job([("CI_COMMIT_SHA", HEAD)]), None);
    }
}
