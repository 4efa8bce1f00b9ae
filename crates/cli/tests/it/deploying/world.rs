//! Projects with a past, and the program run as a job or by hand.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use jiff::Timestamp;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Git;
use pannier_clients::gitlab::Gitlab as Door;
use pannier_clients::gitlab::Kind;
use pannier_clients::gitlab::Token;
use pannier_clients::gitlab::Tokens;
use pannier_clients::http::Client;
use pannier_clients::http::CredentialEntries;
use pannier_clients::http::Credentials;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_core::deploy;
use pannier_core::deploy::ApplyOptions;
use pannier_core::deploy::DeployTarget;
use pannier_core::deploy::Plan;
use pannier_core::deploy::Report;
use pannier_core::deploy::Rules;
use pannier_core::deploy::Services;
use pannier_core::release::Stamp;
use tempfile::TempDir;

use pannier_testkit::gitlab::{Gitlab, Job, JobSpec, Pipeline, Project, Role, Status};

pub const BRANCH: &str = "production";

/// A GitLab with `platform/tools`: `c[0]` to `c[3]` on `main`, `production` at `c[1]`.
pub struct World {
    pub gitlab: Gitlab,
    pub tools: Project,
    pub c: Vec<String>,
    /// A maintainer's, who may do everything with it.
    pub token: String,
    pub folder: TempDir,
    /// Commits and what snapshots call them.
    pub names: Vec<(String, String)>,
}

impl World {
    pub fn new() -> Self {
        let gitlab = Gitlab::start();
        let bot = gitlab.user("bot");
        gitlab.group("platform").member(&bot, Role::Maintainer);
        let token = gitlab.token(&bot, &["api", "write_repository"]);
        let mut world = Self {
            tools: gitlab.project("platform/tools"),
            gitlab,
            c: Vec::new(),
            token,
            folder: TempDir::new().unwrap(),
            names: Vec::new(),
        };
        world.c = (0..4)
            .map(|n| {
                let text = format!("{n}");
                let commit = world.tools.commit("main", &[("n", text.as_str())]);
                world.call(&commit, &format!("c{n}"));
                commit
            })
            .collect();
        world.tools.set_branch(BRANCH, &world.c[1]);
        world
    }

    /// Names a commit in snapshots.
    pub fn call(&mut self, commit: &str, name: &str) {
        self.names.push((commit.to_owned(), name.to_owned()));
    }

    pub fn now(&self) -> Option<String> {
        self.tools.branch(BRANCH)
    }

    /// The program by hand, with this token.
    pub fn by_hand(&self, token: &str, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("USER", "ann")
            .env("PANNIER_STORE", self.folder.path().join("store"))
            .env("PANNIER_GIT_BASE", self.gitlab.url("/platform"))
            .env("PANNIER_TOKEN", token)
            .current_dir(self.folder.path())
            .args(arguments.split_whitespace());
        command
    }

    /// The program in a job, with the job's variables and no checkout; `PANNIER_TOKEN` is the maintainer's.
    pub fn in_job(&self, job: &Job, arguments: &str) -> Command {
        let mut command = self.by_hand(&self.token, arguments);
        command
            .env_remove("PANNIER_GIT_BASE")
            .envs(job.variables())
            .env("NO_COLOR", "1");
        command
    }

    /// A pipeline's running job `deploy-production`.
    pub fn job(&self, pipeline: &Pipeline) -> Job {
        let spec = JobSpec {
            name: "deploy-production".to_owned(),
            stage: "deploy".to_owned(),
            environment: Some(BRANCH.to_owned()),
            ..JobSpec::default()
        };
        pipeline.add(spec, Status::Running)
    }

    /// Runs the maintainer's program; gives its exit code and what it showed, in snapshots' words.
    pub fn run(&self, arguments: &str) -> (i32, String) {
        self.show(arguments, &mut self.by_hand(&self.token, arguments))
    }

    pub fn show(&self, arguments: &str, command: &mut Command) -> (i32, String) {
        let output = command.output().unwrap();
        let code = output.status.code().unwrap();
        (code, self.screen(arguments, &output))
    }

