//! What is wrong with a line of a constraints or requirements file: where, what, what was expected, what to do.

use std::fmt;
use std::path::PathBuf;

use miette::Diagnostic;

/// One thing that is wrong, with its place. Prints as `file:line:column: what`, and below it the text with a mark at the trouble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}{}", file.display(), self.marked())]
pub struct LineError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The offending text as it stands in the file, without credentials.
    pub text: String,
    /// The character of the text where the trouble starts, from 0; `None` where hidden credentials stand before it.
    pub mark: Option<usize>,
    /// What is wrong with it and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl LineError {
    /// The text on a line of its own, and below it a mark from where the trouble starts to the end of the word.
    fn marked(&self) -> String {
        let mut marked = format!("\n    {}", self.text);
        if let Some(mark) = self.mark {
            let before = self.text.chars().take(mark);
            let blanks: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let word = self.text.chars().skip(mark);
            let length = word.take_while(|c| !c.is_whitespace()).count();
            marked += &format!("\n    {blanks}{}", "^".repeat(length.max(1)));
        }
        marked
    }
}

impl Diagnostic for LineError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

/// Everything that is wrong with a file and the files that it names; never empty.
///
/// Prints one line for each, and its help behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineErrors(pub Vec<LineError>);

impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
            if let Some(help) = &error.help {
                write!(f, "\n  {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for LineErrors {}

impl Diagnostic for LineErrors {}
