//! The verbs that look after constraints, on the real program, a real uv and an index on loopback.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use assert_cmd::Command;
use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::stub;
use pannier_testkit::index::{Index, IndexFile};
use tempfile::TempDir;

struct Project(TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(TempDir::new().unwrap());
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("pannier").unwrap();
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PANNIER_STORE", "store")
            .env("PATH", std::env::var_os("PATH").unwrap())
            .current_dir(self.path())
            .args(arguments.split_whitespace());
        command
    }

    /// The command with the index, and the real uv.
    fn with_index(&self, arguments: &str, index: &str) -> Command {
        let mut command = self.command(arguments);
        command
            .env("UV_DEFAULT_INDEX", index)
            .env("PANNIER_UV", pannier_testkit::uv::uv().program);
        command
    }
}

/// What a run printed, and its exit code.
fn screen(mut command: Command) -> String {
    let output = command.output().unwrap();
    format!(
        "{}{}[exit {}]\n",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    )
}

/// A wheel without any module.
fn wheel(name: &str, version: &str, requires: &[&str]) -> IndexFile {
    let metadata = StubMetadata {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        requires_python: None,
        requires_dist: requires.iter().map(|it| (*it).to_owned()).collect(),
        extras: Vec::new(),
    };
    IndexFile::new(name, &metadata.filename(), stub(&metadata))
}

const CONFIG: &str = "\
requirements: [app]
constraints: constraints/constraints.txt
images:
  old: {python: '3.9', platform: x86_64-manylinux_2_31, interpreter: /usr/bin/python3.9}
  new: {python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3.13}
";

fn index() -> Index {
    let index = Index::start();
    for version in ["1.0", "1.1", "2.0"] {
        index.add(wheel("app", version, &["dep", "free"]));
    }
    for version in ["1.0", "1.5", "2.0"] {
        // The newest one goes with another application alone.
        let requires: &[&str] = if version == "2.0" { &["app<2"] } else { &[] };
        index.add(wheel("dep", version, requires));
    }
    index.add(wheel("free", "1.0", &[]));
    index.add(IndexFile {
        yanked: Some("broken".to_owned()),
        ..wheel("back", "1.0", &[])
    });
    index.add(IndexFile {
        requires_python: Some(">=3.10".to_owned()),
        ..wheel("modern", "3.0", &[])
    });
    index.add(wheel("modern", "1.0", &[]));
    index
}

#[test]
fn the_constraints_of_this_repository_are_converted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::new(&[]);
    for name in ["constraints/constraints.txt", "constraints/constraints.yml"] {
        project.write(name, &std::fs::read_to_string(root.join(name)).unwrap());
    }
    let command = project.command("constraints convert --check");
    let screen = screen(command);
    assert!(screen.ends_with("[exit 0]\n"), "{screen}");
    assert!(screen.contains("up to date"), "{screen}");
}

#[test]
fn a_converted_file_that_drifted_is_shown() {
    let project = Project::new(&[("constraints/constraints.txt", "# why\nsix==1.16.0\n")]);
    let made = screen(project.command("constraints convert"));
    let again = screen(project.command("constraints convert"));
    project.write("constraints/constraints.txt", "# why\nsix==1.17.0\n");
    let before = project.read("constraints/constraints.yml");
    let drifted = screen(project.command("constraints convert --check"));
    assert_eq!(project.read("constraints/constraints.yml"), before);
    let other = screen(
        project.command("constraints convert constraints/constraints.txt -o more/c.yml --check"),
    );
    let wrong = Project::new(&[(
        "constraints/constraints.txt",
        "six=1.0\n-r more.txt\nsix[x]==1\n",
    )]);
    let wrong = screen(wrong.command("constraints convert"));
    let missing = screen(Project::new(&[]).command("constraints convert"));
    insta::assert_snapshot!([made, again, drifted, other, wrong, missing].join("\n"));
}

