//! A GitLab on loopback to try Pannier against: `cargo run --example gitlab`. It seeds a small team's projects, prints where
//! everything is and what can be tried, plays the runner when you press Enter, and forgets everything when interrupted.
#![allow(clippy::print_stdout, reason = "it is there to tell")]

use std::error::Error;
use std::io::{BufRead, stdin};

use pannier_testkit::gitlab::{
    Clock, Force, Gitlab, JobSpec, Pipeline, Project, Role, Status, User,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The packages that production installs.
const PACKAGES: [&str; 3] = ["tools", "models", "reports"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let gitlab = Gitlab::start();
    gitlab.clock(Clock::Wall);
    let team = seed(&gitlab);
    println!("{}", walk_through(&gitlab, &team));
    // The world stays with `main`, so that its folders go with it.
    let (tools, ann, running) = (team.tools.clone(), team.ann.clone(), team.running.clone());
    std::thread::spawn(move || play_runner(&tools, &ann, running));
    signals.forever().next();
    println!("Everything is forgotten.");
    Ok(())
}

/// What the walk-through speaks of.
struct Team {
    tools: Project,
    ann: User,
    running: Pipeline,
    /// The one whose deployment is guarded.
    waiting: Pipeline,
    /// Tokens of a maintainer, of a developer, and of a bot that only reads.
    tokens: [String; 3],
}

fn seed(gitlab: &Gitlab) -> Team {
    let [ann, dan, eve, bot] = ["ann", "dan", "eve", "watcher"].map(|name| gitlab.user(name));
    let group = gitlab.group("platform");
    group.member(&ann, Role::Maintainer);
    group.member(&dan, Role::Developer);
    group.member(&bot, Role::Reporter);
    let [tools, _, _] = PACKAGES.map(|name| package(gitlab, name));
    let data = gitlab.project("platform/calendars");
    let first = data.commit("main", &[("holidays/de.csv", "2026-01-01,New Year\n")]);
    to_production(&data, &first);

    let fork = tools.fork(&eve);
    fork.commit(
        "faster",
        &[("src/tools/__init__.py", "ANSWER = 42  # faster\n")],
    );
    let merge_request = fork.merge_request_to(&tools, "faster", "main");
    merge_request.note(&ann, "Nice. Does it still give 42?");
    merge_request.pipeline(Status::Success);
    let running = deployment(&tools, &ann);
    let waiting = tools
        .pipeline("main", Status::Running)
        .with_job("check", "test", Status::Success)
        .with_job("deploy-production", "deploy", Status::Running)
        .by(&dan);
    Team {
        tokens: [
            gitlab.token(&ann, &["api", "write_repository"]),
            gitlab.token(&dan, &["api", "write_repository"]),
            gitlab.token(&bot, &["read_api", "read_repository"]),
        ],
        tools,
        ann,
        running,
        waiting,
    }
}

/// A project that can be installed, with a `production` that is one commit behind.
fn package(gitlab: &Gitlab, name: &str) -> Project {
    let project = gitlab.project(&format!("platform/{name}"));
    let python = format!(
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"1.0\"\n"
    );
    let module = format!("src/{name}/__init__.py");
    let first = project.commit(
        "main",
        &[
            ("pyproject.toml", &python),
            (&module, "ANSWER = 41\n"),
            (
                ".gitlab-ci.yml",
                "check: {stage: test, script: make check}\n",
            ),
        ],
    );
    to_production(&project, &first);
    project.commit("main", &[(&module, "ANSWER = 42\n")]);
    project
}

fn to_production(project: &Project, commit: &str) {
    project.set_branch("production", commit);
    project.protect("production", Role::Maintainer, Force::Allowed);
    project.deployed("production", commit);
}

/// A pipeline that is deploying.
fn deployment(project: &Project, who: &User) -> Pipeline {
    let pipeline = project
        .pipeline("main", Status::Running)
        .with_job("check", "test", Status::Success)
        .by(who);
    let spec = JobSpec {
        name: "deploy-production".to_owned(),
        stage: "deploy".to_owned(),
        environment: Some("production".to_owned()),
        resource_group: Some("production".to_owned()),
        ..JobSpec::default()
    };
    pipeline.add(spec, Status::Running);
    pipeline.by(who)
}

/// Ends the running deployment, or starts the next one, at each line.
fn play_runner(tools: &Project, ann: &User, first: Pipeline) {
    let mut running = Some(first);
    for _ in stdin().lock().lines() {
        running = match running {
            Some(pipeline) => {
                pipeline.job("deploy-production").set(Status::Success);
                println!(
                    "Pipeline {} has deployed. Enter starts another one.",
                    pipeline.id
                );
                None
            }
            None => {
                let pipeline = deployment(tools, ann);
                println!("Pipeline {} is deploying. Enter ends it.", pipeline.id);
                Some(pipeline)
            }
        };
    }
}

fn walk_through(gitlab: &Gitlab, team: &Team) -> String {
    let [ann, dan, watcher] = &team.tokens;
    let (api, base) = (gitlab.api(), gitlab.url(""));
    let host = base.trim_start_matches("http://");
    let (running, waiting, project) = (team.running.id, team.waiting.id, team.tools.id);
    let trigger = team.tools.trigger_token(&team.ann);
    let packages = PACKAGES.map(|name| format!("platform/{name}")).join(", ");
    format!(
        "\
A GitLab is at {base}

  packages       {packages}: `production` is one commit behind `main`
  data           platform/calendars
  merge request  platform/tools!1, from eve's fork
  pipeline       {running} of platform/tools is deploying; press Enter to let it end, and again for another one

Tell the shell:

  export CI_API_V4_URL={api}
  export PANNIER_GIT_BASE={base}
  export ANN={ann}      # maintainer
  export DAN={dan}      # developer: may not push to production
  export WATCHER={watcher}  # reporter, read_api only

Look around:

  curl --header \"PRIVATE-TOKEN: $WATCHER\" \"$CI_API_V4_URL/projects/platform%2Ftools/pipelines\"
  curl --header \"PRIVATE-TOKEN: $WATCHER\" \"$CI_API_V4_URL/projects/platform%2Ftools/merge_requests/1/notes\"
  curl --data token={trigger} --data ref=main \\
    \"$CI_API_V4_URL/projects/platform%2Ftools/trigger/pipeline\"

Push as somebody:

  git clone http://oauth2:$ANN@{host}/platform/tools.git && cd tools
  git fetch origin refs/merge-requests/1/head && git log --oneline FETCH_HEAD
  git push http://oauth2:$DAN@{host}/platform/tools.git origin/main:production   # refused: production is the maintainers'
  git push origin origin/main~1:refs/heads/mine

Deploy:

  PANNIER_TOKEN=$DAN pannier deploy platform/tools@main                         # refused for the same reason
  PANNIER_TOKEN=$ANN pannier deploy platform/tools@main platform/models@main --dry-run
  PANNIER_TOKEN=$ANN pannier deploy platform/tools@main platform/models@main
  curl --header \"PRIVATE-TOKEN: $WATCHER\" \"$CI_API_V4_URL/projects/platform%2Ftools/repository/branches/production\"

Guard a deployment (press Enter while it waits, to let pipeline {running} end):

  export CI_PROJECT_ID={project} CI_PIPELINE_ID={waiting} CI_JOB_NAME=deploy-production
  PRIVATE_TOKEN=$WATCHER pannier guard --no-wait                                # refused, exit 7: {running} is in the way
  PRIVATE_TOKEN=$WATCHER pannier guard -- echo deploying
  PANNIER_TOKEN=$DAN pannier guard resource-group production --mode oldest_first --list

Interrupt (Ctrl-C) to end it; nothing is kept.
"
    )
}
