//! An error as plain text, for events and reports, which outlive the error itself.

use miette::Diagnostic;

/// An error as plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// What failed.
    pub message: String,
    /// Why, from the outermost cause to the innermost.
    pub causes: Vec<String>,
    /// Other errors that belong to it.
    pub related: Vec<String>,
    /// The hints of the error and its causes, the most specific first, each once.
    pub help: Vec<String>,
}

impl Problem {
    /// The texts of an error.
    #[must_use]
    pub fn of(error: &dyn Diagnostic) -> Self {
        let related = error.related().into_iter().flatten();
        Self {
            message: error.to_string(),
            causes: causes(error),
            related: related.map(ToString::to_string).collect(),
            help: help(error),
        }
    }

    /// Message and causes on one line, at most `most` characters long.
    #[must_use]
    pub fn line(&self, most: usize) -> String {
        let texts = std::iter::once(&self.message).chain(&self.causes);
        let text = texts.map(String::as_str).collect::<Vec<_>>().join(": ");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(most) {
            Some((end, _)) => format!("{} …", &line[..end]),
            None => line,
        }
    }
}

fn causes(error: &dyn Diagnostic) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

fn help(error: &dyn Diagnostic) -> Vec<String> {
    let mut help: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let hint = error.help().map(|hint| hint.to_string());
        help.extend(hint.filter(|hint| !help.contains(hint)));
        next = error.diagnostic_source();
    }
    help.reverse();
    help
}
