//! Overrides by the real program: a git server and an index on loopback, a real uv, tarballs that are run.
//!
//! Three packages need each other with extras: job-report asks for `job-lib[html]`, job-lib for `job-tools[yaml]`, and the extra
//! `all` of job-tools for job-report. The middle one has a merge request of a fork, with one new need and one gone.
#![allow(clippy::unwrap_used)]

mod support {
    pub mod git_http;
    pub mod index;
    pub mod loopback;
    pub mod projects;
    pub mod uv;
}

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pannier::digest::Digest;
use pannier::wheel::{StubMetadata, stub};
use serde_json::Value;
use tempfile::TempDir;

use support::git_http::{GitServer, Repo};
use support::index::{Index, IndexFile};
use support::loopback::{Answer, Fault, Loopback};
use support::projects::Project;

/// The reference that a GitLab keeps of a merge request's head.
const REQUEST: &str = "HEAD:refs/merge-requests/5/head";

struct World {
    folder: TempDir,
    git: GitServer,
    index: Index,
    lib: Repo,
    fork: Repo,
}

impl World {
    fn new() -> Self {
        let git = GitServer::start();
        let repo = |name: &str| {
            let repo = git.repository(name);
            repo.git(&["checkout", "-q", "-b", "production"]);
            repo
        };
        let (tools, lib, report) = (
            repo("platform/job-tools"),
            repo("platform/job-lib"),
            repo("platform/job-report"),
        );
        let (fork, data, data_fork) = (
            repo("me/job-lib"),
            repo("platform/job-data"),
            repo("me/job-data"),
        );
        let on = |name: &str, wanted: &str| {
            let url = git.http.url(&format!("/platform/{name}.git"));
            format!("{name}[{wanted}] @ git+{url}@production")
        };
        let module = |import: &str, who: &str| format!("{import}WHO = {who:?}\n");
        commit(
            &tools,
            Project {
                name: "job-tools",
                version: "1.0",
                requires: &["base"],
                extras: &[("yaml", "yamlish"), ("all", &on("job-report", ""))],
                module: &module("", "production"),
            },
        );
        commit(
            &lib,
            Project {
                name: "job-lib",
                version: "2.0",
                requires: &[&on("job-tools", "yaml,all"), "old-need"],
                extras: &[("html", "markup")],
                module: &module("import job_tools\n", "production"),
            },
        );
        commit(
            &report,
            Project {
                name: "job-report",
                version: "3.0",
                requires: &[&on("job-lib", "html"), "base"],
                extras: &[],
                module: "import job_lib\nprint(job_lib.WHO)\n",
            },
        );
        commit(
            &fork,
            Project {
                name: "job-lib",
                version: "2.1",
                requires: &[&on("job-tools", "yaml,all"), "new-need"],
                extras: &[("html", "markup")],
                module: &module("import job_tools\n", "merge request"),
            },
        );
        fork.push(&[REQUEST]);
        data.commit(&[("table.csv", "production\n")]);
        data_fork.commit(&[("table.csv", "merge request\n")]);
        for repo in [&data, &data_fork] {
            repo.push(&[]);
        }
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            index: Index::start(),
            git,
            lib,
            fork,
        };
        for name in ["base", "yamlish", "markup", "old-need", "new-need"] {
            world.add(name, "1.0", &[]);
        }
        fs::create_dir(world.path("home")).unwrap();
        world.configure("packages: [job-report]\n");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a version to the index.
    fn add(&self, name: &str, version: &str, requires: &[&str]) -> String {
        let meta = metadata(name, version, requires);
        let bytes = stub(&meta);
        let file = IndexFile::new(name, &meta.filename(), bytes);
        self.index.add(file);
        self.index.http.url(&format!("/files/{}", meta.filename()))
    }

