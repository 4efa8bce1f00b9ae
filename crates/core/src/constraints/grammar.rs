//! The grammar of a requirement as Python's `packaging` reads it (26.x): what it takes is taken here, and nothing else.
//!
//! It is PEP 508 and a little more: names that end with `_`, any text behind `===` and behind `@`, markers that only lock
//! files give a meaning. Splits a text into its parts and says where they stand; knows no meaning, see [`super::constraint`].

use std::fmt;

use super::scan::{Scanner, is_blank, specifier};

/// Parentheses in parentheses that are followed; `packaging` gives up somewhere beyond, as Python's stack does.
const DEPTH: usize = 100;

/// The parts of a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// As it is written.
    pub name: Spot<'a>,
    /// As they are written.
    pub extras: Vec<Spot<'a>>,
    pub bound: BoundPart<'a>,
    pub marker: Option<Chain<'a>>,
}

/// A piece of the text, and the byte where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot<'a> {
    pub text: &'a str,
    pub offset: usize,
}

/// What bounds the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BoundPart<'a> {
    /// Nothing does.
    Any,
    /// Specifiers, without blanks between operator and version; never empty.
    Versions(Vec<(String, usize)>),
    /// What stands behind `@`, whether or not it is a URL.
    Url(Spot<'a>),
}

/// Comparisons between `and` and `or`, of which `and` binds more tightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain<'a> {
    pub first: Box<Term<'a>>,
    pub rest: Vec<(Joint, Term<'a>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term<'a> {
    Comparison(Comparison<'a>),
    /// In parentheses.
    Group(Chain<'a>),
}

/// `left operator right`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    pub left: Operand<'a>,
    pub operator: &'static str,
    pub right: Operand<'a>,
    pub offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand<'a> {
    /// By the name that PEP 508 gives it.
    Variable(&'static str),
    /// With its quotes.
    Text(&'a str),
}

/// What keeps a text from being a requirement, and the byte where that starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub offset: usize,
    pub expected: &'static str,
}

/// Splits a requirement into its parts.
pub(super) fn parts(text: &str) -> Result<Parts<'_>, SyntaxError> {
    let mut at = Scanner::new(text);
    at.blanks();
    let name = at.name().ok_or_else(|| at.error("a package name"))?;
    at.blanks();
    let extras = extras(&mut at)?;
    at.blanks();
    let (bound, separated) = match at.take("@") {
        true => url(&mut at)?,
        false => (versions(&mut at)?, true),
    };
    let mut marker = None;
    if !at.is_done() {
        if !separated {
            return Err(at.error("a blank behind the URL"));
        }
        if !at.take(";") {
            return Err(at.error(match bound {
                BoundPart::Url(_) => "` ; marker` or the end behind the URL",
                _ => "a version, `;` with a marker, or the end",
            }));
        }
        marker = Some(chain(&mut at, DEPTH)?);
        at.blanks();
    }
    if !at.is_done() {
        return Err(at.error("`and`, `or`, or the end"));
    }
    Ok(Parts {
        name,
        extras,
        bound,
        marker,
    })
}

fn extras<'a>(at: &mut Scanner<'a>) -> Result<Vec<Spot<'a>>, SyntaxError> {
    let mut extras = Vec::new();
    if !at.take("[") {
        return Ok(extras);
    }
    at.blanks();
    if let Some(first) = at.name() {
        extras.push(first);
        at.blanks();
        while at.take(",") {
            at.blanks();
            extras.push(at.name().ok_or_else(|| at.error("the name of an extra"))?);
            at.blanks();
        }
    }
    match at.take("]") {
        true => Ok(extras),
        false => Err(at.error("`,` or `]`")),
    }
}

/// The URL, and whether a blank stands behind it, without which nothing may follow.
fn url<'a>(at: &mut Scanner<'a>) -> Result<(BoundPart<'a>, bool), SyntaxError> {
    at.blanks();
    let url = at.while_(|c| !matches!(c, ' ' | '\t'));
    if url.text.is_empty() {
        return Err(at.error("a URL"));
    }
    let separated = at.blanks();
    Ok((BoundPart::Url(url), separated))
}

fn versions<'a>(at: &mut Scanner<'a>) -> Result<BoundPart<'a>, SyntaxError> {
    let opened = at.take("(");
    at.blanks();
    let mut found = Vec::new();
    while let Some(token) = at.specifier() {
        // What stands behind `===` takes commas along, which part specifiers all the same.
        let mut offset = token.offset;
        for piece in token.text.split(',') {
            let bare = piece.trim_matches(is_blank);
            if !bare.is_empty() {
                if specifier(bare) != bare.len() {
                    let expected = "a version specifier";
                    return Err(SyntaxError { offset, expected });
                }
                let (operator, version) = bare.split_at(operator_length(bare));
                let version = version.trim_matches(is_blank);
                found.push((format!("{operator}{version}"), offset));
            }
            offset += piece.len() + 1;
        }
        at.blanks();
        if !at.take(",") {
            break;
        }
        at.blanks();
    }
    at.blanks();
    if opened && !at.take(")") {
        return Err(at.error("`,` or `)`"));
    }
    at.blanks();
    Ok(match found.is_empty() {
        true => BoundPart::Any,
        false => BoundPart::Versions(found),
    })
}

