//! The arguments of the guard, with all their spellings. Which of argument and variable holds is said elsewhere (`given`).

use std::ffi::OsString;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use super::super::Format;

/// The variable by which a token of the command line reaches the process that goes on without it.
pub(super) const HANDED_ON: &str = "PANNIER_GUARD_TOKEN";
/// What stands in its place on the command line.
pub(super) const HIDDEN: &str = "[hidden]";

const EXAMPLES: &str = "\
Examples:
  pannier guard                            # wait for all older pipelines of the project
  pannier guard -c '^main$' -- ./deploy    # for those of main only, then become ./deploy
  pannier guard --scope job -w 1800        # for the same job of older ones, half an hour at most
  pannier guard --cancel older             # newer wins: cancel older ones that have not begun
  pannier guard --no-wait                  # exit 7 instead of waiting
  pannier guard resource-group production --mode oldest_first

A variable that is set and not empty beats its argument. Exit codes: 0 free, 7 conflict (--no-wait),
9 cannot be judged, 10 gave way to a newer pipeline, 11 timeout; with COMMAND that command's own.";

/// Wait until no conflicting pipeline runs, then run a command.
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
    #[command(flatten)]
    pub(super) access: Access,
    /// Guard against pipelines whose ref matches this Python regular expression somewhere [env: GUARD_REF_REGEX] [default: all]
    #[arg(
        short = 'c',
        long = "guard-ref-regex",
        visible_aliases = ["check", "guard"],
        value_name = "REGEX",
        help_heading = "Conflicts"
    )]
    pub(super) refs: Option<String>,
    /// Guard against pipelines whose status matches this from its start [env: GUARD_STATUS_REGEX] [default: all that are alive]
    #[arg(
        short = 's',
        long = "guard-status-regex",
        visible_alias = "status-regex",
        value_name = "REGEX",
        help_heading = "Conflicts"
    )]
    pub(super) statuses: Option<String>,
    /// What must not overlap: `pipeline`, `stage` or `job`, the last two of this job or by name (`job=NAME`)
    #[arg(
        long,
        value_name = "SCOPE",
        default_value = "pipeline",
        help_heading = "Conflicts"
    )]
    pub(super) scope: Overlap,
    /// Guard against the pipelines of this project too, by number or path; may be given more than once
    #[arg(
        id = "more_projects",
        long = "project",
        value_name = "PROJECT",
        help_heading = "Conflicts"
    )]
    pub(super) project: Vec<String>,
    /// Who goes first [default: oldest]; with `newest` older ones that have not begun exit 10
    #[arg(long, value_name = "ORDER", help_heading = "Conflicts")]
    pub(super) order: Option<First>,
    /// Cancel older pipelines that have not begun (needs a token with scope api)
    #[arg(long, value_name = "WHICH", help_heading = "Conflicts")]
    pub(super) cancel: Option<Cancel>,
    /// This pipeline [env: CI_PIPELINE_ID]
    #[arg(
        short = 'i',
        long = "ci-pipeline-id",
        visible_alias = "pipeline-id",
        value_name = "ID"
    )]
    pub(super) pipeline: Option<String>,
    /// The ref of this pipeline, for the log [env: CI_BUILD_REF_NAME, CI_COMMIT_REF_NAME]
    #[arg(long = "ci-build-ref-name", value_name = "REF")]
    pub(super) reference: Option<String>,
    /// Seconds to wait; 0 looks once [env: GUARD_TIMEOUT] [default: 3600]
    #[arg(
        short = 'w',
        long = "guard-timeout",
        visible_alias = "timeout",
        value_name = "SECONDS",
        allow_negative_numbers = true,
        help_heading = "Waiting"
    )]
    pub(super) timeout: Option<String>,
    /// Exit 7 at once when something conflicts
    #[arg(short = 'x', long, visible_alias = "exit", help_heading = "Waiting")]
    pub(super) no_wait: bool,
    /// Least seconds between two looks; who is further behind looks less often
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = seconds,
        help_heading = "Waiting"
    )]
    pub(super) interval: f64,
    /// Seconds after which GitLab surely shows every pipeline with a lower number than this one's
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        value_parser = seconds,
        help_heading = "Waiting"
    )]
    pub(super) settle: f64,
    /// The same as --quiet
    #[arg(long, hide = true)]
    pub(in super::super) silent: bool,
    /// What to become when the way is free
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// Where GitLab is, and as whom it is asked.
#[derive(Debug, Clone, Args)]
pub(super) struct Access {
    /// GitLab's API [env: CI_API_V4_URL]
    #[arg(
        short = 'u',
        long = "ci-api-v4-url",
        visible_alias = "api-url",
        value_name = "URL",
        help_heading = "GitLab"
    )]
    pub(super) api: Option<String>,
    /// The project, by number or path [env: CI_PROJECT_ID]
    #[arg(
        short = 'p',
        long = "ci-project-id",
        visible_alias = "project-id",
        value_name = "PROJECT",
        help_heading = "GitLab"
    )]
    pub(super) project: Option<String>,
    /// Access token; better in the variable [env: PRIVATE_TOKEN, then PANNIER_TOKEN, GITLAB_TOKEN, CI_JOB_TOKEN]
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

/// Set the order of GitLab's own queue for a resource group, or show who waits in it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier guard resource-group production --mode oldest_first\n  pannier guard resource-group production --list"
)]
pub(super) struct ResourceGroup {
    /// Its name: the value of `resource_group` in the job
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// In which order those who wait get it
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<Mode>,
    /// Show who waits
    #[arg(long)]
    pub(super) list: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) access: Access,
}

/// A process mode, in GitLab's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Whoever is ready first
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
    /// The pipeline that came first: the lower number
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
            _ => Err("there are pipeline, stage, stage=NAME, job and job=NAME".to_owned()),
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "no number".to_owned())?;
    match (0.0..=86400.0).contains(&seconds) {
        true => Ok(seconds),
        false => Err("between 0 and 86400".to_owned()),
    }
}