    /// Writes a configuration with two images and `more`.
    fn configure(&self, more: &str) {
        let image = |name: &str, python: &str| {
            let interpreter = if python == "3.11" {
                interpreter()
            } else {
                "/usr/bin/python3".into()
            };
            format!(
                "  {name}:\n    python: \"{python}\"\n    platform: x86_64-manylinux_2_41\n    interpreter: {}\n",
                interpreter.display()
            )
        };
        let text = format!(
            "git_base: {}\nindex: {{url: \"{}\"}}\n{more}images:\n{}{}",
            self.git.http.url("/platform"),
            self.index.url(),
            image("eleven", "3.11"),
            image("thirteen", "3.13"),
        );
        fs::write(self.path("pannier.yml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("PANNIER_STORE", self.path("store"))
            .env("PANNIER_UV", support::uv::uv().program)
            .env("CI", "true")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program, which must succeed; gives both outputs.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        succeed(self.command(arguments))
    }

    /// Runs it with variables.
    #[track_caller]
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        succeed(command)
    }

    /// Runs the program, which must fail; gives its exit code and both outputs.
    #[track_caller]
    fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        let code = output.status.code().unwrap();
        assert!(code != 0 && code != 101, "{code} {}", said(&output));
        (code, said(&output))
    }

    /// The fork's merge request, as a variable says it.
    fn merge_request(&self) -> String {
        format!(
            "git+{}@refs/merge-requests/5/head",
            self.git.http.url("/me/job-lib.git")
        )
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names and versions in the lock of a run with overrides.
    fn locked(&self) -> Vec<String> {
        packages(&self.read("pylock.overridden.toml"))
    }

    fn digests(&self) -> Vec<Digest> {
        let files = ["pylock.toml", "dist/eleven.tar.gz", "dist/thirteen.tar.gz"];
        files
            .iter()
            .map(|name| Digest::of(&fs::read(self.path(name)).unwrap()))
            .collect()
    }
}

fn metadata(name: &str, version: &str, requires: &[&str]) -> StubMetadata {
    StubMetadata {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        requires_dist: requires.iter().map(|line| (*line).to_owned()).collect(),
        requires_python: None,
        extras: requires
            .iter()
            .filter_map(|line| {
                Some(
                    line.split_once("extra == '")?
                        .1
                        .trim_end_matches('\'')
                        .to_owned(),
                )
            })
            .collect(),
    }
}

fn commit(repo: &Repo, project: Project<'_>) -> String {
    let files = project.files();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let commit = repo.commit(&files);
    repo.push(&[]);
    commit
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    said(&output)
}

fn interpreter() -> PathBuf {
    let code = "import os, sys; print(os.path.realpath(sys._base_executable))";
    let output = Command::new("python3.11")
        .args(["-c", code])
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// `name version` of the packages of a lock.
fn packages(lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            format!(
                "{} {}",
                package["name"].as_str().unwrap(),
                package["version"].as_str().unwrap()
            )
        })
        .collect()
}