#[test]
fn a_file_that_hardly_fits_a_variable_is_warned_of() {
    let line = format!("# {}\n", "x".repeat(97));
    let project = Project::new(&[("c.txt", &line.repeat(1200))]);
    let near = screen(project.command("constraints convert c.txt"));
    project.write("c.txt", &line.repeat(1400));
    let beyond = screen(project.command("constraints convert c.txt"));
    insta::assert_snapshot!([near, beyond].join("\n"));
}

#[test]
fn jobs_without_the_file_read_the_variable() {
    let project = Project::new(&[("pannier.yml", CONFIG)]);
    let show = |text: Option<&str>, flags: &str| {
        let mut command = project.command(&format!("config show --image old {flags}"));
        if let Some(text) = text {
            command.env("PANNIER_CONSTRAINTS_TEXT", text);
        }
        let screen = screen(command);
        let told = |line: &&str| line.contains("constraints") || line.starts_with("[exit");
        screen.lines().filter(told).collect::<Vec<_>>().join("\n")
    };
    let text = "\n# of elsewhere\napp==1.0\n";
    let missing = show(None, "");
    let variable = show(Some(text), "");
    let flag = show(Some(text), "--constraints other.txt");
    let wrong = show(Some("\n\napp=1"), "");
    project.write("constraints/constraints.txt", "app==1.1\n");
    let file = show(Some(text), "");
    insta::assert_snapshot!([missing, variable, flag, wrong, file].join("\n\n"));
}

#[test]
fn lint_tells_what_lock_and_index_know() {
    let index = index();
    let text = "dep>=1 # a range\nback==1.0\nmodern==3.0\ngone==1.0\nfree==0.9\n";
    let project = Project::new(&[
        ("pannier.yml", &CONFIG.replace("[app]", "[app, modern]")),
        ("constraints/constraints.txt", text),
    ]);
    let shown = |text: String| text.replace(&index.url(), "<index>");
    let unlocked = screen(project.with_index("constraints lint --offline", &index.url()));
    // With a lock that was made before two of the pins.
    project.write("constraints/constraints.txt", "app==1.0\n");
    let locked = screen(project.with_index("lock --quiet", &index.url()));
    assert!(locked.ends_with("[exit 0]\n"), "{locked}");
    project.write("constraints/constraints.txt", text);
    let all = screen(project.with_index("constraints lint", &index.url()));
    let json = screen(project.with_index("constraints lint --format codequality", &index.url()));
    let mut command = project.with_index("constraints lint --format json", &index.url());
    let machine = command.output().unwrap();
    assert_eq!(machine.status.code(), Some(5));
    let quiet = "constraints_lint: {yanked: warning, missing-from-index: off, unpinned: error, unconstrained: off, \
                 except: {unused: [back, gone], python: [modern]}}\n";
    let quiet = project.read("pannier.yml") + quiet;
    project.write("pannier.yml", &quiet);
    let settings = screen(project.with_index("constraints lint", &index.url()));
    let dead = screen(project.with_index("constraints lint", "http://127.0.0.1:9/simple/"));
    insta::with_settings!({filters => vec![(r"\[ +[0-9.]+s\]", "[time]")]}, {
        insta::assert_snapshot!(shown([unlocked, all, json, settings, dead].join("\n")));
    });
    let machine: serde_json::Value = serde_json::from_slice(&machine.stdout).unwrap();
    insta::assert_yaml_snapshot!("lint_for_machines", machine);
}

