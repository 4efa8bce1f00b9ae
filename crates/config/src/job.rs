//! The project whose pipeline this is, as GitLab's variables name it
//! (<https://docs.gitlab.com/ci/variables/predefined_variables/>).

use pannier_base::url::SafeUrl;
use pannier_core::deploy::JobProject;

use crate::env::{self, Environment};

/// The project and commit of a job.
///
/// In a merge request's pipeline that is the project into which it will be merged, also where the pipeline runs in a fork;
/// and the head of its source branch, also where what was tested is that merged with the target: such a merge is on no
/// branch.
#[must_use]
pub fn job_project(environment: &Environment) -> Option<JobProject> {
    let (_, url) = environment.first(&[env::CI_MERGE_REQUEST_PROJECT_URL, env::CI_PROJECT_URL])?;
    let repository: SafeUrl = format!("{}.git", url.trim_end_matches('/')).parse().ok()?;
    let name = repository.file_name();
    let commit = environment.first(&[env::CI_MERGE_REQUEST_SOURCE_BRANCH_SHA, env::CI_COMMIT_SHA]);
    Some(JobProject {
        name: name.strip_suffix(".git").unwrap_or(&name).to_owned(),
        repository,
        commit: commit.map(|(_, commit)| commit.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "1111111111111111111111111111111111111111";
    const MERGED: &str = "2222222222222222222222222222222222222222";

    fn job<const N: usize>(
        variables: [(&str, &str); N],
    ) -> Option<(String, String, Option<String>)> {
        let job = job_project(&variables.into())?;
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
