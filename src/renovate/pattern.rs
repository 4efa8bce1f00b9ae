//! `managerFilePatterns`: a regular expression between slashes, or a glob.

use fancy_regex::Regex;
use globset::GlobBuilder;

/// Whether one of Renovate's file patterns matches a path of the repository.
///
/// Without slashes around it, in an old `fileMatch`, the whole pattern is a regular expression: `Style::Expression`.
pub(super) fn matches(pattern: &str, path: &str, style: Style) -> bool {
    let (expression, flags) = match style {
        Style::Expression => (pattern, ""),
        Style::Either => match expression(pattern) {
            Some(found) => found,
            None => return glob(pattern, path),
        },
    };
    let prefix = if flags.contains('i') { "(?i)" } else { "" };
    Regex::new(&format!("{prefix}{expression}"))
        .is_ok_and(|regex| regex.is_match(path).unwrap_or(false))
}

/// How a pattern is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `/expression/`, `/expression/i` or a glob.
    Either,
    /// A bare regular expression.
    Expression,
}

/// What stands between the slashes, and the flags behind them.
fn expression(pattern: &str) -> Option<(&str, &str)> {
    let (inner, flags) = pattern.strip_prefix('/')?.rsplit_once('/')?;
    matches!(flags, "" | "i").then_some((inner, flags))
}

/// Whether a glob matches; `*` stays inside one folder, as in minimatch.
pub(super) fn glob(pattern: &str, path: &str) -> bool {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

/// A pattern for exactly this path.
pub(super) fn of_path(path: &str) -> String {
    format!("/^{}$/", escaped(path))
}

/// Text as a regular expression for itself; `/` needs no care in Renovate's patterns.
pub(super) fn escaped(text: &str) -> String {
    let special = |c: char| r"\.+*?()[]{}|^$".contains(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
