//! The pure middle: from the facts about one project to what kind of move it is, or why there is none.
//!
//! What nobody can find out counts against going back, and for going on: the server has the last word on rights, but none
//! on whether a commit is outdated.

use serde::Serialize;

use super::history::By;
use super::refusal::Refusal;
use super::wish::{Expect, Rules};

/// What kind of move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The branch is there already.
    Nothing,
    /// The branch is made.
    First,
    /// To a commit that has all that is there.
    Forward,
    /// To what was there before, or openly back.
    Rollback,
    /// To another line of development.
    Sidewise,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::First => "first",
            Self::Forward => "forward",
            Self::Rollback => "rollback",
            Self::Sidewise => "sidewise",
        }
    }
}

/// How what is to be deployed stands to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is there.
    Same,
    /// Nothing is there.
    First,
    /// It has all that is there, and more.
    Ahead,
    /// It lacks something of what is there, and has nothing more.
    Behind,
    /// Each has what the other lacks.
    Diverged {
        /// The merge request whose head is there and whose squashed or rebased form the other one has: nothing is lost.
        merged: Option<u64>,
    },
    /// The server does not have it.
    Vanished,
}

/// Where what is to be deployed comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The default branch has it.
    DefaultBranch,
    /// It is the head of this open merge request.
    OpenMergeRequest(u64),
    /// Neither is so; `Some`: it is the head of this one, which is not open.
    Elsewhere(Option<u64>),
    /// It is the head of this merge request, but nobody could say whether that is open.
    Unknown {
        /// Its number.
        iid: u64,
        /// Why not.
        why: String,
    },
}

/// What is known of whether a commit was in production before. That it never was is beyond knowing: branches are also pushed
/// by hand, and no server remembers everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// It was.
    Deployed,
    /// It was or may have been, but nobody let it stay: it was taken back, or its deployment was interrupted.
    Passed {
        /// What is known of it.
        how: String,
    },
    /// Nothing tells of it.
    Unrecorded {
        /// Where that was looked up.
        searched: Vec<String>,
        /// What could not be read, and why not.
        unread: Vec<String>,
    },
}

impl Default for History {
    /// Nothing was looked up.
    fn default() -> Self {
        Self::Unrecorded {
            searched: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// Whether we may push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// As far as anybody can say before it is tried.
    Yes,
    /// The server takes no push from us: with this status, for the token from there.
    Repository {
        /// 401, 403 or 404.
        status: u16,
        /// Where the token was found; `None`: there is none.
        token: Option<String>,
    },
    /// The branch is protected against us.
    Branch {
        /// Where the token was found; `None`: there is none.
        token: Option<String>,
    },
}

/// Whether the branch may be moved other than forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It may.
    Allowed,
    /// It is protected and force is not allowed.
    Forbidden,
    /// Nobody could say: the server will.
    Unknown,
}

/// What is known of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Where the branch is; `None`: there is none.
    pub now: Option<String>,
    /// Where it is to be.
    pub to: String,
    /// Whether the branch is the repository's default one.
    pub is_default_branch: bool,
    /// How the two commits stand to one another.
    pub relation: Relation,
    /// Where the new one comes from.
    pub origin: Origin,
    /// What is known of whether it was there before.
    pub history: History,
    /// Whether we may push.
    pub right: Right,
    /// Whether we may force.
    pub force: Force,
    /// Who put there what is there.
    pub by: By,
    /// The default branch's name, for messages.
    pub default_branch: String,
}

