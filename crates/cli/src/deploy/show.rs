//! Plans and reports of deployments as people and machines read them.

use serde::Serialize;

use pannier_core::deploy::{Contained, Kind, Plan, Report, Stands, Step};

use pannier_core::release::Outcome;

use super::super::log_check::LogCheck;
use super::super::table::{Align, Table};

/// The plan as a table, with a line for each thing that is refused left to the error below it.
pub(super) fn plan_table(plan: &Plan) -> String {
    let mut table = Table::new(&[
        ("project", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
        ("commits", Align::Left),
        ("merge requests", Align::Left),
        ("kind", Align::Left),
    ]);
    for step in &plan.steps {
        let kind = match &step.verdict {
            Ok(kind) => kind.word().to_owned(),
            Err(refusal) => format!("refused: {}", refusal.word()),
        };
        table.row([
            step.name.clone(),
            short(step.from.as_deref()),
            short(Some(&step.to)),
            distance(step),
            contained(step),
            kind,
        ]);
    }
    table.render()
}

/// What came of it, as a table.
pub(super) fn report_table(report: &Report) -> String {
    let branch = format!("{} is at", report.branch);
    let mut table = Table::new(&[
        ("project", Align::Left),
        (&branch, Align::Left),
        ("what happened", Align::Left),
    ]);
    for end in &report.ends {
        let stands = match &end.stands {
            Stands::At(commit) => short(commit.as_deref()),
            Stands::Unknown => "?".to_owned(),
        };
        table.row([end.name.clone(), stands, end.words()]);
    }
    format!("\n{}", table.render())
}

fn short(commit: Option<&str>) -> String {
    commit
        .map_or("-", |it| it.get(..8).unwrap_or(it))
        .to_owned()
}

fn distance(step: &Step) -> String {
    match step.distance {
        None => "-".to_owned(),
        Some((ahead, 0)) => format!("+{ahead}"),
        Some((0, behind)) => format!("-{behind}"),
        Some((ahead, behind)) => format!("+{ahead} -{behind}"),
    }
}

fn contained(step: &Step) -> String {
    match &step.merge_requests {
        Contained::Unknown { .. } if step.distance.is_some() => "unknown".to_owned(),
        Contained::Unknown { .. } => "-".to_owned(),
        Contained::Known { added, removed } => {
            let added = added.iter().map(|iid| format!("!{iid}"));
            let removed = removed.iter().map(|iid| format!("-!{iid}"));
            let all: Vec<String> = added.chain(removed).collect();
            match all.is_empty() {
                true => "-".to_owned(),
                false => all.join(" "),
            }
        }
    }
}

/// What `--format json` prints.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    branch: &'a str,
    projects: Vec<ShownProject<'a>>,
    /// What was written into the release log, for verbs that set a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'a Outcome>,
    #[serde(flatten)]
    log: &'a LogCheck,
}

#[derive(Serialize)]
struct ShownProject<'a> {
    project: &'a str,
    repository: String,
    from: Option<&'a str>,
    to: &'a str,
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<ShownRefusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<usize>,
    /// Those that come, those that go; `null`: nobody could say.
    merge_requests: Option<Vec<u64>>,
    merge_requests_taken_back: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ShownEnd>,
}

#[derive(Serialize)]
struct ShownRefusal {
    reason: &'static str,
    message: String,
}

#[derive(Serialize)]
struct ShownEnd {
    outcome: &'static str,
    message: String,
    /// What is on the branch now; `null`: no branch, or nobody could say.
    now: Option<String>,
    now_is_known: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn of(
        plan: &'a Plan,
        report: Option<&Report>,
        release: Option<&'a Outcome>,
        log: &'a LogCheck,
    ) -> Self {
        let projects = plan.steps.iter().enumerate().map(|(number, step)| {
            let end = report.and_then(|report| report.ends.get(number));
            let (added, removed) = match &step.merge_requests {
                Contained::Known { added, removed } => (Some(added.clone()), Some(removed.clone())),
                Contained::Unknown { .. } => (None, None),
            };
            ShownProject {
                project: &step.name,
                repository: step.repository.without_credentials().to_string(),
                from: step.from.as_deref(),
                to: &step.to,
                kind: step.verdict.as_ref().ok().copied(),
                refused: step.verdict.as_ref().err().map(|refusal| ShownRefusal {
                    reason: refusal.word(),
                    message: refusal.to_string(),
                }),
                ahead: step.distance.map(|(ahead, _)| ahead),
                behind: step.distance.map(|(_, behind)| behind),
                merge_requests: added,
                merge_requests_taken_back: removed,
                result: end.map(|end| ShownEnd {
                    outcome: end.outcome.word(),
                    message: end.words(),
                    now: match &end.stands {
                        Stands::At(commit) => commit.clone(),
                        Stands::Unknown => None,
                    },
                    now_is_known: end.stands != Stands::Unknown,
                }),
            }
        });
        Self {
            branch: &plan.branch,
            projects: projects.collect(),
            release,
            log,
        }
    }
}
