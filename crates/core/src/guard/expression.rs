//! Which pipelines conflict by what they are called and how they stand: the two expressions of the command line, checked.

use miette::Diagnostic;

use super::pattern::{Pattern, PatternError};
use pannier_clients::gitlab::{RunStatus, Standing};

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ExpressionError {
    /// It is no expression.
    #[error("`{text}` is not a regular expression for {what}: {problem}")]
    #[diagnostic(help(
        "use the syntax of Python's `re`; docs/guard.md lists what is not supported"
    ))]
    Bad {
        /// The expression.
        text: String,
        /// Refs or statuses.
        what: &'static str,
        /// What is wrong.
        problem: PatternError,
    },
    /// It is empty.
    #[error("the regular expression for {what} is empty")]
    #[diagnostic(help("omit the option: without it, every {what} counts"))]
    Empty {
        /// Refs or statuses.
        what: &'static str,
    },
    /// No status that can conflict matches it.
    #[error(
        "`{text}` matches no status of an unfinished pipeline, so the guard would wait for nothing"
    )]
    #[diagnostic(help(
        "the statuses are created, waiting_for_resource, preparing, waiting_for_callback, pending, running, canceling, manual and scheduled; the expression matches from the start"
    ))]
    NoStatus {
        /// The expression.
        text: String,
    },
}

/// Which refs conflict. The expression matches anywhere in a ref.
#[derive(Debug, Clone, Default)]
pub struct Refs(Option<Pattern>);

/// Which statuses conflict. The expression matches from a status's start. Without one: whatever goes on by itself.
#[derive(Debug, Clone, Default)]
pub struct Statuses(Option<Pattern>);

fn compile(text: &str, what: &'static str) -> Result<Pattern, ExpressionError> {
    if text.is_empty() {
        return Err(ExpressionError::Empty { what });
    }
    Pattern::python(text).map_err(|problem| ExpressionError::Bad {
        text: text.to_owned(),
        what,
        problem,
    })
}

impl Refs {
    /// The refs that the expression matches; every one without an expression.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn parse(text: Option<&str>) -> Result<Self, ExpressionError> {
        let pattern = text.map(|text| compile(text, "ref")).transpose()?;
        Ok(Self(pattern))
    }

    /// Whether refs are looked at.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this ref conflicts.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be told.
    pub fn contains(&self, reference: &str) -> Result<bool, ExpressionError> {
        let Some(pattern) = &self.0 else {
            return Ok(true);
        };
        pattern
            .searches(reference)
            .map_err(|problem| undecided(pattern, "ref", problem))
    }
}

impl Statuses {
    /// The statuses that the expression matches, among those of pipelines that are not over.
    ///
    /// # Errors
    /// [`ExpressionError`].
    pub fn parse(text: Option<&str>) -> Result<Self, ExpressionError> {
        let Some(text) = text else {
            return Ok(Self(None));
        };
        let statuses = Self(Some(compile(text, "status")?));
        if statuses.asked()?.is_empty() {
            return Err(ExpressionError::NoStatus {
                text: text.to_owned(),
            });
        }
        Ok(statuses)
    }

    /// The known statuses that conflict: those requested from the API.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be told.
    pub fn asked(&self) -> Result<Vec<RunStatus>, ExpressionError> {
        let mut asked = Vec::new();
        for status in RunStatus::KNOWN {
            if self.contains(&status)? {
                asked.push(status);
            }
        }
        Ok(asked)
    }

    /// Whether a pipeline with this status conflicts. One that is over never does: no waiting would help.
    ///
    /// # Errors
    /// [`ExpressionError`] when it cannot be told.
    pub fn contains(&self, status: &RunStatus) -> Result<bool, ExpressionError> {
        match (&self.0, status.standing()) {
            (_, Standing::Done) => Ok(false),
            (None, standing) => Ok(standing == Standing::Alive),
            (Some(pattern), _) => pattern
                .matches_start(status.word())
                .map_err(|problem| undecided(pattern, "status", problem)),
        }
    }
}

fn undecided(pattern: &Pattern, what: &'static str, problem: PatternError) -> ExpressionError {
    ExpressionError::Bad {
        text: pattern.text().to_owned(),
        what,
        problem,
    }
}

impl ExpressionError {
    /// Whether it is a mistake of usage, as against an expression that cannot be judged.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Empty { .. } | Self::NoStatus { .. })
    }
}