fn operator_length(specifier: &str) -> usize {
    match specifier.as_bytes() {
        [b'=', b'=', b'=', ..] => 3,
        [_, b'=', ..] => 2,
        _ => 1,
    }
}

fn chain<'a>(at: &mut Scanner<'a>, depth: usize) -> Result<Chain<'a>, SyntaxError> {
    let first = Box::new(term(at, depth)?);
    let mut rest = Vec::new();
    loop {
        let joint = match () {
            () if at.word("and") => Joint::And,
            () if at.word("or") => Joint::Or,
            () => return Ok(Chain { first, rest }),
        };
        rest.push((joint, term(at, depth)?));
    }
}

fn term<'a>(at: &mut Scanner<'a>, depth: usize) -> Result<Term<'a>, SyntaxError> {
    at.blanks();
    let term = match at.take("(") {
        true if depth == 0 => return Err(at.error("fewer parentheses in parentheses")),
        true => {
            at.blanks();
            let inner = chain(at, depth - 1)?;
            at.blanks();
            if !at.take(")") {
                return Err(at.error("`and`, `or`, or `)`"));
            }
            Term::Group(inner)
        }
        false => Term::Comparison(comparison(at)?),
    };
    at.blanks();
    Ok(term)
}

fn comparison<'a>(at: &mut Scanner<'a>) -> Result<Comparison<'a>, SyntaxError> {
    let offset = at.offset();
    let left = operand(at)?;
    at.blanks();
    let operator = operator(at)?;
    at.blanks();
    let right = operand(at)?;
    Ok(Comparison {
        left,
        operator,
        right,
        offset,
    })
}

fn operator(at: &mut Scanner<'_>) -> Result<&'static str, SyntaxError> {
    if at.word("in") {
        return Ok("in");
    }
    if at.word("not") {
        return match at.blanks() && at.word("in") {
            true => Ok("not in"),
            false => Err(at.error("`in` behind `not`")),
        };
    }
    ["===", "==", "~=", "!=", "<=", ">=", "<", ">"]
        .into_iter()
        .find(|operator| at.take(operator))
        .ok_or_else(|| at.error("one of <=, <, !=, ==, >=, >, ~=, ===, in, not in"))
}

fn operand<'a>(at: &mut Scanner<'a>) -> Result<Operand<'a>, SyntaxError> {
    if let Some(variable) = at.variable() {
        return Ok(Operand::Variable(variable));
    }
    let start = at.offset();
    match at.quoted() {
        Some(text) if is_python_text(text) => Ok(Operand::Text(text)),
        Some(_) => Err(SyntaxError {
            offset: start,
            expected: "a text whose escapes Python knows",
        }),
        None => Err(at.error("a marker variable or a text in quotes")),
    }
}

/// Whether Python reads this as a text; `quoted` holds its quotes, and between them none of their kind.
///
/// Characters by name (`\N{…}`) are not looked up, and not taken.
fn is_python_text(quoted: &str) -> bool {
    let mut rest = quoted[1..quoted.len() - 1].chars();
    while let Some(c) = rest.next() {
        let digits = match c {
            '\n' | '\r' | '\0' => return false,
            '\\' => match rest.next() {
                // It takes the final quote along.
                None | Some('\0' | 'N') => return false,
                Some('x') => 2,
                Some('u') => 4,
                Some('U') => 8,
                Some('\r') => {
                    if rest.as_str().starts_with('\n') {
                        rest.next();
                    }
                    0
                }
                Some(_) => 0,
            },
            _ => 0,
        };
        let Some(code) = rest.as_str().get(..digits) else {
            return false;
        };
        let fits = code.bytes().all(|b| b.is_ascii_hexdigit())
            && (digits < 8 || u32::from_str_radix(code, 16).is_ok_and(|code| code <= 0x10_ffff));
        if !fits {
            return false;
        }
        rest = rest.as_str()[digits..].chars();
    }
    true
}

impl<'a> Chain<'a> {
    /// Every comparison in it, in order.
    pub fn comparisons(&self) -> Vec<&Comparison<'a>> {
        let mut all = self.first.comparisons();
        all.extend(self.rest.iter().flat_map(|(_, term)| term.comparisons()));
        all
    }
}

impl<'a> Term<'a> {
    fn comparisons(&self) -> Vec<&Comparison<'a>> {
        match self {
            Self::Comparison(one) => vec![one],
            Self::Group(inner) => inner.comparisons(),
        }
    }
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        for (joint, term) in &self.rest {
            let joint = match joint {
                Joint::And => "and",
                Joint::Or => "or",
            };
            write!(f, " {joint} {term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison(one) => write!(f, "{one}"),
            Self::Group(inner) => write!(f, "({inner})"),
        }
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = [self.left, self.right].map(|operand| match operand {
            Operand::Variable(text) | Operand::Text(text) => text,
        });
        write!(f, "{left} {} {right}", self.operator)
    }
}
