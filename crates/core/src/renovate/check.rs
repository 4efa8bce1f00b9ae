//! Checks an existing `renovate.json`: whether Renovate updates the constraints file and runs the converter in the same branch.
//!
//! Reads only the file itself. Everything else in a configuration is a matter of taste, and Renovate's own
//! `renovate-config-validator` judges its form.

use std::fmt;

use globset::GlobBuilder;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Flow;
use super::config::of_path;

/// What a configuration needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The manager `pip_requirements` is enabled.
    Manager,
    /// A file pattern of the manager matches the constraints file.
    ConstraintsFile,
    /// A post-upgrade task runs the converter and commits what it writes.
    Converter,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manager => "manager",
            Self::ConstraintsFile => "constraints-file",
            Self::Converter => "converter",
        })
    }
}

/// A rule that the configuration breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// What is missing or wrong.
    pub problem: String,
    /// What to write.
    pub fix: String,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The broken rules, in the order of [`Rule`].
    pub findings: Vec<Finding>,
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReadError {
    /// It is not JSON.
    #[error("the Renovate configuration is not JSON: {0}")]
    #[diagnostic(help(
        "JSON5 and comments are not supported: keep the configuration in renovate.json"
    ))]
    Json(#[source] serde_json::Error),
    /// It is JSON, but not an object.
    #[error("the Renovate configuration is not a JSON object")]
    #[diagnostic(help("`pannier renovate config` prints one"))]
    NoObject,
}

/// Checks the text of a `renovate.json`.
///
/// # Errors
/// [`ReadError`] when it is not a JSON object.
pub fn check(text: &str, flow: &Flow) -> Result<Checked, ReadError> {
    let value: Value = serde_json::from_str(text).map_err(ReadError::Json)?;
    let Value::Object(config) = value else {
        return Err(ReadError::NoObject);
    };
    let none = Map::new();
    let manager = config.get(MANAGER).and_then(Value::as_object);
    let manager = manager.unwrap_or(&none);
    let all = [
        (!is_enabled(&config, manager)).then(disabled),
        (!matches_file(manager, &flow.constraints)).then(|| unmatched(&flow.constraints)),
        (!converts(&config, manager, flow)).then(|| unconverted(flow)),
    ];
    let findings = all.into_iter().flatten().collect();
    Ok(Checked { findings })
}

/// Renovate's manager for lists of pins.
const MANAGER: &str = "pip_requirements";

fn is_enabled(config: &Map<String, Value>, manager: &Map<String, Value>) -> bool {
    let on = |section: &Map<String, Value>| section.get("enabled") != Some(&Value::Bool(false));
    let managers = config.get("enabledManagers");
    on(config) && on(manager) && (managers.is_none() || strings(managers).any(|it| it == MANAGER))
}

fn disabled() -> Finding {
    Finding {
        rule: Rule::Manager,
        problem: format!("the manager {MANAGER} is disabled"),
        fix: format!("add \"{MANAGER}\" to enabledManagers and remove \"enabled\": false"),
    }
}

/// A file pattern is a regular expression between slashes, or a glob
/// (<https://docs.renovatebot.com/configuration-options/#managerfilepatterns>).
fn matches_file(manager: &Map<String, Value>, path: &str) -> bool {
    strings(manager.get("managerFilePatterns")).any(|pattern| {
        let expression = pattern.strip_prefix('/').and_then(|it| it.rsplit_once('/'));
        match expression {
            Some((expression, flags)) => {
                let flags = if flags == "i" { "(?i)" } else { "" };
                let regex = fancy_regex::Regex::new(&format!("{flags}{expression}"));
                regex.is_ok_and(|regex| regex.is_match(path).unwrap_or(false))
            }
            None => glob(pattern, path),
        }
    })
}

fn unmatched(path: &str) -> Finding {
    let patterns = serde_json::json!([of_path(path)]);
    Finding {
        rule: Rule::ConstraintsFile,
        problem: format!("no pattern of {MANAGER} matches {path}, nor does the default"),
        fix: format!("\"{MANAGER}\": {{\"managerFilePatterns\": {patterns}}}"),
    }
}

/// Whether a post-upgrade task for the manager runs the converter and commits the converted file.
fn converts(config: &Map<String, Value>, manager: &Map<String, Value>, flow: &Flow) -> bool {
    let rules = config.get("packageRules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten().filter_map(Value::as_object);
    let ours = rules.filter(|rule| {
        let managers = rule.get("matchManagers");
        managers.is_none() || strings(managers).any(|name| name == MANAGER)
    });
    let sections = [config, manager].into_iter().chain(ours);
    let mut tasks = sections.filter_map(|section| section.get("postUpgradeTasks"));
    tasks.any(|tasks| {
        strings(tasks.get("commands")).any(|text| text.trim() == flow.command())
            && strings(tasks.get("fileFilters")).any(|text| glob(text, &flow.converted))
    })
}

fn unconverted(flow: &Flow) -> Finding {
    let (command, converted) = (flow.command(), &flow.converted);
    let tasks = serde_json::json!({
        "commands": [command],
        "fileFilters": [converted],
        "executionMode": "branch",
    });
    Finding {
        rule: Rule::Converter,
        problem: format!(
            "no postUpgradeTasks run `{command}` and commit {converted}, so the gate finds it out of date"
        ),
        fix: format!(
            "\"postUpgradeTasks\": {tasks}; and in the administrator's configuration {}",
            flow.allowed_commands()
        ),
    }
}

/// Whether a glob matches a path; `*` stays within one folder, as in minimatch.
fn glob(pattern: &str, path: &str) -> bool {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    pattern == path || glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

/// The strings of a list; none if it is anything else.
fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str)
}