/// What kind of move it is, or why there is none.
///
/// # Errors
/// [`Refusal`]: the first reason, in the order in which a person would want to know.
pub fn judge(facts: &Facts, expect: &Expect, rules: &Rules) -> Result<Kind, Refusal> {
    if facts.is_default_branch {
        return Err(Refusal::DefaultBranch);
    }
    if facts.relation == Relation::Same {
        return Ok(Kind::Nothing);
    }
    if !expect.holds(facts.now.as_deref()) {
        return Err(Refusal::overtaken(expect, facts));
    }
    if facts.relation == Relation::Vanished {
        return Err(Refusal::Vanished {
            commit: facts.to.clone(),
        });
    }
    let kind = kind(facts, rules)?;
    came_from_somewhere(facts, rules)?;
    match &facts.right {
        Right::Yes => {}
        Right::Repository { status, token } => {
            return Err(Refusal::no_right(*status, token.as_deref()));
        }
        Right::Branch { token } => return Err(Refusal::protected(token.as_deref())),
    }
    if needs_force(facts.relation) && facts.force == Force::Forbidden {
        return Err(Refusal::NeedsForce { kind });
    }
    Ok(kind)
}

fn kind(facts: &Facts, rules: &Rules) -> Result<Kind, Refusal> {
    let deployed = facts.history == History::Deployed;
    match facts.relation {
        Relation::First => Ok(Kind::First),
        Relation::Ahead | Relation::Diverged { merged: Some(_) } => Ok(Kind::Forward),
        Relation::Behind if deployed || rules.rollback => Ok(Kind::Rollback),
        Relation::Behind => Err(Refusal::outdated(facts)),
        Relation::Diverged { .. } if deployed => Ok(Kind::Rollback),
        Relation::Diverged { .. } if rules.sidewise => Ok(Kind::Sidewise),
        Relation::Diverged { .. } => Err(Refusal::Sidewise {
            now: facts.now.clone().unwrap_or_default(),
            by: facts.by.clone(),
        }),
        Relation::Same | Relation::Vanished => Ok(Kind::Nothing),
    }
}

/// What was in production before has been let in once, whatever has become of its merge request since.
fn came_from_somewhere(facts: &Facts, rules: &Rules) -> Result<(), Refusal> {
    if rules.any_commit || facts.history == History::Deployed {
        return Ok(());
    }
    let (iid, why) = match &facts.origin {
        Origin::DefaultBranch | Origin::OpenMergeRequest(_) => return Ok(()),
        Origin::Elsewhere(iid) => (*iid, None),
        Origin::Unknown { iid, why } => (Some(*iid), Some(why.clone())),
    };
    Err(Refusal::Elsewhere {
        default_branch: facts.default_branch.clone(),
        merge_request: iid,
        unknown: why,
    })
}

