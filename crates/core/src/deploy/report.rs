//! A deployment from its plan to its end: one step per project, what came of each, and where its branch is now.

use jiff::Timestamp;

use super::model::{By, Force, Kind};
use super::refusal::{Refusal, found};
use pannier_base::url::SafeUrl;
use pannier_clients::git::{Heads, RefusalKind};

/// What a deployment would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The branch that is moved.
    pub branch: String,
    /// One per project, in the order of the targets.
    pub steps: Vec<Step>,
}

/// What would be done to one project.
#[derive(Debug, Clone)]
pub struct Step {
    /// What people call the project.
    pub name: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// Where its branch is; `None`: there is none.
    pub from: Option<String>,
    /// Where its branch is to be.
    pub to: String,
    /// What kind of move it is, or why there is none.
    pub verdict: Result<Kind, Refusal>,
    /// How many commits come and how many go; `None`: that cannot be compared.
    pub distance: Option<(usize, usize)>,
    /// The merge requests among them.
    pub merge_requests: Contained,
    /// Who put there what is there, where that was looked for.
    pub by: By,
    /// What could not be found out.
    pub notes: Vec<String>,
    /// Whether the move can be undone, as far as anybody can say.
    pub force: Force,
    pub(super) heads: Heads,
}

/// Merge requests by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contained {
    /// These come, and these go.
    Known {
        /// What the branch has afterwards and had not before.
        added: Vec<u64>,
        /// The reverse.
        removed: Vec<u64>,
    },
    /// Nobody could say.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Default for Contained {
    fn default() -> Self {
        Self::Known {
            added: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl Plan {
    /// The steps that are refused, with the reasons.
    pub fn refusals(&self) -> impl Iterator<Item = (&Step, &Refusal)> {
        let steps = self.steps.iter();
        steps.filter_map(|step| step.verdict.as_ref().err().map(|refusal| (step, refusal)))
    }

    /// What could not be found out about which projects, each thing once.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut found: Vec<(String, Vec<&str>)> = Vec::new();
        for step in &self.steps {
            let unknown = match &step.merge_requests {
                Contained::Unknown { why } => {
                    Some(format!("its merge requests are unknown: {why}"))
                }
                Contained::Known { .. } => None,
            };
            for note in step.notes.iter().cloned().chain(unknown) {
                match found.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, names)) => names.push(&step.name),
                    None => found.push((note, vec![&step.name])),
                }
            }
        }
        let stays = self.steps.iter().filter(|step| {
            let forward = matches!(step.verdict, Ok(Kind::Forward | Kind::First));
            forward && step.force == Force::Forbidden && self.steps.len() > 1
        });
        let stays: Vec<&str> = stays.map(|step| step.name.as_str()).collect();
        if !stays.is_empty() {
            let note =
                "the branch allows only fast-forwards, so this goes last and is not moved back";
            found.push((note.to_owned(), stays));
        }
        let line = |(note, names): (String, Vec<&str>)| format!("{}: {note}", names.join(", "));
        found.into_iter().map(line).collect()
    }

    /// Whether all projects are where they should be already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let done = |step: &Step| step.verdict == Ok(Kind::Nothing);
        self.steps.iter().all(done)
    }
}

/// What came of a deployment.
#[derive(Debug, Clone)]
pub struct Report {
    /// The branch.
    pub branch: String,
    /// One per step of the plan, in its order.
    pub ends: Vec<End>,
}

/// What came of one project.
#[derive(Debug, Clone)]
pub struct End {
    /// What people call it.
    pub name: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// Where its branch was; `None`: there was none.
    pub from: Option<String>,
    /// Where it should be.
    pub to: String,
    /// The kind of move.
    pub kind: Kind,
    /// What happened.
    pub outcome: Outcome,
    /// What is there now.
    pub stands: Stands,
    /// When it was pushed, if it was.
    pub at: Option<Timestamp>,
}

/// What is on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// This commit; `None`: there is no branch.
    At(Option<String>),
    /// Nobody could say.
    Unknown,
}

/// What happened to one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was there already.
    Nothing,
    /// It was moved.
    Moved,
    /// It was moved, and moved back because another project failed.
    Undone,
    /// It was moved and could not be moved back.
    Stuck {
        /// Why not.
        why: String,
    },
    /// Somebody else was faster.
    Overtaken {
        /// Who.
        by: By,
    },
    /// The server did not want it.
    Refused {
        /// What sort of reason it has.
        kind: RefusalKind,
        /// Its words.
        said: String,
    },
    /// It is not known what came of it.
    Unknown {
        /// Why not.
        why: String,
    },
    /// It was not tried, because another project failed before.
    Untouched,
}

/// How a deployment as a whole ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every branch is where it should be.
    Done,
    /// A server or somebody who was faster stood against it.
    Refused,
    /// Something failed.
    Failed,
}

impl Outcome {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Moved => "moved",
            Self::Undone => "undone",
            Self::Stuck { .. } => "not-restored",
            Self::Overtaken { .. } => "overtaken",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
            Self::Untouched => "untouched",
        }
    }
}

impl Report {
    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let has = |wanted: fn(&Outcome) -> bool| self.ends.iter().any(|end| wanted(&end.outcome));
        if has(|it| matches!(it, Outcome::Unknown { .. } | Outcome::Stuck { .. })) {
            Ending::Failed
        } else if has(|it| matches!(it, Outcome::Overtaken { .. } | Outcome::Refused { .. })) {
            Ending::Refused
        } else {
            Ending::Done
        }
    }

    /// The project at which it ended, if it did not come through.
    #[must_use]
    pub fn culprit(&self) -> Option<&End> {
        self.ends.iter().find(|end| {
            matches!(
                end.outcome,
                Outcome::Overtaken { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. }
            )
        })
    }
}

impl End {
    /// What happened, in words; what stands there is said beside.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.outcome {
            Outcome::Nothing => "was there already".to_owned(),
            Outcome::Moved => "moved".to_owned(),
            Outcome::Undone => "moved, and moved back".to_owned(),
            Outcome::Stuck { why } => format!("moved, and NOT moved back: {why}"),
            Outcome::Overtaken { by } => match &self.stands {
                Stands::At(now) => {
                    let found = found(now.as_deref(), by);
                    format!("not moved: {found}, which was not there when the plan was made")
                }
                Stands::Unknown => "not moved: someone else was faster".to_owned(),
            },
            Outcome::Refused { kind, said } => {
                let reason = match kind {
                    RefusalKind::Protected => "the branch is protected",
                    RefusalKind::NoForce => "the branch allows only fast-forwards",
                    RefusalKind::NoRight => "the token may not push here",
                    RefusalKind::Other => "the server refuses it",
                };
                format!("not moved: {reason} ({said})")
            }
            Outcome::Unknown { why } => format!("not known to have moved: {why}"),
            Outcome::Untouched => "not tried".to_owned(),
        }
    }
}
