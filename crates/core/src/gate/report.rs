//! What the gate found, as values: bumps with their reach and verdict, checks, blame. [`super::markdown`] and [`super::junit`]
//! show it; nothing here decides.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::constraints::Bump;
use pannier_base::name::{ImageName, PackageName};

/// Everything that the gate found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "GateReport")]
pub struct Report {
    /// How it ends.
    pub outcome: Outcome,
    /// What the constraints are compared with, for people.
    pub base: String,
    /// The constraints file, as it is named.
    pub constraints: PathBuf,
    /// What changed, each with its verdict.
    pub bumps: Vec<JudgedBump>,
    /// Who is to blame when the new set does not resolve.
    pub blame: Vec<Blamed>,
    /// Every check, those of the whole set first, then by image.
    pub checks: Vec<Check>,
    /// How many times versions were chosen.
    pub resolutions: usize,
}

/// How the gate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing speaks against the change.
    Passed,
    /// The converted constraints are not what the constraints convert to.
    Drifted,
    /// The change breaks something.
    Refused,
    /// It could not be found out.
    NotJudged,
}

/// A bump and what became of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JudgedBump {
    /// The change of a line.
    #[serde(flatten)]
    pub bump: Bump,
    /// What it touches.
    pub reach: Reach,
    /// What became of it.
    pub verdict: BumpVerdict,
}

/// What a bump touches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reach {
    /// Images that get the package.
    #[schemars(with = "BTreeSet<String>")]
    pub images: BTreeSet<ImageName>,
    /// The package and what needs it in these images, as far as their wheels were looked at.
    #[schemars(with = "BTreeSet<String>")]
    pub packages: BTreeSet<PackageName>,
}

/// What became of a bump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BumpVerdict {
    /// Nothing speaks against it.
    Passed,
    /// It resolves together with all others but the refused ones; nothing more was tried.
    Resolves,
    /// It could not be found out.
    NotJudged,
    /// Something fails that it may have to do with, and others too.
    Suspected,
    /// It is to blame, or something that needs it fails.
    Refused,
}

/// A bump that is to blame for a set that does not resolve.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Blamed {
    /// Which of the bumps.
    pub bump: usize,
    /// Other bumps without which it would resolve.
    pub with: Vec<usize>,
    /// The requirements that refuse it, in the resolver's words.
    pub chain: String,
    /// What would have to come along.
    pub companions: Companions,
}

/// What would have to change as well for a bump to resolve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "detail")]
pub enum Companions {
    /// These pins.
    Pins(Vec<Companion>),
    /// No pin of the constraints stands in its way: a requirement does.
    NoneHelps,
    /// It was not found out; why.
    NotJudged(String),
}

/// A pin that would have to move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Companion {
    /// The package.
    #[schemars(with = "String")]
    pub name: PackageName,
    /// Its bound now.
    pub from: String,
    /// The versions that would be chosen without it; none when nothing would need the package any more.
    pub to: Vec<String>,
    /// File and line of the bound.
    pub place: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The image; `None`: the set as a whole.
    #[schemars(with = "Option<String>")]
    pub image: Option<ImageName>,
    /// What was checked.
    pub name: String,
    /// How it ended.
    #[serde(flatten)]
    pub result: CheckResult,
    /// The package that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub package: Option<PackageName>,
}

/// How a check ended, with what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "result", content = "text")]
pub enum CheckResult {
    /// It holds.
    Passed(String),
    /// The file is not what it has to be.
    Drifted(String),
    /// It does not hold.
    Refused(String),
    /// It was not tried, and says nothing.
    Skipped(String),
    /// It could not be found out.
    NotJudged(String),
}

impl Check {
    /// A check of the set as a whole.
    pub(super) fn of_set(name: &str, result: CheckResult) -> Self {
        Self {
            image: None,
            name: name.to_owned(),
            result,
            package: None,
        }
    }

    /// A check of one image.
    pub(super) fn of_image(image: &ImageName, name: &str, result: CheckResult) -> Self {
        Self {
            image: Some(image.clone()),
            ..Self::of_set(name, result)
        }
    }
}

impl CheckResult {
    /// What there is to say.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Passed(text)
            | Self::Drifted(text)
            | Self::Refused(text)
            | Self::Skipped(text)
            | Self::NotJudged(text) => text,
        }
    }
}

impl Outcome {
    /// What all checks together say. A refusal stands even where another check could not be judged.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let any = |wanted: fn(&CheckResult) -> bool| checks.iter().any(|one| wanted(&one.result));
        if any(|result| matches!(result, CheckResult::Drifted(_))) {
            Self::Drifted
        } else if any(|result| matches!(result, CheckResult::Refused(_))) {
            Self::Refused
        } else if any(|result| matches!(result, CheckResult::NotJudged(_))) {
            Self::NotJudged
        } else {
            Self::Passed
        }
    }

    /// For people.
    #[must_use]
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Drifted => "out of date",
            Self::Refused => "refused",
            Self::NotJudged => "undecided",
        }
    }
}

impl BumpVerdict {
    /// For people.
    #[must_use]
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Passed => "passes",
            Self::Resolves => "resolves",
            Self::Refused => "refused",
            Self::Suspected => "suspected",
            Self::NotJudged => "undecided",
        }
    }
}

impl JudgedBump {
    /// The bounds before and after: `==1.0 → ==2.0`.
    #[must_use]
    pub fn change(&self) -> String {
        let bound = |bound: &Option<crate::constraints::Bound>| {
            bound
                .as_ref()
                .map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        format!("{} → {}", bound(&self.bump.old), bound(&self.bump.new))
    }

    /// How far it goes: the level of a raised or lowered bound, else what happened.
    #[must_use]
    pub fn level(&self) -> String {
        match self.bump.level {
            Some(level) => level.to_string(),
            None => self.bump.kind.to_string(),
        }
    }

    /// File and line of the new bound, or of the old one when it is gone.
    #[must_use]
    pub fn place(&self) -> String {
        let bound = self.bump.new.as_ref().or(self.bump.old.as_ref());
        bound.map_or_else(String::new, |bound| {
            format!("{}:{}", bound.file.display(), bound.line)
        })
    }
}

impl Reach {
    /// `builder, tester: 4 packages`
    #[must_use]
    pub fn shown(&self) -> String {
        const FEW: usize = 3;
        if self.images.is_empty() {
            return "no installed package".to_owned();
        }
        let images = match self.images.len() {
            many if many > FEW => format!("{many} images"),
            _ => self
                .images
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        };
        match self.packages.len() {
            0 => images,
            1 => format!("{images}: 1 package"),
            many => format!("{images}: {many} packages"),
        }
    }
}

impl Companions {
    /// One sentence for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::NoneHelps => {
                "no other pin conflicts with it; a requirement of a package or of the request does"
                    .to_owned()
            }
            Self::NotJudged(why) => {
                format!("it is unknown which other pins would have to change with it: {why}")
            }
            Self::Pins(pins) => {
                let pins = pins.iter().map(|pin| {
                    let to = match pin.to.as_slice() {
                        [] => "no longer needed".to_owned(),
                        versions => versions.join(" and "),
                    };
                    format!("{} {} → {to} ({})", pin.name, pin.from, pin.place)
                });
                let pins: Vec<_> = pins.collect();
                format!("would have to change with it: {}", pins.join(", "))
            }
        }
    }
}
