//! Beside gitlab-job-guard 0.0.4.3, whose place the guard takes: both run on the same states (`rows`), and where they end
//! differently the reason stands in a list; many of each at once (`deadlock`).
//!
//! Wants the program in `PANNIER_E2E_JOB_GUARD`; without it the tests are ignored.

mod deadlock;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::race;
use super::setup::House;
use pannier_testkit::gitlab::Pipeline;

/// Why they end differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Winner,
    AliveByDefault,
    AboutToRun,
    Over,
    EveryRef,
    Family,
    Children,
    SourceBranch,
    Pages,
    AtOnce,
    BadExpression,
    MatchesNothing,
    OddNumber,
    ProjectPath,
    NoTime,
    Documented,
}

/// Every difference, with its reason.
const REASONS: [(Why, &str); 16] = [
    (
        Why::Winner,
        "the other one is newer: it waits, so this one need not",
    ),
    (
        Why::AliveByDefault,
        "without an expression every alive status counts, not running ones alone",
    ),
    (
        Why::AboutToRun,
        "whoever guards against running and pending ones also minds those that will run or still do",
    ),
    (
        Why::Over,
        "a pipeline that is over is no conflict: waiting for it would never end",
    ),
    (
        Why::EveryRef,
        "without an expression every ref counts, not those alone that begin with a number",
    ),
    (
        Why::Family,
        "a parent pipeline is no conflict for its child",
    ),
    (Why::Children, "child pipelines are seen too"),
    (
        Why::SourceBranch,
        "a merge request's pipeline counts by its source branch",
    ),
    (Why::Pages, "every page is read, not the first one alone"),
    (
        Why::AtOnce,
        "no access is no conflict, and does not get better by waiting",
    ),
    (
        Why::BadExpression,
        "a bad expression does not get better by waiting",
    ),
    (
        Why::MatchesNothing,
        "an expression that is empty or matches nothing is a mistake",
    ),
    (
        Why::OddNumber,
        "a pipeline's number that is no number is a mistake of usage",
    ),
    (Why::ProjectPath, "a project may be given by its path"),
    (
        Why::NoTime,
        "a timeout of 0 is no waiting, not waiting for ever",
    ),
    (
        Why::Documented,
        "an option that the other one documents, and refuses",
    ),
];

type Setup = Box<dyn Fn(&House) -> Pipeline + Send + Sync>;

/// One state: what is in GitLab, and how both programs are called.
struct Row {
    name: String,
    setup: Setup,
    /// Done before each run.
    fault: fn(&House),
    arguments: Vec<String>,
    variables: BTreeMap<&'static str, Option<String>>,
    /// Exit codes of the other program and of this one.
    codes: (i32, i32),
    why: Option<Why>,
}

impl Row {
    fn new(
        name: impl Into<String>,
        setup: impl Fn(&House) -> Pipeline + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            setup: Box::new(setup),
            fault: |_| {},
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            codes: (0, 0),
            why: None,
        }
    }

    fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|it| (*it).to_owned()));
        self
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, Some(value.to_owned()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.variables.insert(name, None);
        self
    }

    fn fault(mut self, fault: fn(&House)) -> Self {
        self.fault = fault;
        self
    }

    fn same(mut self, code: i32) -> Self {
        self.codes = (code, code);
        self
    }

    fn differs(mut self, theirs: i32, ours: i32, why: Why) -> Self {
        self.codes = (theirs, ours);
        self.why = Some(why);
        self
    }

    /// `differs`, where they do.
    fn ends(self, theirs: bool, ours: bool, why: Why) -> Self {
        let code = |conflict: bool| if conflict { 7 } else { 0 };
        match theirs == ours {
            true => self.same(code(ours)),
            false => self.differs(code(theirs), code(ours), why),
        }
    }
}

/// Runs one of the programs on a row's state; what takes longer than a minute is ended with 124.
fn run(program: &str, row: &Row, house: &House, me: &Pipeline) -> i32 {
    (row.fault)(house);
    let seconds = if row.why == Some(Why::NoTime) {
        "4"
    } else {
        "60"
    };
    let mut command = house.command("timeout", me);
    command.args([seconds, program]).env_remove("CI_JOB_NAME");
    let scopeless = || {
        let user = house.gitlab.user("reader");
        house.gitlab.token(&user, &["read_repository"])
    };
    for (name, value) in &row.variables {
        match value.as_deref() {
            Some("SCOPELESS") => command.env(name, scopeless()),
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(
        row.arguments
            .iter()
            .map(|argument| match argument.as_str() {
                "PROJECT" => house.project.id.to_string(),
                "API" => house.gitlab.api(),
                "TOKEN" => house.token.clone(),
                other => other.to_owned(),
            }),
    );
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    house.gitlab.heal();
    status.code().unwrap_or(-1)
}

fn peer() -> String {
    std::env::var("PANNIER_E2E_JOB_GUARD")
        .expect("PANNIER_E2E_JOB_GUARD names gitlab-job-guard 0.0.4.3")
}

#[test]
#[ignore = "needs gitlab-job-guard 0.0.4.3 in PANNIER_E2E_JOB_GUARD"]
fn both_on_the_same_states() {
    let rows = rows::all();
    assert!(rows.len() >= 60, "{}", rows.len());
    let folder = tempfile::TempDir::new().unwrap();
    let ours = folder.path().join("gitlab-job-guard");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pannier"), &ours).unwrap();
    let (ours, theirs) = (ours.to_str().unwrap(), peer());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let house = House::new();
                    let me = (row.setup)(&house);
                    // The server's clock stands still: everything is old enough.
                    house.later(60);
                    let codes = (run(&theirs, row, &house, &me), run(ours, row, &house, &me));
                    if codes != row.codes {
                        let text = format!(
                            "{} {:?}: {codes:?}, not {:?}",
                            row.name, row.arguments, row.codes
                        );
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "(theirs, ours)\n{}", wrong.join("\n"));
    // Each difference has a reason, and each reason a difference.
    for row in &rows {
        assert_eq!(
            row.codes.0 != row.codes.1,
            row.why.is_some(),
            "{}",
            row.name
        );
    }
    let used: BTreeSet<Why> = rows.iter().filter_map(|row| row.why).collect();
    let listed: BTreeSet<Why> = REASONS.iter().map(|(why, _)| *why).collect();
    assert_eq!(used, listed);
    let differences = rows.iter().filter(|row| row.why.is_some()).count();
    race::report(&format!(
        "{} states, {differences} differences of {} kinds",
        rows.len(),
        REASONS.len()
    ));
}
