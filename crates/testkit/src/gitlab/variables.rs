//! The predefined variables that a job sees, as far as Pannier reads them.

use super::state::{Id, State};

impl State {
    pub fn job_variables(&self, id: Id) -> Vec<(String, String)> {
        let job = &self.jobs[&id];
        let pipeline = &self.pipelines[&job.pipeline];
        let project = self.project(job.project);
        let user = &self.users[&job.user];
        let url = self.web_url(project.id);
        let host = self.base.trim_start_matches("http://");
        let (name, port) = host.split_once(':').unwrap_or((host, "80"));
        let branch = pipeline.merge_request.is_none() && !pipeline.tag;
        let ref_name = match pipeline.merge_request {
            Some(id) => self.merge_requests[&id].source_branch.clone(),
            None => pipeline.ref_.clone(),
        };
        let slug: String = ref_name
            .to_lowercase()
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' })
            .collect();
        let mut set: Vec<(&str, String)> = vec![
            ("CI", "true".to_owned()),
            ("GITLAB_CI", "true".to_owned()),
            ("CI_SERVER_URL", self.base.clone()),
            ("CI_SERVER_HOST", name.to_owned()),
            ("CI_SERVER_PORT", port.to_owned()),
            ("CI_SERVER_FQDN", host.to_owned()),
            ("CI_SERVER_PROTOCOL", "http".to_owned()),
            ("CI_API_V4_URL", format!("{}/api/v4", self.base)),
            ("CI_PROJECT_ID", project.id.to_string()),
            ("CI_PROJECT_PATH", project.path.clone()),
            (
                "CI_PROJECT_NAME",
                project
                    .path
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            ),
            (
                "CI_PROJECT_NAMESPACE",
                project
                    .path
                    .rsplit_once('/')
                    .map(|it| it.0.to_owned())
                    .unwrap_or_default(),
            ),
            ("CI_PROJECT_URL", url.clone()),
            ("CI_DEFAULT_BRANCH", project.default_branch.clone()),
            (
                "CI_REPOSITORY_URL",
                format!("{url}.git").replacen(
                    "http://",
                    &format!("http://gitlab-ci-token:{}@", job.token),
                    1,
                ),
            ),
            ("CI_PIPELINE_ID", pipeline.id.to_string()),
            ("CI_PIPELINE_IID", pipeline.iid.to_string()),
            ("CI_PIPELINE_SOURCE", pipeline.source.clone()),
            (
                "CI_PIPELINE_URL",
                format!("{url}/-/pipelines/{}", pipeline.id),
            ),
            ("CI_JOB_ID", id.to_string()),
            ("CI_JOB_NAME", job.name.clone()),
            ("CI_JOB_STAGE", job.stage.clone()),
            ("CI_JOB_STATUS", "running".to_owned()),
            ("CI_JOB_TOKEN", job.token.clone()),
            ("CI_JOB_URL", format!("{url}/-/jobs/{id}")),
            ("CI_COMMIT_SHA", pipeline.sha.clone()),
            (
                "CI_COMMIT_SHORT_SHA",
                pipeline.sha[..8.min(pipeline.sha.len())].to_owned(),
            ),
            ("CI_COMMIT_REF_NAME", ref_name.clone()),
            (
                "CI_COMMIT_REF_SLUG",
                slug[..63.min(slug.len())].trim_matches('-').to_owned(),
            ),
            (
                "CI_COMMIT_REF_PROTECTED",
                self.is_protected(project.id, &ref_name).to_string(),
            ),
            ("GITLAB_USER_ID", user.id.to_string()),
            ("GITLAB_USER_LOGIN", user.username.clone()),
            ("GITLAB_USER_NAME", user.name.clone()),
            (
                "GITLAB_USER_EMAIL",
                format!("{}@example.org", user.username),
            ),
        ];
        if branch {
            set.push(("CI_COMMIT_BRANCH", ref_name.clone()));
        }
        if pipeline.tag {
            set.push(("CI_COMMIT_TAG", pipeline.ref_.clone()));
        }
        if let Some(environment) = &job.environment {
            set.push(("CI_ENVIRONMENT_NAME", environment.clone()));
        }
        if let Some(id) = pipeline.merge_request {
            let found = &self.merge_requests[&id];
            let source = self.project(found.source_project);
            set.extend([
                ("CI_MERGE_REQUEST_ID", found.id.to_string()),
                ("CI_MERGE_REQUEST_IID", found.iid.to_string()),
                ("CI_MERGE_REQUEST_TITLE", found.title.clone()),
                ("CI_MERGE_REQUEST_EVENT_TYPE", "detached".to_owned()),
                ("CI_MERGE_REQUEST_PROJECT_ID", found.project.to_string()),
                ("CI_MERGE_REQUEST_PROJECT_PATH", project.path.clone()),
                (
                    "CI_MERGE_REQUEST_REF_PATH",
                    format!("refs/merge-requests/{}/head", found.iid),
                ),
                (
                    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
                    found.source_branch.clone(),
                ),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", source.id.to_string()),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", source.path.clone()),
                (
                    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
                    found.target_branch.clone(),
                ),
            ]);
        }
        let given = pipeline.variables.iter().cloned();
        let mut all: Vec<_> = set
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        // What a pipeline was started with beats what is predefined.
        for (name, value) in given {
            all.retain(|(known, _)| *known != name);
            all.push((name, value));
        }
        all
    }
}
