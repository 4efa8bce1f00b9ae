//! The configuration as it is printed: `renovate.json` for the root of the repository.

use serde::Serialize;

use super::{Flow, Group};

/// Folders that `config:recommended` leaves out (its preset `:ignoreModulesAndTests`).
const LEFT_OUT: [&str; 8] = [
    "node_modules",
    "bower_components",
    "vendor",
    "examples",
    "__tests__",
    "test",
    "tests",
    "__fixtures__",
];

/// How a pin of uv looks: a requirement in scripts, or the constant in Pannier's own source.
const UV_PIN: &str = r#"(?:\buv==|PINNED_VERSION: &str = ")(?<currentValue>\d[\w.]*)"#;

/// Where every repository may pin uv.
const UV_FILES: [&str; 3] = [
    r"/(^|/)\.gitlab-ci\.ya?ml$/",
    r"/(^|/)\.ci/[^/]+$/",
    r"/(^|/)(Dockerfile|Containerfile)[^/]*$/",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    description: Vec<String>,
    extends: [&'static str; 2],
    timezone: &'a str,
    schedule: [&'static str; 1],
    update_not_scheduled: bool,
    dependency_dashboard: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_paths: Option<[&'static str; 1]>,
    enabled_managers: [&'static str; 2],
    #[serde(rename = "pip_requirements")]
    pip_requirements: Manager,
    package_rules: Vec<PackageRule>,
    custom_managers: [CustomManager; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manager {
    manager_file_patterns: Vec<String>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct PackageRule {
    description: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_managers: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_file_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_package_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_upgrade_tasks: Option<PostUpgradeTasks>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostUpgradeTasks {
    commands: Vec<String>,
    file_filters: Vec<String>,
    execution_mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomManager {
    custom_type: &'static str,
    description: Vec<&'static str>,
    manager_file_patterns: Vec<String>,
    match_strings: [&'static str; 1],
    dep_name_template: &'static str,
    datasource_template: &'static str,
}

/// The text of `renovate.json` for this flow; ends with a line feed, the same for the same flow.
#[must_use]
pub fn render(flow: &Flow) -> String {
    let mut rules = vec![converter(flow)];
    rules.extend(flow.groups.iter().map(together));
    let config = Config {
        schema: "https://docs.renovatebot.com/renovate-schema.json",
        description: vec![
            "Updates the pins of the constraints on weekends; `pannier gate` checks each merge request.".to_owned(),
            format!(
                "The administrator of Renovate has to allow the converter: {}",
                flow.allowed_commands()
            ),
            "updateNotScheduled is false on purpose: during the week nothing is rebased or raised again, so what was judged \
             stays what people look at."
                .to_owned(),
        ],
        extends: ["config:recommended", ":dependencyDashboard"],
        timezone: &flow.timezone,
        schedule: ["* * * * 0,6"],
        update_not_scheduled: false,
        dependency_dashboard: true,
        ignore_paths: is_left_out(&flow.constraints).then_some(["**/node_modules/**"]),
        enabled_managers: ["pip_requirements", "custom.regex"],
        pip_requirements: Manager {
            manager_file_patterns: vec![of_path(&flow.constraints)],
        },
        package_rules: rules,
        custom_managers: [uv(flow)],
    };
    let json = serde_json::to_string_pretty(&config);
    let json = json.expect("the configuration is made of strings, booleans and lists");
    json + "\n"
}

/// Whether `config:recommended` passes over the file.
fn is_left_out(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| LEFT_OUT.contains(&folder))
}

/// A file pattern for exactly this path.
pub(super) fn of_path(path: &str) -> String {
    format!("/^{}$/", fancy_regex::escape(path))
}

fn converter(flow: &Flow) -> PackageRule {
    PackageRule {
        description: vec![
            "Pipelines read the converted file: it moves in the same commit.".to_owned(),
        ],
        match_managers: vec!["pip_requirements"],
        match_file_names: vec![flow.constraints.clone()],
        post_upgrade_tasks: Some(PostUpgradeTasks {
            commands: vec![flow.command()],
            file_filters: vec![flow.converted.clone()],
            execution_mode: "branch",
        }),
        ..PackageRule::default()
    }
}

fn together(group: &Group) -> PackageRule {
    let names: Vec<String> = group.0.iter().map(ToString::to_string).collect();
    PackageRule {
        description: vec![
            "These name exact versions of each other: one alone cannot be raised.".to_owned(),
        ],
        match_managers: vec!["pip_requirements"],
        group_name: Some(names.join(", ")),
        match_package_names: names,
        ..PackageRule::default()
    }
}

fn uv(flow: &Flow) -> CustomManager {
    let files = UV_FILES.map(str::to_owned).into_iter();
    CustomManager {
        custom_type: "regex",
        description: vec!["The uv that Pannier runs, where it is pinned."],
        manager_file_patterns: files
            .chain(flow.uv_pins.iter().map(|path| of_path(path)))
            .collect(),
        match_strings: [UV_PIN],
        dep_name_template: "uv",
        datasource_template: "pypi",
    }
}
