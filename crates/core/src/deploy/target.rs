//! What a deployment is asked for: which projects, to which commits, by which rules.

use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedSource;
use pannier_base::url::SafeUrl;

/// One project whose branch is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployTarget {
    /// What people call it.
    pub name: String,
    /// Its repository; its own credentials are used for it.
    pub repository: SafeUrl,
    /// What is to be deployed: a commit, best all 40 digits, or a tag or branch that is looked up.
    pub to: String,
    /// What has to be there now.
    pub expect: Expect,
}

impl DeployTarget {
    /// Every git package and git data project of a lock, at its commit.
    #[must_use]
    pub fn of_lock(lock: &Lock) -> Vec<Self> {
        let target = |name: String, repository: &SafeUrl, commit: &str| Self {
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
            Some(target(package.name.to_string(), repository, commit))
        });
        let data = lock.pannier.data.iter().filter_map(|(name, data)| {
            let LockedData::Git { url, commit_id, .. } = data else {
                return None;
            };
            Some(target(name.to_string(), url, commit_id))
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
