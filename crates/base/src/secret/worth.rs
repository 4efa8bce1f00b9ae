//! Which values are long enough to be known.

/// Shorter values are not known secrets: they would appear by chance all over a text.
pub(super) const SHORTEST: usize = 8;

/// Whether a value is long enough to be found by value, and is neither a placeholder nor a variable's name.
pub(super) fn is_worth_knowing(value: &str) -> bool {
    let masked = value.chars().all(|c| c == '*') || value == "[MASKED]";
    value.chars().count() >= SHORTEST && !masked && !value.starts_with('$')
}
