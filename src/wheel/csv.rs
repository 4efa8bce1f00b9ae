//! CSV as `RECORD` files have it: comma, double quotes, LF or CRLF (RFC 4180 with LF allowed).
//!
//! Refuses loose quoting, which CSV libraries accept: a file that two readers understand differently is no evidence.

use std::fmt::Write as _;

/// Line, counted from 1, and what is wrong there.
pub(super) type Fault = (usize, &'static str);

/// Most fields of a row: a bound on what one line of foreign commas takes.
const MOST_FIELDS: usize = 16;

/// Writes one field, in quotes only where they are needed.
pub(super) fn write_field(out: &mut String, field: &str) {
    if field.contains([',', '"', '\r', '\n']) {
        let _ = write!(out, "\"{}\"", field.replace('"', "\"\""));
    } else {
        out.push_str(field);
    }
}

/// Splits CSV into rows of fields, each with its line number; blank lines are no rows (RFC 4180 with LF allowed).
pub(super) fn parse(text: &str) -> Result<Vec<(usize, Vec<String>)>, Fault> {
    let mut rows = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while !rest.is_empty() {
        let start = line;
        let mut fields = Vec::new();
        loop {
            let (field, after) = take_field(rest, line)?;
            line += field.matches('\n').count();
            fields.push(field);
            if fields.len() > MOST_FIELDS {
                return Err((start, "more fields stand there than any RECORD has"));
            }
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    let next = after.strip_prefix("\r\n").or(after.strip_prefix('\n'));
                    rest = next.unwrap_or(after);
                    break;
                }
            }
        }
        line += 1;
        if fields != [""] {
            rows.push((start, fields));
        }
    }
    Ok(rows)
}

/// Takes one field; what is left starts with `,` or a line end, or is empty.
fn take_field(text: &str, line: usize) -> Result<(String, &str), Fault> {
    let fail = |problem| Err((line, problem));
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let (field, after) = text.split_at(end);
        let (field, after) = match field.strip_suffix('\r') {
            Some(field) if after.starts_with('\n') => (field, &text[end - 1..]),
            _ => (field, after),
        };
        if field.contains(['"', '\r']) {
            return fail("a quote or a carriage return stands inside a field without quotes");
        }
        return Ok((field.to_owned(), after));
    };
    let mut field = String::new();
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return fail("a quoted field does not end");
        };
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None if after.is_empty() || after.starts_with([',', '\n']) => {
                return Ok((field, after));
            }
            None if after.starts_with("\r\n") => return Ok((field, after)),
            None => return fail("something follows a quoted field"),
        }
    }
}
