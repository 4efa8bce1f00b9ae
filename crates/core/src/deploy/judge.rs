//! The pure middle: from the facts about one project to what kind of move it is, or why there is none.
//!
//! What nobody can find out counts against going back, and for going on: the server has the last word on rights, but none
//! on whether a commit is outdated.

use super::model::{Facts, Force, History, Kind, Origin, Relation, Right};
use super::refusal::Refusal;
use super::target::{Expect, Rules};

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
    use super::super::model::By;
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
            ("--allow diverged", rules(false, true)),
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
            (Origin::Elsewhere(None), "! not-merged"),
            (Origin::Elsewhere(Some(3)), "! not-merged"),
            (unknown, "! not-merged"),
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
