//! The platform's git repositories: three packages that need each other, one of them private, and two data projects.
//!
//! | repository | what is special |
//! |---|---|
//! | `platform/job-tools` | setuptools-scm: its version comes from the tag `v1.2.0` |
//! | `job-lib` | wants a token; needs `job-tools` by URL |
//! | `platform/job-report` | lives in the folder `py`; extra `html`; needs both others, by URL |
//! | `platform/job-data` | data: a symlink, an executable, a file that `export-ignore` keeps at home |
//! | `maps` | data: one file, under another path than the packages |

use std::os::unix::fs::{PermissionsExt, symlink};

use pannier_testkit::git_http::{GitServer, Repo};

/// The token of the private repository.
pub const TOKEN: &str = "glpat-e2e-0123456789abcdef";
/// The user that the token belongs to.
pub const USER: &str = "ci-bot";

/// A git server with the platform's repositories.
pub struct Forge {
    server: GitServer,
    tools: Repo,
    lib: Repo,
    report: Repo,
    data: Repo,
    maps: Repo,
}

impl Forge {
    /// Starts the server and pushes everything to it.
    pub fn new() -> Self {
        let server = GitServer::start();
        let forge = Self {
            tools: server.repository("platform/job-tools"),
            lib: server.repository("job-lib"),
            report: server.repository("platform/job-report"),
            data: server.repository("platform/job-data"),
            maps: server.repository("maps"),
            server,
        };
        forge.server.protect(&forge.lib, &format!("{USER}:{TOKEN}"));
        for repo in forge.repositories() {
            repo.git(&["checkout", "-q", "-b", "production"]);
        }
        forge.job_tools();
        forge.job_lib();
        forge.job_report();
        forge.job_data();
        forge.maps.commit(&[("north.map", "N\n")]);
        forge.maps.push(&[]);
        forge
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        self.server.http.url("")
    }

    /// The same with the token in it.
    pub fn url_with_token(&self) -> String {
        self.server.http.url_as(&format!("{USER}:{TOKEN}"), "")
    }

    /// The line of a netrc file that opens the private repository.
    pub fn netrc(&self) -> String {
        format!("machine 127.0.0.1 login {USER} password {TOKEN}\n")
    }

    fn repositories(&self) -> [&Repo; 5] {
        [&self.tools, &self.lib, &self.report, &self.data, &self.maps]
    }

    /// Name and commit of each repository's `production`.
    pub fn commits(&self) -> [(&'static str, String); 5] {
        let commit = |repo: &Repo| repo.git(&["rev-parse", "production"]);
        [
            ("job-tools", commit(&self.tools)),
            ("job-lib", commit(&self.lib)),
            ("job-report", commit(&self.report)),
            ("job-data", commit(&self.data)),
            ("maps", commit(&self.maps)),
        ]
    }

    fn job_tools(&self) {
        self.tools.commit(&[
            ("pyproject.toml", JOB_TOOLS),
            (
                "src/job_tools/__init__.py",
                "from job_tools.version import version as __version__\n",
            ),
            ("src/job_tools/cli.py", &cli("job_tools", "job-tools")),
        ]);
        self.tools
            .git(&["tag", "--annotate", "--message", "1.2.0", "v1.2.0"]);
        self.tools.push(&[]);
    }

    fn job_lib(&self) {
        let tools = format!(
            "job-tools @ git+{}/platform/job-tools.git@production",
            self.url()
        );
        self.lib.commit(&[
            (
                "pyproject.toml",
                &hatchling("job-lib", "2.0.0", &[&tools, "PyYAML>=6"]),
            ),
            ("job_lib/__init__.py", "import job_tools\nimport yaml\n"),
            ("job_lib/cli.py", &cli("job_lib", "job-lib")),
        ]);
        self.lib.push(&[]);
    }

    fn job_report(&self) {
        let tools = format!(
            "job-tools @ git+{}/platform/job-tools.git@production",
            self.url()
        );
        let lib = format!("job-lib @ git+{}/job-lib.git@production", self.url());
        let project = hatchling("job-report", "3.0.0", &[&tools, &lib, "click"]);
        let extra = "\n[project.optional-dependencies]\nhtml = [\"Jinja2\", \"markupsafe\"]\n";
        self.report.commit(&[
            ("README.md", "The package lives in `py`.\n"),
            ("py/pyproject.toml", &format!("{project}{extra}")),
            (
                "py/job_report/__init__.py",
                "import click\nimport job_lib\nimport job_tools\n",
            ),
            ("py/job_report/cli.py", &cli("job_report", "job-report")),
        ]);
        self.report.push(&[]);
    }

    fn job_data(&self) {
        self.data.commit(&[
            ("tables/2025.csv", "a,1\n"),
            ("bin/show", "#!/bin/sh\nexec cat \"$@\"\n"),
            ("notes/internal.md", "Stays at home.\n"),
            (
                ".gitattributes",
                "notes export-ignore\n.gitattributes export-ignore\n",
            ),
        ]);
        symlink("2025.csv", self.data.work().join("tables/latest.csv")).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.data.work().join("bin/show"), executable).unwrap();
        self.data.commit(&[]);
        self.data.push(&[]);
    }
}

/// A module with a `main` that argparse answers for.
fn cli(module: &str, name: &str) -> String {
    format!(
        "import argparse\n\nimport {module}\n\n\ndef main():\n    argparse.ArgumentParser(prog=\"{name}\").parse_args()\n    print({module}.__name__)\n"
    )
}

/// A `pyproject.toml` built by hatchling, with one console script of the project's name.
fn hatchling(name: &str, version: &str, dependencies: &[&str]) -> String {
    let module = name.replace('-', "_");
    format!(
        "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\nrequires-python = \">=3.9\"\n\
         dependencies = {dependencies:?}\n\n\
         [project.scripts]\n{name} = \"{module}.cli:main\"\n\n\
         [tool.hatch.metadata]\nallow-direct-references = true\n"
    )
}

const JOB_TOOLS: &str = r#"
[build-system]
requires = ["setuptools>=77", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"

[project]
name = "job-tools"
dynamic = ["version"]
requires-python = ">=3.9"
dependencies = ["PyYAML"]

[project.scripts]
job-tools = "job_tools.cli:main"

[tool.setuptools_scm]
version_file = "src/job_tools/version.py"
"#;