/// Whether a move takes commits away from the branch, which git calls forcing.
#[must_use]
pub(super) const fn needs_force(relation: Relation) -> bool {
    matches!(relation, Relation::Behind | Relation::Diverged { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "1111111111111111111111111111111111111111";
    const TO: &str = "2222222222222222222222222222222222222222";

    fn facts(relation: Relation) -> Facts {
        Facts {
            now: (relation != Relation::First).then(|| NOW.to_owned()),
            to: TO.to_owned(),
            is_default_branch: false,
            relation,
            origin: Origin::DefaultBranch,
            history: History::default(),
            right: Right::Yes,
            force: Force::Allowed,
            by: By::default(),
            default_branch: "main".to_owned(),
        }
    }

    /// The kind's word, or the refusal's behind an exclamation mark.
    fn verdict(facts: &Facts, rules: &Rules) -> String {
        match judge(facts, &Expect::Seen, rules) {
            Ok(kind) => kind.word().to_owned(),
            Err(refusal) => format!("! {}", refusal.word()),
        }
    }

    fn rules(rollback: bool, sidewise: bool) -> Rules {
        Rules {
            rollback,
            sidewise,
            ..Rules::default()
        }
    }

    /// Relation × history × what is said openly, all of them.
    #[test]
    fn every_direction_with_every_past_and_every_permission() {
        let relations = [
            ("same", Relation::Same),
            ("first", Relation::First),
            ("ahead", Relation::Ahead),
            ("behind", Relation::Behind),
            ("diverged", Relation::Diverged { merged: None }),
            ("merged", Relation::Diverged { merged: Some(7) }),
            ("vanished", Relation::Vanished),
        ];
        let passed = History::Passed {
            how: "it was taken back".to_owned(),
        };
        let pasts = [
            ("deployed", History::Deployed),
            ("passed", passed),
            ("unrecorded", History::default()),
        ];
        let said = [
            ("", rules(false, false)),
            ("--rollback", rules(true, false)),
            ("--allow sidewise", rules(false, true)),
        ];
        let mut table = String::new();
        for (relation, value) in relations {
            for (past, history) in &pasts {
                for (words, rules) in &said {
                    let facts = Facts {
                        history: history.clone(),
                        ..facts(value)
                    };
                    let verdict = verdict(&facts, rules);
                    table += format!("{relation:9} {past:10} {words:17} {verdict}").trim_end();
                    table.push('\n');
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn where_a_commit_comes_from() {
        let unknown = Origin::Unknown {
            iid: 3,
            why: "no token".to_owned(),
        };
        for (origin, wanted) in [
            (Origin::DefaultBranch, "forward"),
            (Origin::OpenMergeRequest(3), "forward"),
            (Origin::Elsewhere(None), "! elsewhere"),
            (Origin::Elsewhere(Some(3)), "! elsewhere"),
            (unknown, "! elsewhere"),
        ] {
            let facts = Facts {
                origin,
                ..facts(Relation::Ahead)
            };
            assert_eq!(verdict(&facts, &Rules::default()), wanted, "{facts:?}");
            let any = Rules {
                any_commit: true,
                ..Rules::default()
            };
            assert_eq!(verdict(&facts, &any), "forward");
            let again = Facts {
                history: History::Deployed,
                ..facts
            };
            assert_eq!(verdict(&again, &Rules::default()), "forward");
        }
    }

    #[test]
    fn rights_and_force() {
        let no = Right::Repository {
            status: 403,
            token: None,
        };
        let branch = Right::Branch { token: None };
        for (right, force, relation, wanted) in [
            (Right::Yes, Force::Forbidden, Relation::Ahead, "forward"),
            (Right::Yes, Force::Forbidden, Relation::First, "first"),
            (
                Right::Yes,
                Force::Forbidden,
                Relation::Behind,
                "! needs force",
            ),
            (Right::Yes, Force::Unknown, Relation::Behind, "rollback"),
            (
                Right::Yes,
                Force::Forbidden,
                Relation::Diverged { merged: Some(1) },
                "! needs force",
            ),
            (no, Force::Allowed, Relation::Ahead, "! no right"),
            (branch, Force::Allowed, Relation::Ahead, "! protected"),
        ] {
            let facts = Facts {
                right,
                force,
                ..facts(relation)
            };
            assert_eq!(verdict(&facts, &rules(true, false)), wanted, "{facts:?}");
        }
        // Nothing is wanted of the server where nothing is to do.
        let idle = Facts {
            right: Right::Branch { token: None },
            ..facts(Relation::Same)
        };
        assert_eq!(verdict(&idle, &Rules::default()), "nothing to do");
        let default = Facts {
            is_default_branch: true,
            ..facts(Relation::Ahead)
        };
        assert_eq!(verdict(&default, &rules(true, true)), "! default branch");
    }

    #[test]
    fn what_is_expected_has_to_be_there() {
        let judged = |expect: &Expect, relation| {
            judge(&facts(relation), expect, &Rules::default()).map_err(|it| it.word())
        };
        let commit = |text: &str| Expect::Commit(text.to_owned());
        assert_eq!(judged(&commit(NOW), Relation::Ahead), Ok(Kind::Forward));
        assert_eq!(judged(&commit("11111"), Relation::Ahead), Ok(Kind::Forward));
        assert_eq!(judged(&commit(TO), Relation::Ahead), Err("overtaken"));
        assert_eq!(judged(&commit(NOW), Relation::First), Err("overtaken"));
        assert_eq!(judged(&Expect::Nothing, Relation::First), Ok(Kind::First));
        assert_eq!(judged(&Expect::Nothing, Relation::Ahead), Err("overtaken"));
        // Run again after it succeeded, it is content.
        assert_eq!(judged(&commit(NOW), Relation::Same), Ok(Kind::Nothing));
    }
}
