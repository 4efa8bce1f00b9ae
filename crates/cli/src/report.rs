//! How a run that did not succeed is told: what failed, why, and what to do next; and which exit code it has.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use miette::Diagnostic;

use super::exit::Exit;
use pannier_base::class::Classify;
use pannier_base::problem::Problem;
use pannier_base::secret::scrub;
use pannier_base::visible;

/// An error on its way out of the program.
#[derive(Debug)]
pub struct Failure {
    /// What pipelines see.
    pub exit: Exit,
    /// What people see; `None` when all has been said already.
    pub report: Option<Box<dyn Diagnostic + Send + Sync>>,
}

impl Failure {
    /// An error with its exit code.
    pub fn new(exit: Exit, error: impl Diagnostic + Send + Sync + 'static) -> Self {
        Self {
            exit,
            report: Some(Box::new(error)),
        }
    }

    /// An end that needs no further words.
    #[must_use]
    pub const fn silent(exit: Exit) -> Self {
        Self { exit, report: None }
    }
}

impl<E: Classify + Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.class().into(), error)
    }
}

const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes an error to stderr: the message, its causes, and the hints of all of them, each once.
pub fn show(error: &dyn Diagnostic) {
    let mut out = anstream::stderr().lock();
    // A closed stderr leaves the exit code to tell.
    let _ = write!(out, "{}", render(&Problem::of(error)));
}

/// The text of [`show`], with styles and without secrets.
#[must_use]
pub fn render(problem: &Problem) -> String {
    // Scrubbed in this one place, whoever has put a text of others into an error.
    let indent = |text: &str, by| indent(&scrub(text), by);
    let mut text = format!("{RED}error{RED:#}: {}\n", indent(&problem.message, "    "));
    for cause in &problem.causes {
        text += &format!("  because: {}\n", indent(cause, "    "));
    }
    for other in &problem.related {
        text += &format!("  - {}\n", indent(other, "    "));
    }
    for help in &problem.help {
        text += &format!("  {CYAN}help{CYAN:#}: {}\n", indent(help, "    "));
    }
    text
}

/// Indents all lines but the first, so that what uv or a backend said stays one block. Nothing in it acts on the terminal.
pub(super) fn indent(text: &str, by: &str) -> String {
    visible::lines(text)
        .trim_end()
        .replace('\n', &format!("\n{by}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error, Diagnostic)]
    #[error("cannot read x.whl")]
    #[diagnostic(help("run `pannier store verify`"))]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("line one\nline two")]
    struct Inner;

    #[test]
    fn what_servers_and_programs_say_acts_on_no_terminal() {
        #[derive(Debug, thiserror::Error, Diagnostic)]
        #[error("{0}")]
        #[diagnostic(help("{0}"))]
        struct Foreign(&'static str);
        let error = Foreign("\x1b[31mred\x1b]0;t\x07\nsection_start:1:x\r\x1b[0Kevil\u{202e}");
        let text = render(&Problem::of(&error));
        let own = [RED.to_string(), format!("{RED:#}"), CYAN.to_string()];
        let left = own.iter().fold(text, |text, style| text.replace(style, ""));
        insta::assert_snapshot!(left, @r"
        error: red\u{1b}]0;t\u{7}
            section_start:1:x\revil\u{202e}
          help: red\u{1b}]0;t\u{7}
            section_start:1:x\revil\u{202e}
        ");
    }

    #[test]
    fn causes_and_hints_stand_below_the_message() {
        let text = anstream::adapter::strip_str(&render(&Problem::of(&Outer(Inner)))).to_string();
        assert_eq!(
            text,
            "error: cannot read x.whl\n  because: line one\n    line two\n  help: run `pannier store verify`\n"
        );
    }
}
