//! CSV as `RECORD` files have it: comma, double quotes, LF or CRLF (RFC 4180 with LF allowed).
//!
//! Refuses loose quoting, which CSV libraries accept: a file that two readers understand differently is no evidence.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};

/// Line, counted from 1, and what is wrong there.
pub(super) type Fault = (usize, &'static str);

/// Line, counted from 1, and the fields of the row that begins there.
pub(super) type Row = (usize, Vec<String>);

/// Most fields of a row: a bound on what one line of foreign commas takes.
const MOST_FIELDS: usize = 16;
/// Longest row in bytes that is read from a stream: a path of a wheel has at most 1,024 bytes.
const LONGEST: usize = 16 << 10;

/// Writes one field, in quotes only where they are needed.
pub(super) fn write_field(out: &mut String, field: &str) {
    if field.contains([',', '"', '\r', '\n']) {
        let _ = write!(out, "\"{}\"", field.replace('"', "\"\""));
    } else {
        out.push_str(field);
    }
}

/// Splits CSV into rows of fields, each with its line number; blank lines are no rows (RFC 4180 with LF allowed). Nothing comes
/// behind a fault.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Result<Row, Fault>> {
    let (mut line, mut rest) = (1, text);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let start = line;
            match take_row(rest, &mut line) {
                Ok((fields, after)) => {
                    rest = after;
                    if fields != [""] {
                        return Some(Ok((start, fields)));
                    }
                }
                Err(fault) => {
                    rest = "";
                    return Some(Err(fault));
                }
            }
        }
        None
    })
}

/// As [`rows`], of text that is never all there: one row is held at a time, of at most 16 KiB.
///
/// # Errors
/// Of each row, what reading gives.
pub(super) fn read(input: impl BufRead) -> impl Iterator<Item = io::Result<Result<Row, Fault>>> {
    let (mut input, mut row, mut line) = (input, Vec::new(), 1);
    let mut next = move || -> io::Result<Option<Result<Row, Fault>>> {
        loop {
            row.clear();
            read_row(&mut input, &mut row)?;
            if row.is_empty() {
                return Ok(None);
            }
            let start = line;
            match parse_row(&row, &mut line) {
                Ok(fields) if fields == [""] => {}
                done => return Ok(Some(done.map(|fields| (start, fields)))),
            }
        }
    };
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let row = next().transpose();
        over = !matches!(row, Some(Ok(Ok(_))));
        row
    })
}

/// Reads up to a line end that stands in no quotes, which is where as many quotes have closed as have opened.
fn read_row(input: &mut impl BufRead, row: &mut Vec<u8>) -> io::Result<()> {
    let mut open = false;
    loop {
        let start = row.len();
        let room = (LONGEST + 1 - start) as u64;
        if input.take(room).read_until(b'\n', row)? == 0 {
            return Ok(());
        }
        let quotes = row[start..].iter().filter(|byte| **byte == b'"').count();
        open ^= quotes % 2 == 1;
        if !open && row.ends_with(b"\n") {
            return Ok(());
        }
    }
}

/// The fields of one row, which begins at `line`.
fn parse_row(row: &[u8], line: &mut usize) -> Result<Vec<String>, Fault> {
    if row.len() > LONGEST {
        return Err((*line, "the row is longer than any path"));
    }
    let text = std::str::from_utf8(row).map_err(|_| (*line, "it is not UTF-8"))?;
    let (fields, rest) = take_row(text, line)?;
    match rest {
        "" => Ok(fields),
        _ => Err((*line, "something follows the row")),
    }
}

/// Takes one row, which begins at `line`; gives what is left, and counts its lines.
fn take_row<'a>(text: &'a str, line: &mut usize) -> Result<(Vec<String>, &'a str), Fault> {
    let start = *line;
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = take_field(rest, *line)?;
        *line += field.matches('\n').count();
        fields.push(field);
        if fields.len() > MOST_FIELDS {
            return Err((start, "more fields than a RECORD has"));
        }
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                *line += 1;
                let next = after.strip_prefix("\r\n").or(after.strip_prefix('\n'));
                return Ok((fields, next.unwrap_or(after)));
            }
        }
    }
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
            return fail("a quote or a carriage return is inside a field without quotes");
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
