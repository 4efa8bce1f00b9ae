//! Plans and reports of deployments as tables.

use pannier_core::session::{DeployReport, DeployedProject};

use super::super::release::recorded;
use super::super::table::{Align, Table};

/// The plan. Why a project is refused is left to the error below the table.
pub(super) fn plan(report: &DeployReport) -> String {
    let mut table = Table::new(&[
        ("project", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
        ("commits", Align::Left),
        ("merge requests", Align::Left),
        ("kind", Align::Left),
    ]);
    for project in &report.projects {
        let kind = project.kind.map(|kind| kind.word().to_owned());
        let refused = project.refused.as_ref();
        let refused = refused.map(|refused| format!("refused: {}", refused.reason));
        table.row([
            project.project.clone(),
            short(project.from.as_deref()),
            short(Some(&project.to)),
            distance(project),
            merge_requests(project),
            kind.or(refused).unwrap_or_default(),
        ]);
    }
    table.render()
}

/// What came of it; empty for a run that stopped at the plan.
pub(super) fn report(report: &DeployReport) -> String {
    let mut text = String::new();
    let is_applied = report.projects.iter().any(|it| it.result.is_some());
    if is_applied && !report.is_done() {
        text += &format!("\n{}", results(report));
    }
    text + &report.release.as_ref().map(recorded).unwrap_or_default()
}

fn results(report: &DeployReport) -> String {
    let branch = format!("{} is at", report.branch);
    let mut table = Table::new(&[
        ("project", Align::Left),
        (&branch, Align::Left),
        ("what happened", Align::Left),
    ]);
    for project in &report.projects {
        if let Some(result) = &project.result {
            let now = if result.now_is_known {
                short(result.now.as_deref())
            } else {
                "?".to_owned()
            };
            table.row([project.project.clone(), now, result.message.clone()]);
        }
    }
    table.render()
}

fn short(commit: Option<&str>) -> String {
    commit
        .map_or("-", |it| it.get(..8).unwrap_or(it))
        .to_owned()
}

fn distance(project: &DeployedProject) -> String {
    match (project.ahead, project.behind) {
        (Some(ahead), Some(0)) => format!("+{ahead}"),
        (Some(0), Some(behind)) => format!("-{behind}"),
        (Some(ahead), Some(behind)) => format!("+{ahead} -{behind}"),
        _ => "-".to_owned(),
    }
}

fn merge_requests(project: &DeployedProject) -> String {
    let lists = (&project.merge_requests, &project.merge_requests_taken_back);
    let (Some(added), Some(removed)) = lists else {
        let unknown = if project.ahead.is_some() {
            "unknown"
        } else {
            "-"
        };
        return unknown.to_owned();
    };
    let added = added.iter().map(|iid| format!("!{iid}"));
    let removed = removed.iter().map(|iid| format!("-!{iid}"));
    let all: Vec<String> = added.chain(removed).collect();
    if all.is_empty() {
        "-".to_owned()
    } else {
        all.join(" ")
    }
}
