//! Whether an error refuses a change or leaves it undecided. In doubt, it is undecided.

use std::error::Error;

use super::report::CheckResult;
use crate::prepare::PrepareError;
use crate::request::ImageRequest;
use crate::resolve::ResolveError;
use crate::resolve::SourceError;
use crate::store::StoreError;
use crate::wheel_build::BuildError;
use pannier_base::class::{Class, Classify};
use pannier_base::platform::evaluate;
use pannier_clients::uv::UvError;

/// What an error says about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// The change breaks something; what, with the chain of requirements where there is one.
    Refused {
        /// For people.
        text: String,
        /// Projects that the index says it does not have.
        missing: Vec<String>,
    },
    /// Nothing was found out about the change.
    NotJudged(String),
}

impl ErrorClass {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Refused { text, .. } | Self::NotJudged(text) => text,
        }
    }

    /// The same with the names of images in place of their markers.
    pub(super) fn readable(self, images: &[ImageRequest]) -> Self {
        match self {
            Self::Refused { text, missing } => Self::Refused {
                text: readable(&text, images),
                missing,
            },
            other => other,
        }
    }

    pub(super) fn result(self) -> CheckResult {
        match self {
            Self::Refused { text, .. } => CheckResult::Refused(text),
            Self::NotJudged(text) => CheckResult::NotJudged(text),
        }
    }
}

impl From<ResolveError> for ErrorClass {
    fn from(error: ResolveError) -> Self {
        let (text, missing) = match &error {
            ResolveError::Collision(why) => (chain(why), why.missing()),
            ResolveError::NotServed {
                source: Some(why), ..
            } => (format!("{error}\n{}", chain(why)), Vec::new()),
            other => (told(other), Vec::new()),
        };
        let refused = match &error {
            ResolveError::Metadata { source, .. } => is_own_fault(source),
            // An index that serves other files than it lists, or that uv cannot use, is no fault of the change.
            ResolveError::Listed { .. } | ResolveError::Revision { .. } | ResolveError::Uv(_) => {
                false
            }
            ResolveError::Override { .. } => error.class() == Class::Unsatisfiable,
            other => is_answer(other),
        };
        if refused {
            Self::Refused { text, missing }
        } else {
            Self::NotJudged(text)
        }
    }
}

impl From<PrepareError> for ErrorClass {
    fn from(error: PrepareError) -> Self {
        let text = told(&error);
        let refused = match &error {
            PrepareError::Select(_) => true,
            PrepareError::Layout { .. } | PrepareError::Hashes(_) => is_answer(&error),
            PrepareError::Build(build) => of_build(build),
            PrepareError::Store(store) => of_store(store),
            // No constraint changes a data project.
            _ => false,
        };
        match refused {
            true => Self::Refused {
                text,
                missing: Vec::new(),
            },
            false => Self::NotJudged(text),
        }
    }
}

/// Whether the class says no to the change. It does not know whose files were refused; the callers do.
fn is_answer(error: &impl Classify) -> bool {
    matches!(
        error.class(),
        Class::Unsatisfiable | Class::Refused | Class::NoHash
    )
}

fn is_own_fault(source: &SourceError) -> bool {
    matches!(source, SourceError::Build(build) if of_build(build))
}

/// Whether a build failed by what it is made of. A machine that is not like the image says nothing about a build in the image.
fn of_build(build: &BuildError) -> bool {
    match build {
        BuildError::Store(store) => of_store(store),
        BuildError::Backend { source, .. } => !source.was_kept_from_looking() && is_answer(build),
        BuildError::Refused { .. } => is_answer(build),
        _ => false,
    }
}

/// Another digest than the index stated a moment ago is the index's fault.
fn of_store(store: &StoreError) -> bool {
    matches!(store, StoreError::Refused(_)) && is_answer(store)
}

