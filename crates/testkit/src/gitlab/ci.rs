//! How pipelines are made and move: jobs from a commit's `.gitlab-ci.yml` (the part of its grammar that tests use), statuses
//! that follow from jobs, retries, cancellations, and resource groups. No job is run here: who plays the runner sets statuses.

use serde_yaml::Value as Yaml;

use super::answer::{Reply, base};
use super::repo;
use super::state::{Id, Job, Pipeline, ResourceGroup, State};
use super::status::{Status, composite};

/// What a configuration says of one job.
#[derive(Debug, Clone, Default)]
pub struct JobSpec {
    pub name: String,
    pub stage: String,
    pub bridge: bool,
    pub manual: bool,
    pub allow_failure: bool,
    pub resource_group: Option<String>,
    pub environment: Option<String>,
}

const RESERVED: [&str; 12] = [
    "stages",
    "variables",
    "workflow",
    "default",
    "include",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "types",
];

/// Jobs of a configuration for a pipeline of this source, in the order of their stages.
fn jobs_of(text: &str, source: &str) -> Reply<Vec<JobSpec>> {
    let yaml: Yaml = serde_yaml::from_str(text)
        .map_err(|error| base(&format!("Invalid configuration format: {error}")))?;
    let Some(map) = yaml.as_mapping() else {
        return Err(base("Invalid configuration format"));
    };
    let words = |value: Option<&Yaml>| -> Vec<String> {
        let list = value.and_then(Yaml::as_sequence).into_iter().flatten();
        list.filter_map(|it| it.as_str().map(str::to_owned))
            .collect()
    };
    let mut stages = words(yaml.get("stages"));
    if stages.is_empty() {
        stages = ["build", "test", "deploy"].map(str::to_owned).to_vec();
    }
    stages.insert(0, ".pre".to_owned());
    stages.push(".post".to_owned());
    let mut jobs = Vec::new();
    for (name, job) in map {
        let Some(name) = name
            .as_str()
            .filter(|name| !name.starts_with('.') && !RESERVED.contains(name))
        else {
            continue;
        };
        let word = |key: &str| job.get(key).and_then(Yaml::as_str).map(str::to_owned);
        if !runs(job, source) {
            continue;
        }
        let stage = word("stage").unwrap_or_else(|| "test".to_owned());
        if !stages.contains(&stage) {
            return Err(base(&format!(
                "{name} job: chosen stage {stage} does not exist; available stages are {}",
                stages.join(", ")
            )));
        }
        let environment = job.get("environment");
        jobs.push(JobSpec {
            name: name.to_owned(),
            stage,
            bridge: job.get("trigger").is_some(),
            manual: word("when").as_deref() == Some("manual"),
            allow_failure: job
                .get("allow_failure")
                .and_then(Yaml::as_bool)
                .unwrap_or(word("when").as_deref() == Some("manual")),
            resource_group: word("resource_group"),
            environment: word("environment").or_else(|| {
                environment
                    .and_then(|it| it.get("name"))
                    .and_then(Yaml::as_str)
                    .map(str::to_owned)
            }),
        });
    }
    jobs.sort_by_key(|job| stages.iter().position(|stage| *stage == job.stage));
    Ok(jobs)
}

/// Whether a job's rules let it into a pipeline of this source. Only comparisons of `$CI_PIPELINE_SOURCE` are understood;
/// a job without rules is for branches and tags.
fn runs(job: &Yaml, source: &str) -> bool {
    let Some(rules) = job.get("rules").and_then(Yaml::as_sequence) else {
        return source != "merge_request_event";
    };
    rules.iter().any(|rule| {
        let condition = rule.get("if").and_then(Yaml::as_str);
        let Some(condition) = condition else {
            return true;
        };
        let compared = |operator: &str| {
            let (left, right) = condition.split_once(operator)?;
            (left.trim() == "$CI_PIPELINE_SOURCE")
                .then(|| right.trim().trim_matches(['"', '\'']).to_owned())
        };
        match (compared("=="), compared("!=")) {
            (Some(wanted), _) => wanted == source,
            (None, Some(unwanted)) => unwanted != source,
            (None, None) => false,
        }
    })
}

impl State {
    /// Makes a pipeline from the commit's configuration.
    pub fn create_pipeline(
        &mut self,
        project: Id,
        user: Id,
        ref_: &str,
        sha: &str,
        source: &str,
        variables: Vec<(String, String)>,
    ) -> Reply<Id> {
        let text = self
            .file(project, sha, ".gitlab-ci.yml")
            .ok_or_else(|| base("Missing CI config file"))?;
        let jobs = jobs_of(&text, source)?;
        if jobs.is_empty() {
            return Err(base(
                "Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being \
                 added to the pipeline.",
            ));
        }
        let id = self.add_pipeline(project, user, ref_, sha, source);
        self.pipelines.get_mut(&id).expect("just made").variables = variables;
        for job in &jobs {
            self.add_job(id, job);
        }
        self.proceed(id);
        Ok(id)
    }

