//! A project with a guard's token, and a clock that is the stand-in's own: each pause moves it and lets the next thing happen.

use std::collections::VecDeque;
use std::fmt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use pannier_clients::gitlab::Gitlab as Door;
use pannier_clients::gitlab::Kind;
use pannier_clients::gitlab::ProjectRef;
use pannier_clients::gitlab::Token;
use pannier_clients::gitlab::Tokens;
use pannier_clients::http::Client;
use pannier_clients::http::Clock;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_core::guard;
use pannier_core::guard::GuardError;
use pannier_core::guard::Older;
use pannier_core::guard::Order;
use pannier_core::guard::Outcome;
use pannier_core::guard::Patience;
use pannier_core::guard::Plan;
use pannier_core::guard::Refs;
use pannier_core::guard::Scope;
use pannier_core::guard::Statuses;

use pannier_testkit::gitlab::{Gitlab, Pipeline, Project, Role, Status};

/// The stand-in with one project and a token that may read it.
pub struct House {
    pub gitlab: Gitlab,
    pub project: Project,
    pub token: String,
}

impl House {
    pub fn new() -> Arc<Self> {
        let gitlab = Gitlab::start();
        let project = gitlab.project("team/app");
        let reader = gitlab.user("reader");
        project.member(&reader, Role::Reporter);
        let token = gitlab.token(&reader, &["read_api"]);
        Arc::new(Self {
            gitlab,
            project,
            token,
        })
    }

    /// The same in the time of the machine, which the program's own clock shows.
    pub fn of_today() -> Arc<Self> {
        let house = Self::new();
        house.gitlab.clock(pannier_testkit::gitlab::Clock::Wall);
        house
    }

    /// A pipeline on main whose only job is the deployment.
    pub fn deploying(&self, status: Status) -> Pipeline {
        let pipeline = self.project.pipeline("main", Status::Running);
        pipeline.with_job("deploy", "deploy", status)
    }

    /// Lets time pass, so that what comes next is younger.
    pub fn later(&self, seconds: i64) {
        self.gitlab.advance(SignedDuration::from_secs(seconds));
    }

    pub fn plan(&self, pipeline: &Pipeline) -> Plan {
        Plan {
            project: ProjectRef::Id(self.project.id),
            others: Vec::new(),
            pipeline: pipeline.id,
            reference: None,
            job: Some("deploy".to_owned()),
            refs: Refs::default(),
            statuses: Statuses::default(),
            scope: Scope::Pipeline,
            order: Order::Oldest,
            older: Older::GiveWay,
            patience: Patience::UpTo(Duration::from_secs(3600)),
            pause: Duration::from_secs(10),
            settle: Duration::from_secs(5),
        }
    }

    pub fn door(&self) -> Door {
        self.door_with(&self.token)
    }

    pub fn door_with(&self, token: &str) -> Door {
        let client = Client::new(Options {
            retry: RetryPolicy {
                attempts: 1,
                ..RetryPolicy::default()
            },
            ..Options::default()
        });
        let token = Token::new(Kind::Access, token, "PRIVATE_TOKEN");
        let api = self.gitlab.api().parse().unwrap();
        Door::new(client, &api, Tokens::new([token]))
    }

    /// The program in a job's environment.
    pub fn command(&self, program: &str, pipeline: &Pipeline) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("CI_API_V4_URL", self.gitlab.api())
            .env("CI_PROJECT_ID", self.project.id.to_string())
            .env("CI_PIPELINE_ID", pipeline.id.to_string())
            .env("CI_JOB_NAME", "deploy")
            .env("PRIVATE_TOKEN", &self.token);
        command
    }

    /// `pannier guard` that looks often.
    pub fn guard(&self, pipeline: &Pipeline) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_pannier"), pipeline);
        command.args(["guard", "--interval", "0.05", "--settle", "0"]);
        command
    }
}

type Step = Box<dyn FnOnce() + Send>;

/// The stand-in's clock.
pub struct Paced {
    house: Arc<House>,
    script: Mutex<VecDeque<Step>>,
    pub pauses: Mutex<Vec<Duration>>,
}

impl fmt::Debug for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paced")
    }
}

impl Clock for Paced {
    fn elapsed(&self) -> Duration {
        self.pauses.lock().unwrap().iter().sum()
    }

    fn sleep(&self, pause: Duration) {
        // The share of chance in an ordinary pause has its own test; here everything is the same in each run.
        let ordinary = (7.5..=12.5).contains(&pause.as_secs_f64());
        let pause = if ordinary {
            Duration::from_secs(10)
        } else {
            pause
        };
        let mut pauses = self.pauses.lock().unwrap();
        pauses.push(pause);
        assert!(pauses.len() < 2000, "it waits for ever");
        self.house
            .gitlab
            .advance(SignedDuration::try_from(pause).unwrap());
        if let Some(step) = self.script.lock().unwrap().pop_front() {
            step();
        }
    }
}

/// What a guard did.
pub struct Held {
    pub outcome: Result<Outcome, GuardError>,
    /// What it said.
    pub told: Vec<String>,
    pub pauses: Vec<Duration>,
}

impl Held {
    /// The outcome in a word, with the numbers of others counted from the first pipeline of a stand-in.
    pub fn word(&self) -> String {
        let numbers = |others: &[guard::Other]| {
            let numbers = others.iter().map(|it| (it.pipeline.id - 4000).to_string());
            numbers.collect::<Vec<_>>().join(" ")
        };
        match &self.outcome {
            Ok(Outcome::Free) => "free".to_owned(),
            Ok(Outcome::Conflict(others)) => format!("conflict {}", numbers(others)),
            Ok(Outcome::TimedOut(others)) => format!("timed out {}", numbers(others)),
            Ok(Outcome::GaveWay(others)) => format!("gave way {}", numbers(others)),
            Err(error) => format!("error: {error}"),
        }
    }

    /// What it said, without what differs from run to run.
    pub fn text(&self, house: &House) -> String {
        let text = self.told.join("\n");
        text.replace(&house.gitlab.url(""), "https://gitlab.example.com")
    }
}

/// Holds with a door of one's own; after each pause the next step of `script` happens.
pub fn hold_by(house: &Arc<House>, door: &Door, plan: &Plan, script: Vec<Step>) -> Held {
    let clock = Paced {
        house: Arc::clone(house),
        script: Mutex::new(script.into()),
        pauses: Mutex::default(),
    };
    let mut told = Vec::new();
    let outcome = guard::hold(door, &clock, plan, &mut |text: &str| {
        told.push(text.to_owned());
    });
    Held {
        outcome,
        told,
        pauses: clock.pauses.into_inner().unwrap(),
    }
}

pub fn hold(house: &Arc<House>, plan: &Plan, script: Vec<Step>) -> Held {
    hold_by(house, &house.door(), plan, script)
}

/// One look, without waiting.
pub fn look(house: &Arc<House>, plan: &Plan) -> String {
    let plan = Plan {
        patience: Patience::NoWait,
        ..plan.clone()
    };
    hold(house, &plan, Vec::new()).word()
}

/// The same with the newest first.
pub fn newest(plan: Plan) -> Plan {
    Plan {
        order: Order::Newest,
        ..plan
    }
}

/// A step of a script.
pub fn step(act: impl FnOnce() + Send + 'static) -> Step {
    Box::new(act)
}

/// A step in which nothing happens.
pub fn nothing() -> Step {
    step(|| {})
}
