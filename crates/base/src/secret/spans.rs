//! Parts of a text, and what is put in their place.

use std::ops::Range;

/// What replaces a secret.
pub const HIDDEN: &str = "****";

/// The ranges in order, with those that overlap or touch made one.
pub(super) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The text with `****` in place of each range; the ranges are in order and do not overlap.
pub(super) fn replace(text: &str, ranges: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        shown.push_str(&text[done..range.start]);
        shown.push_str(HIDDEN);
        done = range.end;
    }
    shown.push_str(&text[done..]);
    shown
}
