//! One package from a branch, everything else as in production: Pannier beside installing production first and the override
//! over it. Prints a Markdown table.
//!
//! Wants `uv` and `pip`: from the folder `PANNIER_E2E_TOOLS`, else from PATH. Everything but the overridden package is there
//! before the clock starts; for each run the branch gets a new commit, so that each run has to build it. Git is served on
//! loopback. The best of several runs counts. Compare ratios, not seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pannier_testkit::git_http::{GitServer, Repo};
use pannier_testkit::popular::POPULAR;
use pannier_testkit::projects::Project;

/// How often each way runs; the best counts.
const RUNS: usize = 3;

/// A way: its name in the table and its shell script. `$BRANCH` is the override for pip, `$CHECKOUT` a checkout of it.
struct Way {
    name: &'static str,
    script: &'static str,
}

const WAYS: [Way; 5] = [
    Way {
        name: "`pannier prepare` with the override",
        script: "job_tools_pip_url=\"$BRANCH\" \"$PANNIER\" prepare --locked --quiet",
    },
    Way {
        name: "`pannier prepare` without it, warm store",
        script: "\"$PANNIER\" prepare --locked --quiet",
    },
    Way {
        name: "`uv build --wheel` of the overridden package alone",
        script: "uv build -q --wheel -p 3.11 --out-dir out-wheel \"$CHECKOUT\"",
    },
    Way {
        name: "`venv` + `pip install` + `pip install --force-reinstall` + `tar czf`",
        script: "python3.11 -m venv venv; venv/bin/pip install -q --no-index --find-links wheels --no-deps -r pins.txt
            venv/bin/pip install -q --no-index --find-links wheels --no-deps --no-build-isolation \"job-tools @ $PRODUCTION\"
            venv/bin/pip install -q --no-index --find-links wheels --no-build-isolation --force-reinstall \"job-tools @ $BRANCH\"; tar czf out venv",
    },
    Way {
        name: "`uv venv` + `uv pip install` + `uv pip install --reinstall-package` + `tar czf`",
        script: "uv venv -q -p 3.11 venv; uv pip install -q --offline -p venv/bin/python --no-deps -r pins.txt
            uv pip install -q -p venv/bin/python --no-deps \"job-tools @ $PRODUCTION\"
            uv pip install -q -p venv/bin/python --reinstall-package job-tools \"job-tools @ $BRANCH\"; tar czf out venv",
    },
];

/// A folder with everything that the ways need.
struct Bench {
    folder: tempfile::TempDir,
    git: GitServer,
    tools: Repo,
}

fn main() {
    // `cargo test --all-targets` runs benches too, with this flag missing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let git = GitServer::start();
    let tools = git.repository("platform/job-tools");
    let bench = Bench {
        folder: tempfile::tempdir().unwrap(),
        git,
        tools,
    };
    bench.set_up();
    let rows: Vec<_> = WAYS.iter().map(|way| (way, bench.best(way))).collect();
    let ours = rows[0].1.as_secs_f64();
    println!("best of {RUNS} runs each\n");
    println!("| way | seconds | times Pannier's |\n|---|---:|---:|");
    for (way, time) in rows {
        let seconds = time.as_secs_f64();
        println!("| {} | {seconds:.2} | {:.1} |", way.name, seconds / ours);
    }
}

impl Bench {
    fn commit(&self, version: &str) {
        let project = Project {
            name: "job-tools",
            version,
            requires: &["requests"],
            extras: &[],
            module: "",
        };
        let files = project.files();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        self.tools.commit(&files);
        self.tools.push(&[]);
    }

    /// Locks, fills the store and uv's cache, and downloads the same wheels into a folder.
    fn set_up(&self) {
        self.tools.git(&["checkout", "-q", "-b", "production"]);
        self.commit("1.0");
        self.tools.git(&["checkout", "-q", "-b", "feature"]);
        let described = self.run(
            "python3.11 -c \"import os, platform, sys; print(platform.machine() + '-manylinux_2_' + platform.libc_ver()[1].split('.')[1], os.path.realpath(sys.executable))\"",
        );
        let (platform, interpreter) = described.trim().split_once(' ').unwrap();
        fs::write(
            self.folder.path().join("pannier.yml"),
            format!(
                "git_base: {}\npackages: [job-tools]\nrequirements: {POPULAR:?}\nimages:\n  machine:\n    python: \"3.11\"\n    platform: {platform}\n    interpreter: {interpreter}\n",
                self.git.http.url("/platform")
            ),
        )
        .unwrap();
        self.run("\"$PANNIER\" prepare --quiet");
        self.run(
            "mkdir unpacked; tar xzf dist/machine.tar.gz -C unpacked
             unpacked/venv/bin/python -c 'import importlib.metadata as m
for d in m.distributions(): print(d.metadata[\"Name\"] + \"==\" + d.version)' | grep -v '^pip==\\|^job-tools==' >pins.txt
             rm -rf unpacked
             pip download -q --no-deps --only-binary :all: -d wheels -r pins.txt
             uv venv -q -p 3.11 venv; uv pip install -q -p venv/bin/python --no-deps -r pins.txt",
        );
    }

    fn best(&self, way: &Way) -> Duration {
        let times = (0..RUNS).map(|run| {
            self.commit(&format!("1.1.dev{}", run + way.name.len() * 10));
            self.run("rm -rf venv out out-wheel dist pylock.overridden.toml; sync");
            let start = Instant::now();
            self.run(way.script);
            start.elapsed()
        });
        times.min().unwrap()
    }

    /// Runs a script in the folder and gives what it printed; the home and the caches are the folder's own.
    fn run(&self, script: &str) -> String {
        let folder = self.folder.path();
        let path = std::env::var("PATH").unwrap();
        let path = match std::env::var("PANNIER_E2E_TOOLS") {
            Ok(tools) => format!("{tools}:{path}"),
            Err(_) => path,
        };
        let url = self.git.url(&self.tools);
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(folder)
            .env("PATH", path)
            .env("PANNIER", env!("CARGO_BIN_EXE_pannier"))
            .env("PANNIER_STORE", folder.join("store"))
            .env("UV_CACHE_DIR", folder.join("cache/uv"))
            .env("PRODUCTION", format!("git+{url}@production"))
            .env("BRANCH", format!("git+{url}@feature"))
            .env("CHECKOUT", Path::new(self.tools.work()))
            .env_remove("VIRTUAL_ENV")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}
