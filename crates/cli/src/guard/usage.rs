//! Errors about flags and variables of the guard.

use miette::Diagnostic;

use super::super::exit::Exit;
use super::super::report::Failure;

/// What is wrong with the usage.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(super) enum Usage {
    #[error("no {what} given")]
    #[diagnostic(help("set {variable} or pass {flag}; inside a GitLab job, the variable is set"))]
    Missing {
        what: &'static str,
        variable: &'static str,
        flag: &'static str,
    },
    #[error("{variable} is `{text}`, which is not a {wanted}")]
    #[diagnostic(help("the variable overrides {flag}"))]
    Value {
        variable: &'static str,
        text: String,
        wanted: &'static str,
        flag: &'static str,
    },
    #[error("{variable} is not a valid URL")]
    #[diagnostic(help("the variable overrides {flag}"))]
    Url {
        variable: &'static str,
        flag: &'static str,
        source: pannier_base::url::UrlError,
    },
    #[error("`--cancel older` conflicts with `--order oldest`")]
    #[diagnostic(help("omit one of them"))]
    Orders,
    #[error("`--scope {0}` needs the name: CI_JOB_NAME and CI_JOB_STAGE are not set")]
    #[diagnostic(help("pass `--scope {0}=NAME`"))]
    Scope(&'static str),
}

pub(super) fn usage(error: Usage) -> Failure {
    Failure::new(Exit::Usage, error)
}