/// Runs Python in an unpacked tarball of the image that is this machine.
fn python(world: &World, code: &str) -> String {
    let root = world.path("unpacked");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf")
        .arg(world.path("dist/eleven.tar.gz"))
        .arg("-C")
        .arg(&root);
    succeed(tar);
    let mut python = Command::new(root.join("venv/bin/python"));
    python.args(["-c", code]);
    succeed(python)
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

const PRODUCTION: [&str; 7] = [
    "base 1.0",
    "job-lib 2.0",
    "job-report 3.0",
    "job-tools 1.0",
    "markup 1.0",
    "old-need 1.0",
    "yamlish 1.0",
];
const OVERRIDDEN: [&str; 7] = [
    "base 1.0",
    "job-lib 2.1",
    "job-report 3.0",
    "job-tools 1.0",
    "markup 1.0",
    "new-need 1.0",
    "yamlish 1.0",
];

#[test]
fn uv_alone_drops_the_extras_of_what_is_overridden() {
    let world = World::new();
    let folder = world.path("alone");
    fs::create_dir(&folder).unwrap();
    let lib = metadata("lib", "2.0", &["yamlish ; extra == 'yaml'"]);
    fs::write(folder.join(lib.filename()), stub(&lib)).unwrap();
    world.add("lib", "1.0", &["yamlish ; extra == 'yaml'"]);
    world.add("tools", "1.0", &["lib[yaml]"]);
    let compile = |overrides: &[&str]| {
        fs::write(folder.join("requirements.in"), "tools\n").unwrap();
        let at = folder.join(lib.filename());
        fs::write(
            folder.join("overrides.txt"),
            format!("lib @ file://{}\n", at.display()),
        )
        .unwrap();
        let mut uv = Command::new(support::uv::uv().program);
        uv.args([
            "pip",
            "compile",
            "-q",
            "--no-config",
            "--no-annotate",
            "--no-header",
            "requirements.in",
        ])
        .args(overrides)
        .args(["--default-index", &world.index.url()])
        .current_dir(&folder)
        .env("UV_CACHE_DIR", folder.join("cache"));
        succeed(uv)
    };
    contains(&compile(&[]), &["lib==1.0", "yamlish==1.0"]);
    let dropped = compile(&["--override", "overrides.txt"]);
    assert!(
        dropped.contains("lib @ ") && !dropped.contains("yamlish"),
        "{dropped}"
    );
    // The same by an override of Pannier.
    world.configure("requirements: [tools]\n");
    world
        .index
        .add(IndexFile::new("lib", &lib.filename(), stub(&lib)));
    let file = world.index.http.url(&format!("/files/{}", lib.filename()));
    world.run(&["lock", "--override", &format!("lib={file}")]);
    assert_eq!(world.locked(), ["lib 2.0", "tools 1.0", "yamlish 1.0"]);
}

#[test]
fn the_middle_one_comes_from_a_merge_request_and_nothing_else_moves() {
    let world = World::new();
    world.run(&["prepare"]);
    assert_eq!(packages(&world.read("pylock.toml")), PRODUCTION);
    assert_eq!(python(&world, "import job_report"), "production\n");
    let before = world.digests();
    // Branches and the index move on: a run with overrides stays where production is.
    world.lib.commit(&[("job_lib.py", "WHO = 'later'\n")]);
    world.lib.push(&[]);
    world.add("base", "1.1", &[]);
    let commit = world.fork.git(&["rev-parse", "HEAD"]);
    let variables = [
        ("job_lib_pip_url", world.merge_request()),
        ("GITLAB_USER_LOGIN", "alice".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let text = world.run_with(&["prepare", "--locked"], &variables);
    contains(
        &text,
        &[
            &format!(
                "job-lib 2.0 ({}) -> 2.1 ({})",
                &world.lib.git(&["rev-parse", "HEAD~1"])[..10],
                &commit[..10]
            ),
            "needed by that: added new-need 1.0",
            "needed by that: removed old-need 1.0",
            "nothing else differs from production",
            "alice (job_lib_pip_url)",
            "/me/job-lib.git@refs/merge-requests/5/head",
        ],
    );
    assert_eq!(world.locked(), OVERRIDDEN);
    contains(
        &world.read("pylock.overridden.toml"),
        &[
            &commit,
            "asked-by = \"alice\"",
            "said-by = \"job_lib_pip_url\"",
        ],
    );
    for image in ["eleven", "thirteen"] {
        let manifest: Value =
            serde_json::from_str(&world.read(&format!("dist/{image}.manifest.json"))).unwrap();
        let one = &manifest["overrides"][0];
        assert_eq!(one["name"], "job-lib");
        assert_eq!(one["commit"], commit.as_str());
        assert_eq!(one["revision"], "refs/merge-requests/5/head");
        assert_eq!(one["asked-by"], "alice");
        assert!(
            one["from"]
                .as_str()
                .unwrap()
                .contains("/platform/job-lib.git@production"),
            "{one}"
        );
    }
    let code = "import job_report, importlib.metadata as m; print(sorted(d.metadata['Name'] + ' ' + d.version for d in m.distributions() if d.metadata['Name'] != 'pip'))";
    let shown = python(&world, code);
    assert_eq!(
        shown,
        format!("merge request\n{:?}\n", OVERRIDDEN).replace('"', "'")
    );
    // Production is what it was: its lock fits, and its tarballs are the same bytes.
    world.run(&["lock", "--check"]);
    world.run(&["prepare", "--locked"]);
    assert_eq!(world.digests(), before);
}

#[test]
fn the_lock_of_a_run_is_kept_and_follows_production() {
    let world = World::new();
    world.run(&["lock"]);
    let flag = format!("job-lib={}", world.merge_request());
    let again = ["lock", "--format", "json", "--override", flag.as_str()];
    let changed = |text: &str| {
        serde_json::from_str::<Value>(
            text.split_once('\n')
                .map_or("", |_| &text[..=text.rfind('}').unwrap()]),
        )
        .unwrap()
    };
    assert_eq!(
        changed(&world.run(&["lock", "-q", "--format", "json", "--override", &flag]))["changed"],
        true
    );
    let first = world.read("pylock.overridden.toml");
    let second = changed(&world.run(&[&again[..], &["-q"]].concat()));
    assert_eq!(
        (&second["changed"], second["overrides"][0]["name"].as_str()),
        (&Value::Bool(false), Some("job-lib"))
    );
    assert_eq!(second["effect"]["others"], serde_json::json!([]));
    // The head moves: the lock stays until it is asked to move.
    world
        .fork
        .commit(&[("job_lib.py", "WHO = 'second push'\n")]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    world.run(&again);
    assert_eq!(world.read("pylock.overridden.toml"), first);
    world.run(&["lock", "--upgrade=job-lib", "--override", &flag]);
    contains(
        &world.read("pylock.overridden.toml"),
        &[&world.fork.git(&["rev-parse", "HEAD"])],
    );
    // Production moves: the lock that was made from it no longer fits.
    world.add("base", "1.1", &[]);
    world.run(&["lock", "--upgrade"]);
    let (code, text) = world.fail(&["lock", "--check", "--override", &flag]);
    assert_eq!(code, 3, "{text}");
    contains(&text, &["production lock changed"]);
    world.run(&["lock", "--override", &flag]);
    contains(&world.locked().join(","), &["base 1.1", "job-lib 2.1"]);
}

#[test]
fn constraints_are_set_aside_and_data_is_overridden_too() {
    let world = World::new();
    world.configure("packages: [job-report]\ndata: [job-data]\nconstraints: constraints.txt\n");
    fs::write(
        world.path("constraints.txt"),
        "# held\njob-lib<=2.0\nbase<2\n",
    )
    .unwrap();
    world.run(&["lock"]);
    fs::write(
        world.path("overrides.yml"),
        format!(
            "overrides:\n  job_lib: {}\n  Job-Data: {}@production\n",
            world.merge_request(),
            world.git.http.url("/me/job-data.git")
        ),
    )
    .unwrap();
    let text = world.run(&["prepare", "--overrides", "overrides.yml"]);
    contains(
        &text,
        &[
            "sets aside constraints.txt:2: job-lib<=2.0",
            "overridden: moved data/job-data",
            "nothing else differs",
        ],
    );
    python(&world, "");
    assert_eq!(
        world.read("unpacked/data/job-data/table.csv"),
        "merge request\n"
    );
    assert_eq!(world.locked(), OVERRIDDEN);
    // The constraints hold again without the override.
    world.run(&["lock", "--check"]);
    let (code, text) = world.fail(&["lock", "--override", "job-data==1.0"]);
    assert_eq!(code, 2, "{text}");
    contains(
        &text,
        &["can only come from a git repository", "--override"],
    );
}

#[test]
fn a_merge_request_by_its_address_and_refs_with_slashes_and_at_signs() {
    let world = World::new();
    world.lib.git(&["checkout", "-q", "-b", "feature/a@2"]);
    let commit = world.lib.commit(&[("job_lib.py", "WHO = 'branch'\n")]);
    world
        .lib
        .push(&["feature/a@2:refs/heads/feature/a@2", REQUEST]);
    let base = world.git.http.url("/platform/job-lib");
    for value in [
        format!("{base}/-/merge_requests/5/diffs"),
        format!("{base}.git@feature/a@2"),
        format!("git+{base}@refs/heads/feature/a@2"),
        format!("{base}.git@{commit}"),
    ] {
        let text = world.run(&[
            "override",
            "resolve",
            "--format",
            "json",
            "-q",
            &format!("job-lib={value}"),
        ]);
        let shown: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(shown["commit"], commit.as_str(), "{value}");
    }
    let text = world.run(&[
        "override",
        "resolve",
        &format!("job-lib={base}/-/merge_requests/5"),
    ]);
    contains(&text, &[&commit, "refs/merge-requests/5/head"]);
}

#[test]
fn versions_of_the_index_and_files_win_at_every_depth() {
    let world = World::new();
    world.run(&["lock"]);
    world.add(
        "job-tools",
        "9.0",
        &[
            "base",
            "yamlish ; extra == 'yaml'",
            "job-report ; extra == 'all'",
        ],
    );
    world.run(&["lock", "--override", "job-tools==9.0"]);
    let mut expected = PRODUCTION.map(str::to_owned);
    expected[3] = "job-tools 9.0".to_owned();
    assert_eq!(world.locked(), expected);
    // A wheel by its URL for what only others pull in, and for what is built from git.
    let base = world.add("base", "7.0", &[]);
    let tools = world.add("job-tools", "8.0", &["yamlish ; extra == 'yaml'"]);
    let flags = [format!("base={base}"), format!("job_tools={tools}")];
    let text = world.run(&["prepare", "--override", &flags[0], "--override", &flags[1]]);
    expected[0] = "base 7.0".to_owned();
    expected[3] = "job-tools 8.0".to_owned();
    assert_eq!(world.locked(), expected);
    contains(
        &text,
        &["base-7.0-py3-none-any.whl", "nothing else differs"],
    );
    let wrong = format!("base={base}#sha256={}", "0".repeat(64));
    let (code, text) = world.fail(&["lock", "--override", &wrong]);
    assert_eq!(code, 4, "{text}");
    contains(
        &text,
        &["the override of `base` (--override) cannot be used"],
    );
}

#[test]
fn without_a_production_lock_names_are_found_out() {
    let world = World::new();
    // job-lib is only required by job-report, base only by packages of the index and of git.
    let base = world.add("base", "7.0", &[]);
    let flags = [
        format!("base={base}"),
        format!("job_lib={}", world.merge_request()),
    ];
    let text = world.run(&["lock", "--override", &flags[0], "--override", &flags[1]]);
    contains(
        &text,
        &["there is no production lock to compare with", "instead of"],
    );
    let mut expected = OVERRIDDEN.map(str::to_owned);
    expected[0] = "base 7.0".to_owned();
    assert_eq!(world.locked(), expected);
    assert!(!world.path("pylock.toml").exists());
    // A source whose name nothing tells but its own metadata.
    let odd = world.git.repository("platform/odd");
    odd.git(&["checkout", "-q", "-b", "production"]);
    commit(
        &odd,
        Project {
            name: "job-odd",
            version: "1.0",
            requires: &[],
            extras: &[],
            module: "",
        },
    );
    let new = world.git.repository("me/odd");
    commit(
        &new,
        Project {
            name: "job-odd",
            version: "1.1",
            requires: &[],
            extras: &[],
            module: "",
        },
    );
    world.configure("packages: [odd]\n");
    world.run(&[
        "lock",
        "--override",
        &format!("job-odd={}", world.git.http.url("/me/odd.git")),
    ]);
    assert_eq!(world.locked(), ["job-odd 1.1"]);
}

#[test]
fn a_slip_does_not_pass_silently() {
    let world = World::new();
    world.run(&["lock"]);
    let text = world.run(&["lock", "--override", "job-libs==1.0"]);
    contains(
        &text,
        &[
            "warning",
            "--override: no package and no data project",
            "`job-libs`",
            "did you mean `job-lib`",
        ],
    );
    let (code, text) = world.fail(&["lock", "--strict-overrides", "--override", "job-libs==2.0"]);
    assert_eq!(code, 2, "{text}");
    contains(&text, &["`job-libs`", "did you mean `job-lib`"]);
    // So is one that was told before and lies in a lock that still fits.
    let (code, _) = world.fail(&["lock", "--strict-overrides", "--override", "job-libs==1.0"]);
    assert_eq!(code, 2);
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        "job-lib==1",
        "--override",
        "Job.Lib==1",
    ]);
    assert_eq!(code, 2, "{text}");
    contains(&text, &["overridden twice"]);
    let secret = world.git.http.url_as("bot:s3cr3t", "/me/job-lib.git");
    let (code, text) = world.fail(&["lock", "--override", &format!("job-lib={secret}")]);
    assert_eq!(code, 2, "{text}");
    assert!(
        !text.contains("s3cr3t") && text.contains("job-lib"),
        "{text}"
    );
}

#[test]
fn what_is_not_allowed_is_not_fetched() {
    let world = World::new();
    world.run(&["lock"]);
    let other = Loopback::start(|_| Answer::new(404, ""));
    let before = world.git.http.count();
    let value = other.url("/me/job-lib.git");
    let (code, text) = world.fail(&["prepare", "--override", &format!("job-lib={value}")]);
    assert_eq!(code, 2, "{text}");
    contains(
        &text,
        &["the override of `job-lib` is not allowed", "is not below"],
    );
    world.configure("packages: [job-report]\noverrides: {deny: [job-lib]}\n");
    let (code, _) = world.fail(&[
        "prepare",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 2);
    assert_eq!((other.count(), world.git.http.count()), (0, before));
}

#[test]
fn a_repository_that_sends_elsewhere_is_not_followed() {
    let world = World::new();
    let other = Loopback::start(|_| Answer::new(404, ""));
    let away = Answer::new(302, "").with(
        "location",
        other.url("/evil.git/info/refs?service=git-upload-pack"),
    );
    world
        .git
        .http
        .fault("/me/job-lib.git/info/refs", Fault::Answer(away));
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &[
            "the override of `job-lib` (--override) cannot be used",
            "another server",
        ],
    );
    assert_eq!(other.count(), 0);
}

#[test]
fn a_conflict_names_the_override() {
    let world = World::new();
    world.configure("packages: [job-report]\nconstraints: constraints.txt\n");
    fs::write(world.path("constraints.txt"), "yamlish>=1\n").unwrap();
    world.run(&["lock"]);
    let before = world.read("pylock.toml");
    world.fork.commit(&[(
        "project.json",
        r#"{"name": "job-lib", "version": "2.2", "requires": ["yamlish<1"], "extras": ["html"]}"#,
    )]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &[
            "the override of `job-lib` (--override: git+http",
            "is the cause",
            "yamlish<1",
        ],
    );
    // One that is gone, one that is another package, and one that does not build.
    let fork = world.git.http.url("/me/job-lib.git");
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={fork}@refs/merge-requests/6/head"),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &["the override of `job-lib`", "refs/merge-requests/5/head"],
    );
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-tools={fork}@production"),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(&text, &["the override of `job-tools`", "it is `job-lib`"]);
    assert_eq!(world.read("pylock.toml"), before);
    assert!(!world.path("pylock.overridden.toml").exists());
}

#[test]
fn strictness_refuses_what_else_would_move() {
    let world = World::new();
    let flag = format!("job-lib={}", world.merge_request());
    let (code, text) = world.fail(&["lock", "--strict", "--override", &flag]);
    assert_eq!(code, 3, "{text}");
    world.run(&["lock"]);
    world.run(&["lock", "--strict", "--override", &flag]);
    let kept = world.read("pylock.overridden.toml");
    world.add("base", "1.1", &[]);
    let (code, text) = world.fail(&["lock", "--strict", "--upgrade", "--override", &flag]);
    assert_eq!(code, 5, "{text}");
    contains(&text, &["raised base 1.0 -> 1.1"]);
    assert_eq!(world.read("pylock.overridden.toml"), kept);
    // What the override demands is no other movement, however deep.
    world.add("new-need", "1.1", &["base>=1.1"]);
    world.fork.commit(&[("project.json", r#"{"name": "job-lib", "version": "2.3", "requires": ["new-need>=1.1"], "extras": ["html"]}"#)]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    let text = world.run(&["lock", "--strict", "--upgrade=job-lib", "--override", &flag]);
    contains(&text, &["raised base 1.0 -> 1.1"]);
}

#[test]
fn the_list_says_what_would_apply_and_why() {
    let world = World::new();
    world.configure("packages: [job-report]\ndata: [job-data]\nrequirements: [markup]\n");
    world.run(&["lock"]);
    let count = world.git.http.count();
    let variables = [
        ("job_lib_pip_url", world.merge_request()),
        ("markup_pip_url", "==1.0".to_owned()),
        (
            "job_data_pip_url",
            format!("{}@production", world.git.http.url("/me/job-data.git")),
        ),
        ("jobreport_pip_url", "==1.0".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let text = world.run_with(&["override", "list"], &variables);
    contains(
        &text,
        &[
            "job-lib",
            "production lock",
            "requirements",
            "data",
            "nothing",
            "job_lib_pip_url",
            "refs/merge-requests/5/head",
        ],
    );
    let json = world.run_with(&["override", "list", "--format", "json"], &variables);
    let rows: Value = serde_json::from_str(&json).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(of("job-lib")["stands_for"].as_array().unwrap().len(), 1);
    assert_eq!(of("jobreport")["stands_for"], serde_json::json!([]));
    assert!(
        of("jobreport")["near"].to_string().contains("job-report"),
        "{json}"
    );
    assert_eq!(world.git.http.count(), count, "nothing is asked");
    assert_eq!(
        world.run(&["override", "list"]).trim(),
        "nothing is overridden"
    );
}

#[test]
fn folders_stay_those_of_what_is_overridden() {
    let world = World::new();
    let files = |version: &'static str| Project {
        name: "job-deep",
        version,
        requires: &[],
        extras: &[],
        module: "",
    };
    let deep = world.git.repository("platform/job-deep");
    deep.git(&["checkout", "-q", "-b", "production"]);
    let fork = world.git.repository("me/job-deep");
    for (repo, version) in [(&deep, "1.0"), (&fork, "1.1")] {
        let files = files(version).files();
        let files: Vec<(String, &str)> = files
            .iter()
            .map(|(path, text)| (format!("py/{path}"), text.as_str()))
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), *text))
            .collect();
        repo.commit(&files);
        repo.push(&[]);
    }
    world.configure(&format!(
        "packages: [\"job-deep @ git+{}#subdirectory=py\"]\n",
        world.git.http.url("/platform/job-deep.git")
    ));
    let value = world.git.http.url("/me/job-deep.git");
    world.run(&["lock", "--override", &format!("job-deep={value}")]);
    assert_eq!(world.locked(), ["job-deep 1.1"]);
    let (_, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-deep={value}#subdirectory=."),
    ]);
    contains(&text, &["the override of `job-deep`"]);
}
