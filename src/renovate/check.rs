//! Checks a `renovate.json` against the flow: what is missing, by rule, and what mends it.
//!
//! Reads what the file itself says and the two presets that the flow builds on; other presets cannot be looked into without
//! asking Renovate's server, so what only they say counts as missing.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::config::is_left_out;
use super::pattern::{self, Style};
use super::schedule::is_weekend;
use super::{Flow, Group};

/// One thing that the flow needs from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The manager `pip_requirements` is on.
    Manager,
    /// Its patterns match the constraints.
    ConstraintsFile,
    /// No `ignorePaths` leaves them out.
    IgnoredPath,
    /// Work is done at weekends only.
    Weekends,
    /// The weekend is the team's.
    Timezone,
    /// There is a dashboard.
    Dashboard,
    /// `updateNotScheduled` is written down.
    UpdateNotScheduled,
    /// The converter runs in the same branch.
    Converter,
    /// What only resolves together is one group.
    Together,
    /// uv's pin is found.
    Uv,
}

impl Rule {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Self; 10] = [
        Self::Manager,
        Self::ConstraintsFile,
        Self::IgnoredPath,
        Self::Weekends,
        Self::Timezone,
        Self::Dashboard,
        Self::UpdateNotScheduled,
        Self::Converter,
        Self::Together,
        Self::Uv,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manager => "manager",
            Self::ConstraintsFile => "constraints-file",
            Self::IgnoredPath => "ignored-path",
            Self::Weekends => "weekends",
            Self::Timezone => "timezone",
            Self::Dashboard => "dashboard",
            Self::UpdateNotScheduled => "update-not-scheduled",
            Self::Converter => "converter",
            Self::Together => "together",
            Self::Uv => "uv",
        })
    }
}

/// One rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// What is missing or wrong.
    pub problem: String,
    /// What to write.
    pub mend: String,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What does not hold, in the order of [`Rule::ALL`].
    pub findings: Vec<Finding>,
    /// Rules that could not be judged, with the reason.
    pub not_judged: Vec<(Rule, String)>,
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReadError {
    /// It is no JSON.
    #[error("the Renovate configuration is not JSON: {0}")]
    #[diagnostic(help(
        "JSON5 and comments are not read here: keep the configuration in renovate.json"
    ))]
    Json(#[source] serde_json::Error),
    /// It is JSON, but no object.
    #[error("the Renovate configuration is not a JSON object")]
    #[diagnostic(help("`pannier renovate config` prints one"))]
    NoObject,
}

/// Checks the text of a `renovate.json`.
///
/// # Errors
/// [`ReadError`] when it is no JSON object.
pub fn check(text: &str, flow: &Flow) -> Result<Checked, ReadError> {
    let value: Value = serde_json::from_str(text).map_err(ReadError::Json)?;
    let Value::Object(config) = value else {
        return Err(ReadError::NoObject);
    };
    let seen = Seen { config, flow };
    let mut checked = Checked {
        findings: Vec::new(),
        not_judged: Vec::new(),
    };
    for rule in Rule::ALL {
        if rule == Rule::Together && flow.groups.is_none() {
            let reason = "there is no lock that tells what only resolves together";
            checked.not_judged.push((rule, reason.to_owned()));
        } else if let Some((problem, mend)) = seen.judge(rule) {
            checked.findings.push(Finding {
                rule,
                problem,
                mend,
            });
        }
    }
    Ok(checked)
}

/// A configuration beside the flow that it is held against.
struct Seen<'a> {
    config: Map<String, Value>,
    flow: &'a Flow,
}

/// What is wrong, and what to write.
type Verdict = Option<(String, String)>;

