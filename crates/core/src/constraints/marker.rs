//! Markers as Python's `packaging` reads them: those that uv understands as trees, the others as they are written.
//!
//! Refuses to take what uv passes over for something that always holds, as uv does.

use pep508_rs::{MarkerTree, MarkerWarningKind};

use super::constraint::said;
use super::grammar::{Chain, Comparison, Joint, Operand, Term};

/// Where a requirement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Marker {
    /// As uv understands it.
    Known(MarkerTree),
    /// As it is written, and where it holds at most.
    Odd(String, MarkerTree),
}

impl Marker {
    /// Where it holds at most.
    pub const fn reach(&self) -> &MarkerTree {
        match self {
            Self::Known(tree) | Self::Odd(_, tree) => tree,
        }
    }

    /// In normal form where it is understood; `None` when it always holds.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Known(tree) => tree.try_to_string(),
            Self::Odd(text, _) => Some(text.clone()),
        }
    }
}

/// A marker, and what keeps uv from it.
pub(super) struct Read {
    pub marker: Marker,
    /// The first thing that uv does not understand: its byte, and why.
    pub trouble: Option<(usize, String)>,
    /// What is left where uv passes over all of that.
    pub passed_over: Option<MarkerTree>,
}

/// Why uv does not understand a comparison.
enum Trouble {
    /// It says so.
    Refused(String),
    /// It passes over it.
    Ignored(String),
}

/// Reads a marker.
pub(super) fn read(chain: &Chain<'_>) -> Read {
    let comparisons = chain.comparisons();
    let troubles: Vec<(usize, Trouble)> = comparisons
        .iter()
        .filter_map(|one| Some((one.offset, understood(one).err()?)))
        .collect();
    let reach = reach(chain);
    let text = chain.to_string();
    let only_ignored = troubles
        .iter()
        .all(|(_, it)| matches!(it, Trouble::Ignored(_)));
    let trouble = troubles
        .into_iter()
        .next()
        .map(|(offset, trouble)| match trouble {
            Trouble::Refused(why) | Trouble::Ignored(why) => (offset, why),
        });
    let again = reach.try_to_string().map(|text| text.parse().ok());
    let trouble = trouble.or_else(|| {
        let lost = again.is_some_and(|again| again.as_ref() != Some(&reach));
        let reason = "the marker cannot be handed on: uv would read something else";
        lost.then(|| (comparisons[0].offset, reason.to_owned()))
    });
    Read {
        passed_over: only_ignored.then(|| passed_over(chain).unwrap_or(MarkerTree::TRUE)),
        marker: match trouble {
            None => Marker::Known(reach),
            Some(_) => Marker::Odd(text, reach),
        },
        trouble,
    }
}

/// Where a marker holds at most: what uv does not understand may hold anywhere. Nothing in a marker can be denied as a whole, so
/// that is never less than what it says.
fn reach(chain: &Chain<'_>) -> MarkerTree {
    let of = |one: &Comparison<'_>| Some(understood(one).unwrap_or_else(|_| widened(one)));
    tree(chain, &of).unwrap_or(MarkerTree::TRUE)
}

/// What is left of a marker when what has no meaning is not there; `None` when nothing is.
fn passed_over(chain: &Chain<'_>) -> Option<MarkerTree> {
    tree(chain, &|one| understood(one).ok())
}

/// The comparisons that mean something, between their `and` and `or`.
fn tree(
    chain: &Chain<'_>,
    of: &impl Fn(&Comparison<'_>) -> Option<MarkerTree>,
) -> Option<MarkerTree> {
    let one = |term: &Term<'_>| match term {
        Term::Group(inner) => tree(inner, of),
        Term::Comparison(one) => of(one),
    };
    let mut whole = None;
    let mut group = one(&chain.first);
    for (joint, term) in &chain.rest {
        match joint {
            Joint::And => group = joined(group, one(term), MarkerTree::and),
            Joint::Or => {
                whole = joined(whole, group, MarkerTree::or);
                group = one(term);
            }
        }
    }
    joined(whole, group, MarkerTree::or)
}

fn joined(
    left: Option<MarkerTree>,
    right: Option<MarkerTree>,
    join: fn(&mut MarkerTree, MarkerTree),
) -> Option<MarkerTree> {
    match (left, right) {
        (Some(mut left), Some(right)) => {
            join(&mut left, right);
            Some(left)
        }
        (one, None) | (None, one) => one,
    }
}

/// Texts that are the same are equal, whatever they are compared as.
fn widened(one: &Comparison<'_>) -> MarkerTree {
    match one.operator {
        "===" => {
            let operator = "==";
            understood(&Comparison { operator, ..*one }).unwrap_or(MarkerTree::TRUE)
        }
        _ => MarkerTree::TRUE,
    }
}

/// What uv understands by a comparison.
fn understood(one: &Comparison<'_>) -> Result<MarkerTree, Trouble> {
    let text = one.to_string();
    let refused = |why: &str| Err(Trouble::Refused(why.to_owned()));
    if one.operator == "===" {
        return refused("uv knows no `===` in markers; write `==`");
    }
    for operand in [one.left, one.right] {
        match operand {
            Operand::Variable(name @ ("extras" | "dependency_groups")) => {
                return refused(&format!(
                    "`{name}` means something in lock files alone (PEP 751)"
                ));
            }
            Operand::Text(text) if text.contains('\\') => {
                return refused(
                    "`\\` means something else to uv than to Python; write the character itself",
                );
            }
            Operand::Text(text)
                if text.contains(|c: char| !c.is_ascii() || c.is_ascii_control()) =>
            {
                return refused("what markers are compared with is plain ASCII");
            }
            _ => {}
        }
    }
    let ignored = || Trouble::Ignored(format!("`{text}` has no meaning: uv would pass over it"));
    if let ("~=", Operand::Text(_), Operand::Variable(name)) = (one.operator, one.left, one.right)
        && !matches!(
            name,
            "python_version" | "python_full_version" | "implementation_version"
        )
    {
        // The parser below takes it and panics.
        return Err(ignored());
    }
    let mut passed_over = false;
    let mut hear = |kind: MarkerWarningKind, _: String| {
        passed_over |= kind != MarkerWarningKind::DeprecatedMarkerName;
    };
    let tree = MarkerTree::parse_reporter(&text, &mut hear);
    match tree {
        _ if passed_over => Err(ignored()),
        Ok(tree) => Ok(tree),
        Err(error) => Err(Trouble::Refused(said(error.message))),
    }
}