    fn file(&self, project: Id, sha: &str, path: &str) -> Option<String> {
        let repository = self.open(project);
        let tree = repo::resolve(&repository, sha)?.tree().ok()?;
        let blob = repository
            .find_blob(tree.get_path(path.as_ref()).ok()?.id())
            .ok()?;
        String::from_utf8(blob.content().to_vec()).ok()
    }

    /// A pipeline without jobs.
    pub fn add_pipeline(
        &mut self,
        project: Id,
        user: Id,
        ref_: &str,
        sha: &str,
        source: &str,
    ) -> Id {
        let (id, iid, now) = (
            self.next("pipeline"),
            self.next(&format!("pipeline of {project}")),
            self.now(),
        );
        let tag = self
            .open(project)
            .find_reference(&format!("refs/tags/{ref_}"))
            .is_ok();
        let pipeline = Pipeline {
            id,
            iid,
            project,
            status: Status::Created,
            source: source.to_owned(),
            ref_: ref_.to_owned(),
            sha: sha.to_owned(),
            tag,
            name: None,
            user,
            merge_request: None,
            parent: None,
            variables: Vec::new(),
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
        };
        self.pipelines.insert(id, pipeline);
        id
    }

    /// A job that has not begun.
    pub fn add_job(&mut self, pipeline: Id, spec: &JobSpec) -> Id {
        let (id, now) = (self.next("job"), self.now());
        let (project, user) = (
            self.pipelines[&pipeline].project,
            self.pipelines[&pipeline].user,
        );
        let token = self.new_token("glcbt-64_");
        let job = Job {
            id,
            pipeline,
            project,
            name: spec.name.clone(),
            stage: spec.stage.clone(),
            status: Status::Created,
            user,
            bridge: spec.bridge,
            retried: false,
            allow_failure: spec.allow_failure,
            manual: spec.manual,
            resource_group: spec.resource_group.clone(),
            environment: spec.environment.clone(),
            deployment: None,
            failure_reason: None,
            tags: Vec::new(),
            token,
            trace: String::new(),
            created_at: now,
            queued_at: None,
            started_at: None,
            finished_at: None,
        };
        self.jobs.insert(id, job);
        if let Some(name) = &spec.resource_group {
            self.resource_group(project, name);
        }
        id
    }

    /// Makes the resource group when it is used first.
    pub fn resource_group(&mut self, project: Id, name: &str) {
        let now = self.now();
        if self.project(project).resource_groups.contains_key(name) {
            return;
        }
        let group = ResourceGroup {
            id: self.next("resource_group"),
            process_mode: "unordered".to_owned(),
            created_at: now,
            updated_at: now,
        };
        self.project_mut(project)
            .resource_groups
            .insert(name.to_owned(), group);
    }

    /// Lets jobs begin whose earlier stages are done.
    pub fn proceed(&mut self, pipeline: Id) {
        let mut stages: Vec<(String, bool, bool)> = Vec::new();
        for job in self.jobs_of(pipeline).filter(|job| !job.retried) {
            let blocks = job.manual && !job.allow_failure;
            let done = job.status.is_done() || (job.status == Status::Manual && !blocks);
            let bad = matches!(job.status, Status::Failed | Status::Canceled) && !job.allow_failure;
            match stages.iter_mut().find(|(stage, _, _)| *stage == job.stage) {
                Some(known) => (known.1, known.2) = (known.1 && done, known.2 || bad),
                None => stages.push((job.stage.clone(), done, bad)),
            }
        }
        let reached = stages
            .iter()
            .take_while(|(_, done, bad)| *done && !bad)
            .count();
        let Some((stage, _, _)) = stages.get(reached) else {
            return self.recompute(pipeline);
        };
        let next: Vec<_> = self
            .jobs_of(pipeline)
            .filter(|job| job.stage == *stage && job.status == Status::Created && !job.retried)
            .map(|job| (job.id, job.manual))
            .collect();
        for (job, manual) in &next {
            self.put_job(
                *job,
                if *manual {
                    Status::Manual
                } else {
                    Status::Pending
                },
            );
        }
        match next.is_empty() {
            true => self.recompute(pipeline),
            false => self.proceed(pipeline),
        }
    }

    /// Sets a job's status, and lets everything follow from it.
    pub fn set_job(&mut self, job: Id, status: Status) {
        let pipeline = self.jobs[&job].pipeline;
        self.put_job(job, status);
        if status.is_done() {
            self.proceed(pipeline);
        }
        self.recompute(pipeline);
    }

    /// Sets a job's status and times alone, without its pipeline; a job whose resource is taken waits for it.
    pub fn put_job(&mut self, id: Id, status: Status) {
        let now = self.now();
        let job = &self.jobs[&id];
        let (project, group) = (job.project, job.resource_group.clone());
        let taken = status == Status::Pending
            && group
                .as_ref()
                .is_some_and(|group| self.holder(project, group).is_some_and(|held| held != id));
        let status = if taken {
            Status::WaitingForResource
        } else {
            status
        };
        let job = self.jobs.get_mut(&id).expect("it is there");
        job.status = status;
        match status {
            Status::Pending => job.queued_at = job.queued_at.or(Some(now)),
            Status::Running => {
                job.queued_at = job.queued_at.or(Some(now));
                job.started_at = job.started_at.or(Some(now));
            }
            status if status.is_done() && status != Status::Skipped => job.finished_at = Some(now),
            _ => {}
        }
        if status == Status::Failed && job.failure_reason.is_none() {
            job.failure_reason = Some("script_failure".to_owned());
        }
        self.follow_deployment(id);
        if let Some(group) = group.filter(|_| status.is_done()) {
            self.hand_on(project, &group);
        }
    }