/// The chain of requirements, without the words around it.
fn chain(error: &UvError) -> String {
    let UvError::Failed { explanation, .. } = error else {
        return told(error);
    };
    let mut lines = Vec::new();
    for line in explanation.lines() {
        let line = line.trim();
        // Hints are about flags of uv's that nobody here can set.
        if line.starts_with("hint:") {
            break;
        }
        if line.is_empty() || line == "No solution found when resolving dependencies" {
            continue;
        }
        lines.push(line.strip_prefix("cause: ").unwrap_or(line));
    }
    lines.join("\n")
}

/// uv tells environments apart by markers that are longer than what it says about them.
fn readable(text: &str, images: &[ImageRequest]) -> String {
    const SPLIT: &str = "No solution found when resolving dependencies for split (markers: ";
    let lines = text.lines().map(|line| {
        let Some(marker) = line.strip_prefix(SPLIT) else {
            return without_markers(line);
        };
        let marker = marker.trim_end_matches([')', ':']);
        let holds = |image: &&ImageRequest| evaluate(marker, &image.target, &[]).unwrap_or(false);
        let names = images
            .iter()
            .filter(holds)
            .map(|image| image.name.to_string());
        match names.collect::<Vec<_>>().as_slice() {
            [] => format!("Where {marker}:"),
            [one] => format!("For image {one}:"),
            several => format!("For images {}:", several.join(", ")),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `app{python_version < '3.12'}==1.0` → `app==1.0`
fn without_markers(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((marker, after)) = behind.split_once('}') else {
            break;
        };
        kept.push_str(before);
        // Braces around anything else are someone's words.
        if !marker.contains(['<', '>', '=']) {
            kept.push_str(&format!("{{{marker}}}"));
        }
        rest = after;
    }
    kept + rest
}

/// An error with its causes, one per line.
pub(super) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!("\n{inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(explanation: &str) -> UvError {
        UvError::Failed {
            task: "resolve".to_owned(),
            explanation: explanation.to_owned(),
        }
    }

    #[test]
    fn a_collision_is_a_refusal_with_its_chain() {
        let error = failed(
            "No solution found when resolving dependencies\n  cause: Because a>=2 depends on b>=2 and b==1, a>=2 cannot be used.\n         And because you require a==2, it is unsatisfiable.\n\nhint: try --flag",
        );
        let ErrorClass::Refused { text, .. } = ResolveError::from(error).into() else {
            panic!("it is an answer");
        };
        assert_eq!(
            text,
            "Because a>=2 depends on b>=2 and b==1, a>=2 cannot be used.\nAnd because you require a==2, it is unsatisfiable."
        );
    }

    #[test]
    fn markers_of_images_are_left_out() {
        let text = "No solution found when resolving dependencies for split (markers: python_full_version == '3.9.*')\n\
                    Because app{python_version < '3.12'}==1 and {x} depend on b, no.";
        assert_eq!(
            readable(text, &[]),
            "Where python_full_version == '3.9.*':\nBecause app==1 and {x} depend on b, no."
        );
    }

    #[test]
    fn what_kept_uv_from_looking_is_no_refusal() {
        for said in [
            "Failed to fetch: http://127.0.0.1:9/simple/a/\n  cause: Connection refused",
            "No solution found when resolving dependencies\n  cause: Because a was not found …\n\nhint: An index (http://127.0.0.1:1/) returned a 403 Forbidden error.",
        ] {
            let trouble = ErrorClass::from(ResolveError::from(failed(said)));
            assert!(matches!(trouble, ErrorClass::NotJudged(_)), "{said}");
        }
    }

    #[test]
    fn a_backend_that_fails_is_a_refusal_unless_it_was_kept_from_looking() {
        let judged = |said: &str| {
            let label = "tool".to_owned();
            let source = failed(said);
            ErrorClass::from(PrepareError::Build(BuildError::Backend { label, source }))
        };
        let said = "Failed to build `tool`\nAttributeError: install_layout";
        assert!(matches!(judged(said), ErrorClass::Refused { .. }));
        let said = "Failed to fetch: http://127.0.0.1:9/simple/hatchling/";
        assert!(matches!(judged(said), ErrorClass::NotJudged(_)));
    }
}
