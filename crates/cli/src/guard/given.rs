//! Which of argument and variable holds.
//!
//! The odd precedence is that of the program whose place this one takes: a variable that is set and not empty wins, so that a
//! project's settings hold in every script.

use std::time::Duration;

use pannier_base::url::SafeUrl;
use pannier_clients::gitlab::{Kind, ProjectRef, Token, Tokens};
use pannier_config::{Environment, tokens};

use super::super::context::Context;
use super::super::report::Failure;
use super::options::{Access, Arguments, HANDED_ON};
use super::usage::{Usage, usage};

/// What holds: arguments, and the variables that beat them.
pub(super) struct Given<'a> {
    arguments: Option<&'a Arguments>,
    context: &'a Context,
}

impl<'a> Given<'a> {
    pub(super) const fn new(arguments: &'a Arguments, context: &'a Context) -> Self {
        Self {
            arguments: Some(arguments),
            context,
        }
    }

    /// Without the guard's own arguments.
    pub(super) const fn of(context: &'a Context) -> Self {
        Self {
            arguments: None,
            context,
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.context.variable(name)
    }

    fn argument(&self, of: impl Fn(&'a Arguments) -> Option<&'a String>) -> Option<&'a str> {
        self.arguments.and_then(of).map(String::as_str)
    }

    pub(super) fn refs(&self) -> Option<&'a str> {
        let argument = self.argument(|it| it.refs.as_ref());
        self.variable("GUARD_REF_REGEX").or(argument)
    }

    pub(super) fn statuses(&self) -> Option<&'a str> {
        let argument = self.argument(|it| it.statuses.as_ref());
        self.variable("GUARD_STATUS_REGEX").or(argument)
    }

    pub(super) fn reference(&self) -> Option<&'a str> {
        let argument = self.argument(|it| it.reference.as_ref());
        self.variable("CI_BUILD_REF_NAME")
            .or(argument)
            .or_else(|| self.variable("CI_COMMIT_REF_NAME"))
    }

    pub(super) fn timeout(&self) -> Result<Duration, Failure> {
        let argument = self.argument(|it| it.timeout.as_ref());
        let text = self
            .variable("GUARD_TIMEOUT")
            .or(argument)
            .unwrap_or("3600");
        let seconds = text.trim().trim_start_matches('+').replace('_', "").parse();
        seconds.map(Duration::from_secs).map_err(|_| {
            usage(Usage::Value {
                variable: "GUARD_TIMEOUT",
                text: text.to_owned(),
                wanted: "whole number of seconds, zero or more",
                flag: "--timeout",
            })
        })
    }

    pub(super) fn pipeline(&self) -> Result<u64, Failure> {
        let argument = self.argument(|it| it.pipeline.as_ref());
        let text = self.variable("CI_PIPELINE_ID").or(argument);
        let text = text.ok_or_else(|| {
            usage(Usage::Missing {
                what: "pipeline ID",
                variable: "CI_PIPELINE_ID",
                flag: "--pipeline-id",
            })
        })?;
        text.trim().parse().map_err(|_| {
            usage(Usage::Value {
                variable: "CI_PIPELINE_ID",
                text: text.to_owned(),
                wanted: "number of a pipeline",
                flag: "--pipeline-id",
            })
        })
    }

    pub(super) fn project(&self, access: &'a Access) -> Result<ProjectRef, Failure> {
        let text = self.variable("CI_PROJECT_ID").or(access.project.as_deref());
        text.map(ProjectRef::parse).ok_or_else(|| {
            usage(Usage::Missing {
                what: "project",
                variable: "CI_PROJECT_ID",
                flag: "--project-id",
            })
        })
    }

    pub(super) fn api(&self, access: &'a Access) -> Result<SafeUrl, Failure> {
        let text = self.variable("CI_API_V4_URL").or(access.api.as_deref());
        let text = text.ok_or_else(|| {
            usage(Usage::Missing {
                what: "URL of GitLab's API",
                variable: "CI_API_V4_URL",
                flag: "--api-url",
            })
        })?;
        text.parse().map_err(|source| {
            usage(Usage::Url {
                variable: "CI_API_V4_URL",
                flag: "--api-url",
                source,
            })
        })
    }

    /// The tokens: the one that is meant for the guard before those that the environment has for every verb.
    pub(super) fn tokens(&self, access: &Access, api: &SafeUrl) -> Tokens {
        let private = self
            .variable("PRIVATE_TOKEN")
            .map(|value| Token::new(Kind::Access, value.trim(), "PRIVATE_TOKEN"));
        let argument = self
            .variable(HANDED_ON)
            .or_else(|| access.token.as_deref().filter(|value| !value.is_empty()))
            .map(|value| Token::new(Kind::Access, value.trim(), "--private-token"));
        let others = tokens(&Environment(self.context.variables.clone()), api);
        let rest = [others.access().cloned(), others.job().cloned()];
        Tokens::new([private, argument].into_iter().chain(rest).flatten())
    }
}
