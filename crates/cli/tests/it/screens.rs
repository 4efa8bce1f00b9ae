//! What people see: the texts of help, errors and tables, as snapshots.
//!
//! Runs the real program with an environment of its own and without any network. Refuses to look at what depends on the
//! machine: folders and versions are replaced before texts are compared.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// A configuration that needs neither index nor git to be understood.
const CONFIG: &str = "\
git_base: https://gitlab.example.com/platform
packages: [job-tools, other/lib@v2, ./packages/tool]
requirements: [\"requests>=2.31\"]
data: [./data/tables]
constraints: constraints.txt
images:
  builder:
    image: registry.example.com/builder:production
    python: \"3.13\"
    platform: x86_64-manylinux_2_41
    interpreter: /usr/bin/python3.13
  tester:
    python: \"3.9\"
    platform: aarch64-musllinux_1_2
    interpreter: /usr/bin/python3.9
    requirements: []
    data: []
";

/// A folder with a `pannier.yml` and what it names.
struct Project(TempDir);

impl Project {
    fn new(config: &str) -> Self {
        let project = Self(TempDir::new().unwrap());
        project.write("pannier.yml", config);
        project.write("constraints.txt", "urllib3<3\n");
        project.write("packages/tool/pyproject.toml", "[project]\nname = 'tool'\n");
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

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("pannier").unwrap();
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PANNIER_STORE", "store")
            .current_dir(self.path())
            .args(arguments.split_whitespace());
        command
    }

    /// The screen of a run: its command, exit code, and both outputs, with everything of the machine replaced.
    fn screen(&self, arguments: &str) -> String {
        screen(arguments, &mut self.command(arguments), self.path())
    }
}

fn screen(arguments: &str, command: &mut Command, folder: &Path) -> String {
    let output = command.output().unwrap();
    let text = format!(
        "$ pannier {arguments}\n{}{}[exit {}]\n",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    );
    let real = folder.canonicalize().unwrap();
    text.replace(&real.display().to_string(), "<folder>")
        .replace(&folder.display().to_string(), "<folder>")
        .replace(env!("CARGO_PKG_VERSION"), "<version>")
}

#[test]
fn help() {
    let project = Project::new("");
    insta::assert_snapshot!("help", project.screen("--help"));
    insta::assert_snapshot!("help_of_prepare", project.screen("prepare --help"));
}

#[test]
fn errors_of_the_configuration() {
    let screens = [
        ("git_bse: https://git.example.org", "lock"),
        (
            "images: {a: {python: '3.13', platform: linux/arm64}}",
            "lock",
        ),
        ("requirements: [six]", "prepare"),
        ("packages: [", "lock"),
        (CONFIG, "prepare --image bilder"),
        (CONFIG, "config show --constraints missing.txt"),
        (CONFIG, "lock --config missing.yml"),
        (CONFIG, "lock --upgrade=a+b"),
        (
            &CONFIG.replace("./packages/tool", "./packages/tol"),
            "lock --check",
        ),
    ]
    .map(|(config, arguments)| Project::new(config).screen(arguments));
    insta::assert_snapshot!(screens.join("\n"));
}

/// The lock of a request for nothing, which needs no index; `lock --check` tells what came since.
#[test]
fn a_lock_that_does_not_fit() {
    let project = Project::new(CONFIG);
    let missing = project.screen("lock --check");
    project.write("pylock.toml", &lock_of_other_parts());
    let stale = project.screen("lock --check");
    let refused = project.screen("prepare --locked");
    insta::assert_snapshot!([missing, stale, refused].join("\n"));
}

/// A lock that remembers one image of other wheels, other constraints, and no lists.
fn lock_of_other_parts() -> String {
    let other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    format!(
        "lock-version = \"1.0\"\ncreated-by = \"pannier\"\npackages = []\n\n\
         [tool.pannier]\nformat = 1\nrequest = \"{other}\"\n\n\
         [tool.pannier.parts]\nconstraints = \"{other}\"\n\"image builder\" = \"{other}\"\n\"image gone\" = \"{other}\"\n\
         \"packages of image builder\" = \"{other}\"\n\"requirements of image gone\" = \"{other}\"\n\n\
         [tool.pannier.images.builder]\npython = \"3.13\"\nplatform = \"x86_64-manylinux_2_41\"\nrequested = []\n"
    )
}

#[test]
fn the_effective_request() {
    let project = Project::new(CONFIG);
    let mut command = project.command("config show --branch main");
    command.env("DATA_PROJECTS", "job-data ./data/tables");
    let shown = screen("config show --branch main", &mut command, project.path());
    insta::assert_snapshot!(shown);
}

#[test]
fn what_a_renovate_configuration_lacks() {
    let project = Project::new("");
    project.write("constraints/constraints.txt", "urllib3==2.6.3\n");
    project.write("renovate.json", r#"{"extends": ["config:recommended"]}"#);
    let lacking = project.screen("renovate config --check --timezone Europe/Berlin");
    let mut printed = project.command("renovate config --timezone Europe/Berlin");
    let printed = printed.output().unwrap().stdout;
    project.write("renovate.json", std::str::from_utf8(&printed).unwrap());
    let fitting = project.screen("renovate config --check");
    let zone = project.screen("renovate config --timezone CET+1");
    insta::assert_snapshot!([lacking, fitting, zone].join("\n"));
}

#[test]
fn the_command_for_images_without_pannier() {
    let project = Project::new("");
    insta::assert_snapshot!(project.screen("image describe --command"));
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let project = Project::new("git_bse: x");
    let coloured = |arguments: &str, variable: (&str, &str)| {
        let mut command = project.command(arguments);
        command.env(variable.0, variable.1);
        let output = command.output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!coloured("lock", ("NO_COLOR", "1")));
    assert!(coloured("lock", ("GITLAB_CI", "true")));
    assert!(coloured("--color=always lock", ("NO_COLOR", "1")));
    assert!(!coloured("--color=never lock", ("GITLAB_CI", "true")));
}