#[test]
fn what_uv_or_pip_cannot_use_is_an_error_of_every_command() {
    let text = "app==1.0\nfree===latest\n-c more.txt\n";
    let more = "dep==1.0 ; 'x' in extras\nback @ ./back.whl # ours\n";
    let project = Project::new(&[
        ("pannier.yml", CONFIG),
        ("constraints/constraints.txt", text),
        ("constraints/more.txt", more),
    ]);
    let commands = [
        "constraints convert",
        "constraints lint --offline",
        "lock",
        "gate",
    ];
    let mut screens = commands
        .map(|arguments| screen(project.command(arguments)))
        .to_vec();
    let latin = b"app==1.0\n# -*- coding: latin-1 -*- \xe4\n";
    std::fs::write(project.path().join("constraints/constraints.txt"), latin).unwrap();
    for arguments in ["constraints convert", "constraints update", "lock"] {
        screens.push(screen(project.command(arguments)));
    }
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn upper_constraints_of_another_project_bound_a_lock() {
    let index = index();
    let upper = "# Versions of these are frozen at each release.\nfree===1.0\n\
                 dep===1.0;python_version=='3.9'\ndep===1.5;python_version>='3.10'\n\
                 app===1.1\napp>=1\nunrelated===7.4.7;python_version=='3.9'\n";
    let project = Project::new(&[
        ("pannier.yml", CONFIG),
        ("constraints/constraints.txt", "-c upper-constraints.txt\n"),
        ("constraints/upper-constraints.txt", upper),
    ]);
    let screens = [
        "lock --quiet",
        "lock --check",
        "constraints convert",
        "constraints lint",
        "constraints update --dry-run",
    ]
    .map(|arguments| screen(project.with_index(arguments, &index.url())));
    let folder = project.path().display().to_string();
    let screens = screens.join("\n").replace(&folder, "<folder>");
    insta::with_settings!({filters => vec![(r"[0-9.]+s\b", "<time>")]}, {
        insta::assert_snapshot!(screens);
    });
    let lock = project.read("pylock.toml");
    let versions = |name: &str| {
        let packages = lock.split("[[packages]]").skip(1);
        let named = packages.filter(|it| it.contains(&format!("name = \"{name}\"\n")));
        let version = |it: &str| it.split("version = \"").nth(1).unwrap()[..3].to_owned();
        named.map(version).collect::<Vec<_>>()
    };
    assert_eq!(versions("app"), ["1.1"]);
    assert_eq!(versions("dep"), ["1.0", "1.5"]);
}

#[test]
fn update_raises_what_still_goes_together() {
    let index = index();
    let text = "# head\r\nApp == 1.0  # the application\r\ndep==1.0 ; python_version < '3.12'\ndep==1.0 ; python_version >= '3.12'\n\nfree==1.0 --hash=sha256:HASH\nother==1 # not in the lock";
    let text = text.replace("HASH", &wheel("free", "1.0", &[]).sha256);
    let project = Project::new(&[
        ("pannier.yml", CONFIG),
        ("constraints/constraints.txt", &text),
    ]);
    let update = |flags: &str| {
        let mut command = project.with_index(&format!("constraints update {flags}"), &index.url());
        command.arg("--quiet");
        screen(command)
    };
    let dry = update("--dry-run");
    assert_eq!(project.read("constraints/constraints.txt"), text);
    let one = update("dep");
    let after_one = project.read("constraints/constraints.txt");
    let all = update("");
    let again = update("");
    let none = update("nobody");
    insta::assert_snapshot!([dry, one, all, again, none].join("\n"));
    assert_eq!(after_one, text.replace("dep==1.0", "dep==2.0"));
    assert_eq!(
        project.read("constraints/constraints.txt"),
        after_one.replace("App == 1.0", "App == 1.1")
    );
}

#[test]
fn diff_tells_whom_a_change_reaches() {
    let index = index();
    let project = Project::new(&[
        ("pannier.yml", CONFIG),
        (
            "constraints/constraints.txt",
            "app==1.0\ndep==1.0\nold==1\n",
        ),
    ]);
    let git = |arguments: &[&str]| pannier_testkit::git_http::git(project.path(), arguments);
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "constraints"]);
    git(&["commit", "--quiet", "--message", "one"]);
    let locked = screen(project.with_index("lock --quiet", &index.url()));
    assert!(locked.ends_with("[exit 0]\n"), "{locked}");
    project.write(
        "constraints/constraints.txt",
        "app==1.1 # up\ndep==0.9.1\nnew>=2\n",
    );
    project.write("before.txt", "app==1.1\ndep==0.9.1\n");
    let screens = [
        "main",
        "before.txt",
        "main --format json",
        "constraints/constraints.txt",
        "v9",
        "main --constraints before.txt",
    ]
    .map(|arguments| screen(project.command(&format!("constraints diff {arguments}"))));
    insta::assert_snapshot!(screens.join("\n"));
}