    /// Both outputs, with everything of the machine replaced.
    pub fn screen(&self, arguments: &str, output: &Output) -> String {
        let text = format!(
            "$ pannier {arguments}\n{}{}[exit {}]\n",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            output.status.code().unwrap()
        );
        assert!(!text.contains(&self.token), "a token is shown:\n{text}");
        self.plain(&text)
    }

    pub fn plain(&self, text: &str) -> String {
        let real = self.folder.path().canonicalize().unwrap();
        let mut text = text
            .replace(&real.display().to_string(), "<folder>")
            .replace(&self.folder.path().display().to_string(), "<folder>")
            .replace(&self.gitlab.url(""), "http://gitlab");
        for (commit, name) in &self.names {
            text = text
                .replace(commit, &format!("<{name}>"))
                .replace(&commit[..8], &format!("{name:_<8}"));
        }
        // The time of a push is the only thing that differs from run to run.
        let lines = text.lines().map(|line| {
            let at = line
                .find("\"at\":\"20")
                .filter(|_| line.starts_with("{\"audit\""));
            match at {
                Some(at) => format!("{}\"at\":\"<time>\"{}", &line[..at], &line[at + 27..]),
                None => line.to_owned(),
            }
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }

    /// The library, with mirrors of its own and no pauses.
    pub fn hands(&self, name: &str) -> Hands {
        Hands::new(
            &self.folder.path().join(name),
            &self.gitlab.url(""),
            &self.gitlab.api(),
            &self.token,
        )
    }

    pub fn target(&self, to: &str) -> DeployTarget {
        target(&self.tools, to)
    }
}

pub fn target(project: &Project, to: &str) -> DeployTarget {
    let path = project.path();
    DeployTarget {
        name: path.rsplit('/').next().unwrap().to_owned(),
        repository: project.url().parse().unwrap(),
        to: to.to_owned(),
        expect: deploy::Expect::Seen,
    }
}

pub fn rollback() -> Rules {
    Rules {
        rollback: true,
        ..Rules::default()
    }
}

/// The clients of one who deploys.
pub struct Hands {
    git: Git,
    door: Door,
    credentials: CredentialEntries,
}

impl Hands {
    pub fn new(folder: &Path, server: &str, api: &str, token: &str) -> Self {
        let server: SafeUrl = server.parse().unwrap();
        let options = Options {
            credentials: Credentials::default().with_entry(&server, "oauth2", token),
            retry: RetryPolicy {
                attempts: 3,
                first_pause: Duration::ZERO,
                longest_pause: Duration::ZERO,
            },
            ..Options::default()
        };
        let client = Client::new(options);
        let token = Token::new(Kind::Access, token, "PANNIER_TOKEN");
        Self {
            git: Git::new(folder, client.clone()),
            door: Door::new(client, &api.parse().unwrap(), Tokens::new([token])),
            credentials: CredentialEntries::default(),
        }
    }

    pub fn services(&self) -> Services<'_> {
        Services {
            git: &self.git,
            gitlab: Some(&self.door),
            log: None,
            credentials: &self.credentials,
        }
    }

    pub fn plan(&self, targets: &[DeployTarget], rules: &Rules) -> Plan {
        deploy::plan(&self.services(), targets, rules).unwrap()
    }

    pub fn apply(&self, plan: &Plan) -> Report {
        let stamp = Stamp {
            at: Timestamp::UNIX_EPOCH,
            by: "ann".to_owned(),
            mail: "ann@example.org".to_owned(),
            reason: None,
            pipeline: None,
            entry: "one".to_owned(),
        };
        let cancel = pannier_base::cancel::Cancel::default();
        let options = ApplyOptions {
            cancel: &cancel,
            stamp: &stamp,
            now: &|| Timestamp::UNIX_EPOCH,
            audit: &|_| (),
            environment: BRANCH,
        };
        deploy::apply(&self.services(), plan, &options).unwrap()
    }
}