impl Seen<'_> {
    fn judge(&self, rule: Rule) -> Verdict {
        match rule {
            Rule::Manager => self.manager(),
            Rule::ConstraintsFile => self.constraints_file(),
            Rule::IgnoredPath => self.ignored_path(),
            Rule::Weekends => self.weekends(),
            Rule::Timezone => self.timezone(),
            Rule::Dashboard => self.dashboard(),
            Rule::UpdateNotScheduled => self.update_not_scheduled(),
            Rule::Converter => self.converter(),
            Rule::Together => self.together(),
            Rule::Uv => self.uv(),
        }
    }

    fn manager(&self) -> Verdict {
        let off = self.config.get("enabled") == Some(&Value::Bool(false))
            || self
                .section("pip_requirements")
                .and_then(|section| section.get("enabled"))
                == Some(&Value::Bool(false));
        let listed = match self.config.get("enabledManagers") {
            None => true,
            Some(list) => strings(Some(list)).any(|name| name == "pip_requirements"),
        };
        fails(!off && listed, || {
            let problem = "the manager pip_requirements is switched off".to_owned();
            (
                problem,
                "add \"pip_requirements\" to enabledManagers and remove \"enabled\": false"
                    .to_owned(),
            )
        })
    }

    fn constraints_file(&self) -> Verdict {
        let path = &self.flow.constraints;
        let section = self.section("pip_requirements");
        let of = |key: &str| strings(section.and_then(|section| section.get(key)));
        let found = of("managerFilePatterns")
            .any(|text| pattern::matches(text, path, Style::Either))
            || of("fileMatch").any(|text| pattern::matches(text, path, Style::Expression));
        fails(found, || {
            let problem =
                format!("no pattern of pip_requirements matches {path}; the default never does");
            let patterns = serde_json::json!([pattern::of_path(path)]);
            (
                problem,
                format!("\"pip_requirements\": {{\"managerFilePatterns\": {patterns}}}"),
            )
        })
    }

    fn ignored_path(&self) -> Verdict {
        let path = &self.flow.constraints;
        let by = match self.config.get("ignorePaths") {
            Some(list) => strings(Some(list))
                .find(|text| {
                    path.starts_with(&format!("{text}/"))
                        || path == text
                        || pattern::glob(text, path)
                })
                .map(str::to_owned),
            None => (self.extends(&[
                "config:recommended",
                "config:best-practices",
                ":ignoreModulesAndTests",
            ]) && is_left_out(path))
            .then(|| "the preset config:recommended".to_owned()),
        };
        by.map(|by| {
            let mend = "\"ignorePaths\": [\"**/node_modules/**\"]".to_owned();
            (format!("{by} leaves {path} out"), mend)
        })
    }

    fn weekends(&self) -> Verdict {
        let entries: Vec<&str> = match self.config.get("schedule") {
            Some(Value::String(entry)) => vec![entry],
            list => strings(list).collect(),
        };
        let by_preset = entries.is_empty() && self.extends(&["schedule:weekends"]);
        let weekends = !entries.is_empty() && entries.iter().all(|entry| is_weekend(entry));
        fails(by_preset || weekends, || {
            let problem = if entries.is_empty() {
                "there is no schedule: Renovate works at any time".to_owned()
            } else {
                format!(
                    "the schedule {} is not weekends alone",
                    serde_json::json!(entries)
                )
            };
            (problem, "\"schedule\": [\"* * * * 0,6\"]".to_owned())
        })
    }

    fn timezone(&self) -> Verdict {
        let zone = self.config.get("timezone").and_then(Value::as_str);
        let by_preset = self
            .extended()
            .any(|preset| preset.starts_with(":timezone("));
        fails(
            zone.is_some_and(|zone| !zone.trim().is_empty()) || by_preset,
            || {
                let problem = "there is no timezone: the weekend is that of UTC".to_owned();
                (
                    problem,
                    format!("\"timezone\": {}", serde_json::json!(self.flow.timezone)),
                )
            },
        )
    }

    fn dashboard(&self) -> Verdict {
        let presets = [
            ":dependencyDashboard",
            "config:recommended",
            "config:best-practices",
        ];
        let on = match self.config.get("dependencyDashboard") {
            Some(value) => value == &Value::Bool(true),
            None => self.extends(&presets) && !self.extends(&[":disableDependencyDashboard"]),
        };
        fails(on, || {
            let problem = "there is no dependency dashboard".to_owned();
            (problem, "\"dependencyDashboard\": true".to_owned())
        })
    }

    fn update_not_scheduled(&self) -> Verdict {
        let decided = self
            .config
            .get("updateNotScheduled")
            .is_some_and(Value::is_boolean);
        fails(decided, || {
            let problem = "updateNotScheduled is not written down; its default rebases and raises during the week".to_owned();
            (problem, "\"updateNotScheduled\": false".to_owned())
        })
    }

    fn converter(&self) -> Verdict {
        let rules = self.rules().filter(|rule| {
            let managers = rule.get("matchManagers");
            managers.is_none() || strings(managers).any(|name| name == "pip_requirements")
        });
        let top = [
            self.config.get("postUpgradeTasks"),
            self.section("pip_requirements")
                .and_then(|section| section.get("postUpgradeTasks")),
        ];
        let tasks = top
            .into_iter()
            .chain(rules.map(|rule| rule.get("postUpgradeTasks")))
            .flatten();
        let command = self.flow.command();
        let converts = |tasks: &Value| {
            strings(tasks.get("commands")).any(|text| text.trim() == command)
                && strings(tasks.get("fileFilters")).any(|text| {
                    text == self.flow.converted || pattern::glob(text, &self.flow.converted)
                })
                && tasks.get("executionMode").and_then(Value::as_str) == Some("branch")
        };
        fails(tasks.into_iter().any(converts), || {
            let problem = format!(
                "no postUpgradeTasks run `{command}` once per branch and take {} along: the gate will find it drifted",
                self.flow.converted
            );
            let tasks = serde_json::json!({
                "commands": [command],
                "fileFilters": [self.flow.converted],
                "executionMode": "branch",
            });
            let allowed = self.flow.allowed_commands();
            (
                problem,
                format!(
                    "\"postUpgradeTasks\": {tasks}; and in the administrator's configuration {allowed}"
                ),
            )
        })
    }

    fn together(&self) -> Verdict {
        let apart: Vec<String> = self
            .flow
            .groups
            .iter()
            .flatten()
            .filter(|group| !self.is_grouped(group))
            .map(|Group(names)| {
                names
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            })
            .collect();
        fails(apart.is_empty(), || {
            let problem = format!(
                "these only resolve together, but no rule groups them: {}",
                apart.join("; ")
            );
            (problem, "a packageRules entry with matchPackageNames and groupName for each; `pannier renovate config` prints them".to_owned())
        })
    }

    fn is_grouped(&self, Group(names): &Group) -> bool {
        self.rules().any(|rule| {
            rule.get("groupName").and_then(Value::as_str).is_some()
                && names.iter().all(|name| {
                    strings(rule.get("matchPackageNames")).any(|text| {
                        text == name.as_str()
                            || pattern::matches(text, name.as_str(), Style::Either)
                    })
                })
        })
    }

    fn uv(&self) -> Verdict {
        let managers = self.config.get("customManagers").and_then(Value::as_array);
        let enabled = match self.config.get("enabledManagers") {
            None => true,
            Some(list) => strings(Some(list))
                .any(|name| matches!(name, "custom.regex" | "regex" | "custom.jsonata")),
        };
        let of_uv = |manager: &Value| {
            let is = |key: &str| manager.get(key).and_then(Value::as_str) == Some("uv");
            (is("depNameTemplate") || is("packageNameTemplate"))
                && self.flow.uv_pins.iter().all(|path| {
                    strings(manager.get("managerFilePatterns"))
                        .any(|text| pattern::matches(text, path, Style::Either))
                })
        };
        fails(enabled && managers.into_iter().flatten().any(of_uv), || {
            let problem = "no custom manager finds the pin of uv".to_owned();
            (problem, "a customManagers entry with depNameTemplate \"uv\"; `pannier renovate config` prints it".to_owned())
        })
    }

    fn section(&self, key: &str) -> Option<&Map<String, Value>> {
        self.config.get(key).and_then(Value::as_object)
    }

    fn rules(&self) -> impl Iterator<Item = &Value> {
        let rules = self.config.get("packageRules").and_then(Value::as_array);
        rules.into_iter().flatten()
    }

    fn extended(&self) -> impl Iterator<Item = &str> {
        strings(self.config.get("extends"))
    }

    fn extends(&self, presets: &[&str]) -> bool {
        self.extended().any(|name| presets.contains(&name))
    }
}

/// The strings of a list; none where it is something else.
fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn fails(holds: bool, otherwise: impl FnOnce() -> (String, String)) -> Verdict {
    (!holds).then(otherwise)
}
