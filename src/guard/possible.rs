//! Whether an expression can match the name of any branch or tag at all: one that cannot would guard nothing, silently.
//!
//! Goes over the expression's tree with the set of places in a name where the match may stand. What it does not understand
//! it takes for possible, so it never refuses an expression that could match.

use fancy_regex::{Assertion, Expr, LookAround, Regex};

/// A set of places, as bits.
type Places = u8;

/// Before the first character.
const START: Places = 1;
/// Behind some character; more may follow.
const INSIDE: Places = 2;
/// Behind the last character.
const END: Places = 4;

/// Characters that Git forbids in names of branches and tags, see git-check-ref-format(1); besides control characters.
const FORBIDDEN: &str = " ~^:?*[\\";

/// Whether the expression (in the syntax of `fancy-regex`) can be found in some name.
pub(super) fn in_some_name(expression: &str) -> bool {
    Expr::parse_tree(expression).map_or(true, |tree| after(&tree.expr, START | INSIDE) != 0)
}

/// Where the match may stand behind `expr` when it stood at one of `places` before. A name has at least one character.
fn after(expr: &Expr, places: Places) -> Places {
    if places == 0 {
        return 0;
    }
    match expr {
        Expr::Empty => places,
        Expr::Any { .. } => consumed(places),
        Expr::Literal { val, .. } => literal(val, places),
        Expr::Delegate { inner, casei } => match any_character(inner, *casei) {
            true => consumed(places),
            false => 0,
        },
        Expr::Assertion(assertion) => asserted(assertion, places),
        Expr::Concat(parts) => parts
            .iter()
            .fold(places, |places, part| after(part, places)),
        Expr::Alt(ways) => ways.iter().fold(0, |all, way| all | after(way, places)),
        Expr::Group(inner) => after(inner, places),
        Expr::AtomicGroup(inner) => after(inner, places),
        Expr::LookAround(inner, LookAround::LookAheadNeg | LookAround::LookBehindNeg)
            if matches!(**inner, Expr::Empty) =>
        {
            0
        }
        Expr::LookAround(..) => places,
        Expr::Repeat { child, lo, hi, .. } => repeated(child, (*lo, *hi), places),
        _ => places | consumed(places),
    }
}

const fn consumed(places: Places) -> Places {
    if places & (START | INSIDE) == 0 {
        0
    } else {
        INSIDE
    }
}

fn literal(text: &str, places: Places) -> Places {
    let forbidden = |c: char| c.is_control() || FORBIDDEN.contains(c);
    if text.chars().any(forbidden) {
        return 0;
    }
    if text.is_empty() {
        places
    } else {
        consumed(places)
    }
}

const fn asserted(assertion: &Assertion, places: Places) -> Places {
    match assertion {
        Assertion::StartText | Assertion::StartLine { .. } => places & START,
        Assertion::EndText
        | Assertion::EndTextIgnoreTrailingNewlines { .. }
        | Assertion::EndLine { .. } => {
            if places & (INSIDE | END) == 0 {
                0
            } else {
                END
            }
        }
        _ => places,
    }
}

fn repeated(child: &Expr, (lo, hi): (usize, usize), places: Places) -> Places {
    // Three places: after as many rounds the set is what it stays.
    let mut now = places;
    for _ in 0..lo.min(4) {
        now = after(child, now);
    }
    let mut all = now;
    for _ in 0..hi.saturating_sub(lo).min(4) {
        now = after(child, now);
        all |= now;
    }
    all
}

fn any_character(class: &str, casei: bool) -> bool {
    let flag = if casei { "(?i)" } else { "" };
    let Ok(regex) = Regex::new(&format!("{flag}{class}")) else {
        return true;
    };
    let ascii = ('!'..='~').filter(|c| !FORBIDDEN.contains(*c));
    ascii
        .chain(['é', 'ß', 'Ω', 'ж', '日', '٣'])
        .any(|c| regex.is_match(c.encode_utf8(&mut [0; 4])).unwrap_or(true))
}
