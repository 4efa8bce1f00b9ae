//! `pannier guard resource-group`: the settings of GitLab's own queue that its pages do not offer.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;

use pannier_base::visible::line;
use pannier_clients::gitlab::{Conditional, GitlabError, Job, ProcessMode};
use pannier_core::guard::say;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::given::Given;
use super::options::{Mode, ResourceGroup};
use crate::options::Format;

impl From<Mode> for ProcessMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Unordered => Self::Unordered,
            Mode::OldestFirst => Self::OldestFirst,
            Mode::NewestFirst => Self::NewestFirst,
            Mode::NewestReadyFirst => Self::NewestReadyFirst,
        }
    }
}

/// GitLab makes a resource group when a job first uses it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("project {project} has no resource group `{name}`, or none that this token may see")]
#[diagnostic(help(
    "GitLab creates it when a job with `resource_group: {name}` first runs; set its mode after that"
))]
struct NoGroup {
    project: String,
    name: String,
    #[source]
    source: GitlabError,
}

pub(super) fn run(options: &ResourceGroup, context: &Context) -> Result<(), Failure> {
    let given = Given::of(context);
    let gitlab = super::access::door(&options.access, &given, &context.cancel)?;
    let project = given.project(&options.access)?;
    let name = &options.name;
    let failed = |source: GitlabError| match source.is_missing() {
        true => Failure::new(
            Exit::Failed,
            NoGroup {
                project: project.to_string(),
                name: name.clone(),
                source,
            },
        ),
        false => Failure::new(Exit::Failed, source),
    };
    let group = match options.mode {
        Some(mode) => gitlab.set_process_mode(&project, name, mode.into()),
        None => gitlab.resource_group(&project, name),
    };
    let group = group.map_err(failed)?;
    let waiting = match options.list {
        true => Some(gitlab.upcoming_jobs(&project, name).map_err(failed)?),
        false => None,
    };
    if options.format == Format::Json {
        let jobs = waiting.as_ref().map(|waiting| {
            let job = |job: &Job| json!({ "id": job.id, "name": job.name, "status": job.status.word(), "created_at": job.created_at.to_string() });
            waiting.objects.iter().flatten().map(job).collect::<Vec<_>>()
        });
        let shown =
            json!({ "name": group.key, "process_mode": group.process_mode, "waiting": jobs });
        return context.print_json(&shown);
    }
    let mut text = format!("{}: {}\n", line(&group.key), group.process_mode);
    if let Some(waiting) = waiting {
        text += &shown(&waiting);
    }
    context.print(&text)
}

/// Ages are differences of the server's own times; without its time there are none.
fn shown(waiting: &Conditional<Job>) -> String {
    let now = waiting.time.and_then(|time| Timestamp::try_from(time).ok());
    let mut text = String::new();
    for job in waiting.objects.iter().flatten() {
        let name = line(&job.name);
        let _ = write!(text, "  job {name} #{} {}", job.id, job.status);
        if let Some(now) = now {
            let age = say::length(now.duration_since(job.created_at));
            let _ = write!(text, ", made {age} ago");
        }
        if let Some(person) = &job.user {
            let (name, user) = (line(&person.name), line(&person.username));
            let _ = write!(text, ", started by {name} (@{user})");
        }
        text.push('\n');
    }
    match text.is_empty() {
        true => "no job is waiting\n".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_makes_no_line() {
        let job: Job = serde_json::from_value(json!({
            "id": 7, "name": "deploy\n  job other #8 success", "status": "created", "created_at": "2026-01-01T00:00:00Z",
            "user": { "username": "a\nb", "name": "A\u{202e}\nB" },
        }))
        .unwrap();
        let waiting = Conditional {
            objects: Some(vec![job]),
            version: None,
            time: None,
        };
        insta::assert_snapshot!(shown(&waiting), @r"  job deploy\n  job other #8 success #7 created, started by A\u{202e}\nB (@a\nb)");
    }
}
