//! Lines of the constraints that uv cannot read although they look as if it could: named by their own place instead of by that
//! in a file that was written for uv.
//!
//! Knows uv's words for it and nothing else; an error in other words stays as it is.

use std::error::Error;

use crate::constraints::{ConstraintLine, LineError, LineErrors, shown};
use crate::request::Request;
use crate::resolve::error::ResolveError;

/// How uv begins when it cannot read a line.
const WORDS: &str = "Couldn't parse requirement in `";

/// The error, with the place of the line that it is about where uv could not read one.
pub(super) fn placed(error: ResolveError, request: &Request) -> ResolveError {
    let said = said(&error);
    let mut lines = request.constraints.iter().flat_map(|text| &text.lines);
    match lines.find_map(|line| unread(line, &said)) {
        Some(found) => ResolveError::Constraints(LineErrors(vec![found])),
        None => error,
    }
}

/// All that is said of an error. Some of its causes are uv's.
fn said(error: &ResolveError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        said += &format!("\n{inner}");
        cause = inner.source();
    }
    said
}

/// uv shows the line below the reason.
fn unread(line: &ConstraintLine, said: &str) -> Option<LineError> {
    let (_, behind) = said.split_once(WORDS)?;
    let text = shown(line.requirement().ok()?);
    let (reason, _) = behind
        .split_once("cause: ")?
        .1
        .split_once(&format!("\n         {text}\n"))?;
    Some(LineError {
        file: line.file.clone(),
        line: line.line,
        column: 1,
        text,
        mark: None,
        message: format!("uv cannot read this constraint: {}", reason.trim()),
        help: Some("mend the line, or remove it".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constraints::parse_requirement;
    use pannier_clients::uv::UvError;

    fn line(text: &str) -> ConstraintLine {
        ConstraintLine::new(parse_requirement(text).expect(text), "c.txt".into(), 7)
    }

    #[test]
    fn the_line_that_uv_shows_is_found() {
        let explanation = "Couldn't parse requirement in `constraints.txt` at position 12\n  cause: Expected path (`/b.hl`) to end in \
                           something\n         a @ file:///b.hl\n             ^^^^^^^^^^^^";
        let said = said(&ResolveError::Uv(UvError::Failed {
            task: "resolve the requirements".to_owned(),
            explanation: explanation.to_owned(),
        }));
        assert_eq!(unread(&line("a @ file:///b.h"), &said), None);
        assert_eq!(unread(&line("a==1"), &said), None);
        let found = unread(&line("A @ file:///b.hl"), &said).expect("it is named");
        insta::assert_snapshot!(found, @r"
        c.txt:7:1: uv cannot read this constraint: Expected path (`/b.hl`) to end in something
            a @ file:///b.hl
        ");
        let other = said.replace(WORDS, "Failed to fetch `");
        assert_eq!(unread(&line("a @ file:///b.hl"), &other), None);
    }
}
