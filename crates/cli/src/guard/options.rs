//! The arguments of the guard, with all their spellings. `given` decides between arguments and variables.

use std::ffi::OsString;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use crate::options::Format;

/// The variable by which a token of the command line reaches the process that goes on without it.
pub(super) const HANDED_ON: &str = "PANNIER_GUARD_TOKEN";
/// What stands in its place on the command line.
pub(super) const HIDDEN: &str = "[hidden]";

const EXAMPLES: &str = "\
Examples:
  pannier guard                            # wait for all older pipelines of the project
  pannier guard -c '^main$' -- ./deploy    # only for those of main, then run ./deploy
  pannier guard --scope job -w 1800        # for the same job in older ones, at most 30 minutes
  pannier guard --cancel older             # cancel older ones whose job has not started
  pannier guard --no-wait                  # exit with 7 instead of waiting
  pannier guard resource-group production --mode oldest_first

A variable that is set and not empty overrides its argument. Exit codes: 0 no conflict, 7 conflict
(--no-wait), 9 cannot tell, 10 a newer pipeline goes first, 11 timeout; or the exit code of COMMAND.";

/// Wait until no conflicting pipeline is running, then run a command
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    args_override_self = true,
    infer_long_args = true,
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "resource-group"
)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) action: Option<Action>,
    /// Wait only for pipelines whose ref matches [env: GUARD_REF_REGEX] [default: all]
    ///
    /// The Python regular expression may match anywhere in the ref.
    #[arg(
        short = 'c',
        long = "guard-ref-regex",
        visible_aliases = ["check", "guard"],
        value_name = "REGEX",
        help_heading = "Conflicts"
    )]
    pub(super) refs: Option<String>,
    /// Wait only for pipelines whose status matches [env: GUARD_STATUS_REGEX] [default: live]
    ///
    /// The Python regular expression matches from the start of the status. Live pipelines are those that are not finished.
    #[arg(
        short = 's',
        long = "guard-status-regex",
        visible_alias = "status-regex",
        value_name = "REGEX",
        help_heading = "Conflicts"
    )]
    pub(super) statuses: Option<String>,
    /// Wait for whole pipelines, or only for the same `stage` or `job`
    ///
    /// `stage=NAME` and `job=NAME` name another one than that of this job.
    #[arg(
        long,
        value_name = "SCOPE",
        default_value = "pipeline",
        help_heading = "Conflicts"
    )]
    pub(super) scope: Overlap,
    /// Wait for pipelines of this project, too (ID or path); repeat for more
    #[arg(
        id = "more_projects",
        long = "project",
        value_name = "PROJECT",
        help_heading = "Conflicts"
    )]
    pub(super) project: Vec<String>,
    /// Let the oldest or the newest pipeline go first [default: oldest]
    ///
    /// With `newest`, older pipelines whose guarded job has not started exit with 10.
    #[arg(long, value_name = "ORDER", help_heading = "Conflicts")]
    pub(super) order: Option<First>,
    /// Cancel older pipelines whose guarded job has not started
    ///
    /// This needs a token with the scope `api`.
    #[arg(long, value_name = "WHICH", help_heading = "Conflicts")]
    pub(super) cancel: Option<Cancel>,
    /// Set the ID of this pipeline [env: CI_PIPELINE_ID]
    #[arg(
        short = 'i',
        long = "ci-pipeline-id",
        visible_alias = "pipeline-id",
        value_name = "ID"
    )]
    pub(super) pipeline: Option<String>,
    /// Set the ref of this pipeline, for the log [env: CI_BUILD_REF_NAME, CI_COMMIT_REF_NAME]
    #[arg(long = "ci-build-ref-name", value_name = "REF")]
    pub(super) reference: Option<String>,
    /// Wait at most this long; 0 checks once [env: GUARD_TIMEOUT] [default: 3600]
    #[arg(
        short = 'w',
        long = "guard-timeout",
        visible_alias = "timeout",
        value_name = "SECONDS",
        allow_negative_numbers = true,
        help_heading = "Waiting"
    )]
    pub(super) timeout: Option<String>,
    /// Exit with 7 instead of waiting
    #[arg(short = 'x', long, visible_alias = "exit", help_heading = "Waiting")]
    pub(super) no_wait: bool,
    /// Set the minimum polling interval; pipelines further back poll less often
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds,
        help_heading = "Waiting"
    )]
    pub(super) interval: f64,
    /// Set the age at which GitLab lists all pipelines with lower IDs than this one
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        value_parser = seconds,
        help_heading = "Waiting"
    )]
    pub(super) settle: f64,
    #[command(flatten)]
    pub(super) access: Access,
    /// The same as --quiet
    #[arg(long, hide = true)]
    pub(crate) silent: bool,
    /// Command to run once the guard passes
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// How to reach GitLab, and with which token.
#[derive(Debug, Clone, Args)]
pub(super) struct Access {
    /// Set the URL of GitLab's API [env: CI_API_V4_URL]
    #[arg(
        short = 'u',
        long = "ci-api-v4-url",
        visible_alias = "api-url",
        value_name = "URL",
        help_heading = "GitLab"
    )]
    pub(super) api: Option<String>,
    /// Set the project, by ID or path [env: CI_PROJECT_ID]
    #[arg(
        short = 'p',
        long = "ci-project-id",
        visible_alias = "project-id",
        value_name = "PROJECT",
        help_heading = "GitLab"
    )]
    pub(super) project: Option<String>,
    /// Set the access token; prefer the variable
    ///
    /// [env: PRIVATE_TOKEN, then PANNIER_TOKEN, GITLAB_TOKEN, CI_JOB_TOKEN]
    #[arg(
        short = 't',
        long = "private-token",
        visible_aliases = ["access-token", "api-token"],
        value_name = "TOKEN",
        help_heading = "GitLab"
    )]
    pub(super) token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    ResourceGroup(ResourceGroup),
}

/// Set the order of GitLab's queue for a resource group, or show the queue
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier guard resource-group production --mode oldest_first\n  pannier guard resource-group production --list"
)]
pub(super) struct ResourceGroup {
    /// The value of `resource_group` in the job
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Set the order in which waiting jobs run
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<Mode>,
    /// Show the queue
    #[arg(long)]
    pub(super) list: bool,
    /// Print the result in this format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) access: Access,
}

/// A process mode, in GitLab's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Mode {
    /// The job that is ready first
    Unordered,
    /// The oldest pipeline first
    OldestFirst,
    /// The newest pipeline first
    NewestFirst,
    /// The newest pipeline that is ready
    NewestReadyFirst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum First {
    /// The oldest pipeline
    Oldest,
    /// The newest pipeline
    Newest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Cancel {
    /// Older pipelines whose guarded job has not started
    Older,
}

/// A scope as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlap {
    Pipeline,
    Stage(Option<String>),
    Job(Option<String>),
}

impl FromStr for Overlap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once('=') {
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text, None),
        };
        match (kind, name) {
            (_, Some(name)) if name.is_empty() => Err("the name is empty".to_owned()),
            ("pipeline", None) => Ok(Self::Pipeline),
            ("stage", name) => Ok(Self::Stage(name)),
            ("job", name) => Ok(Self::Job(name)),
            _ => Err("expected pipeline, stage, stage=NAME, job or job=NAME".to_owned()),
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (0.0..=86400.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("expected a number from 0 to 86400".to_owned()),
    }
}