    /// The job that holds a resource group.
    pub fn holder(&self, project: Id, group: &str) -> Option<Id> {
        let holds = |status| {
            matches!(
                status,
                Status::Pending | Status::Running | Status::Canceling | Status::Preparing
            )
        };
        let mut jobs = self
            .jobs
            .values()
            .filter(|job| job.project == project && job.resource_group.as_deref() == Some(group));
        jobs.find(|job| holds(job.status)).map(|job| job.id)
    }

    /// Jobs that wait for a resource group, the next one first.
    pub fn upcoming(&self, project: Id, group: &str) -> Vec<Id> {
        let jobs = self.jobs.values().filter(|job| {
            job.project == project
                && job.resource_group.as_deref() == Some(group)
                && job.status == Status::WaitingForResource
        });
        let mut jobs: Vec<_> = jobs.map(|job| (job.pipeline, job.id)).collect();
        jobs.sort_unstable();
        let mode = self
            .project(project)
            .resource_groups
            .get(group)
            .map(|it| it.process_mode.as_str());
        if matches!(mode, Some("newest_first" | "newest_ready_first")) {
            jobs.reverse();
        }
        jobs.into_iter().map(|(_, job)| job).collect()
    }

    fn hand_on(&mut self, project: Id, group: &str) {
        if self.holder(project, group).is_some() {
            return;
        }
        if let Some(next) = self.upcoming(project, group).first().copied() {
            self.put_job(next, Status::Pending);
            self.recompute(self.jobs[&next].pipeline);
        }
    }

    /// A pipeline's status from its jobs; what has no jobs keeps its own.
    pub fn recompute(&mut self, id: Id) {
        let jobs: Vec<_> = self
            .jobs_of(id)
            .filter(|job| !job.retried)
            .map(|job| {
                // What waits for a person without blocking counts as skipped.
                let ignored = job.status == Status::Manual && job.allow_failure;
                (
                    if ignored { Status::Skipped } else { job.status },
                    job.allow_failure,
                )
            })
            .collect();
        if !jobs.is_empty() {
            self.set_pipeline(id, composite(&jobs));
        }
    }

    /// Sets a pipeline's status and times, tells hooks, and lets the trigger job above follow.
    pub fn set_pipeline(&mut self, id: Id, status: Status) {
        let now = self.now();
        let Some(pipeline) = self.pipelines.get_mut(&id) else {
            return;
        };
        if pipeline.status == status {
            return;
        }
        pipeline.status = status;
        pipeline.updated_at = now;
        if status == Status::Running {
            pipeline.started_at = pipeline.started_at.or(Some(now));
        }
        pipeline.finished_at = status.is_done().then_some(now);
        let parent = pipeline.parent;
        self.pipeline_hook(id);
        if let Some(bridge) = parent.filter(|job| self.jobs.get(job).is_some_and(|job| job.bridge))
        {
            self.set_job(bridge, status);
        }
    }

    pub fn cancel_pipeline(&mut self, id: Id) {
        let jobs: Vec<_> = self.jobs_of(id).map(|job| job.id).collect();
        for job in &jobs {
            self.cancel_job(*job);
        }
        if jobs.is_empty() && self.pipelines[&id].status.is_cancelable() {
            self.set_pipeline(id, Status::Canceled);
        }
        let below: Vec<_> = jobs
            .iter()
            .filter_map(|job| self.downstream(*job))
            .filter(|it| it.source == "parent_pipeline")
            .map(|it| it.id)
            .collect();
        for child in below {
            self.cancel_pipeline(child);
        }
        self.recompute(id);
    }

    /// A running job is told to end, everything else that is alive ends at once.
    pub fn cancel_job(&mut self, job: Id) {
        match self.jobs[&job].status {
            Status::Running if !self.jobs[&job].bridge => self.set_job(job, Status::Canceling),
            status if status.is_cancelable() => {
                // Later stages do not begin because of a cancellation.
                self.put_job(job, Status::Canceled);
                self.recompute(self.jobs[&job].pipeline);
            }
            _ => {}
        }
    }

    /// A new job takes the place of an ended one.
    pub fn retry_job(&mut self, id: Id, user: Id) -> Id {
        let old = self.jobs[&id].clone();
        let spec = JobSpec {
            name: old.name,
            stage: old.stage,
            bridge: old.bridge,
            manual: old.manual,
            allow_failure: old.allow_failure,
            resource_group: old.resource_group,
            environment: old.environment,
        };
        self.jobs.get_mut(&id).expect("it is there").retried = true;
        let new = self.add_job(old.pipeline, &spec);
        self.jobs.get_mut(&new).expect("just made").user = user;
        self.set_job(new, Status::Pending);
        new
    }
}
