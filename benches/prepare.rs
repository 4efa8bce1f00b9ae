//! Pannier beside the ways it replaces, in one run on the same wheels: prints a Markdown table.
//!
//! Wants `uv`, `pip`, `pigz` and `zstd`: from the folder `PANNIER_E2E_TOOLS`, else from PATH. Everything is downloaded before
//! the clock starts, every way runs with warm caches, and the best of several runs counts. Compare ratios, not seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/support/popular.rs"]
mod popular;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each way runs; the best counts.
const RUNS: usize = 3;

/// A way to a tarball: its name in the table, the shell script, and the file it makes.
struct Way {
    name: &'static str,
    script: &'static str,
    makes: &'static str,
}

const WAYS: [Way; 8] = [
    Way {
        name: "`pannier prepare`, warm store",
        script: "\"$PANNIER\" prepare --locked --quiet",
        makes: "dist/machine.tar.gz",
    },
    Way {
        name: "`venv` + `pip install` + `tar czf`",
        script: "python3.11 -m venv venv; venv/bin/pip install -q --no-index --find-links wheels --no-deps -r pins.txt; tar czf out venv",
        makes: "out",
    },
    Way {
        name: "`uv venv` + `uv pip install` + `tar czf`",
        script: "uv venv -q -p 3.11 venv; uv pip install -q --offline -p venv/bin/python --no-deps -r pins.txt; tar czf out venv",
        makes: "out",
    },
    Way {
        name: "`uv venv` + `uv pip install` + `tar` + `pigz`",
        script: "uv venv -q -p 3.11 venv; uv pip install -q --offline -p venv/bin/python --no-deps -r pins.txt; tar cf - venv | pigz >out",
        makes: "out",
    },
    Way {
        name: "`uv venv` + `uv pip install` + `tar` + `zstd -T0`",
        script: "uv venv -q -p 3.11 venv; uv pip install -q --offline -p venv/bin/python --no-deps -r pins.txt; tar cf - venv | zstd -q -T0 >out",
        makes: "out",
    },
    Way {
        name: "`uv venv` + `uv pip install`, no tarball",
        script: "uv venv -q -p 3.11 venv; uv pip install -q --offline -p venv/bin/python --no-deps -r pins.txt; : >out",
        makes: "out",
    },
    Way {
        name: "`cat` of the wheels",
        script: "cat wheels/*.whl >out",
        makes: "out",
    },
    Way {
        name: "`cat` of the wheels + `sha256sum`",
        script: "cat wheels/*.whl >out; sha256sum out >out.sha256",
        makes: "out",
    },
];

fn main() {
    // `cargo test --all-targets` runs benches too, with this flag missing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder);
    let rows: Vec<_> = WAYS.iter().map(|way| (way, best(folder, way))).collect();
    let ours = rows[0].1.as_secs_f64();
    let wheels = size(&folder.join("wheels"));
    println!(
        "{} wheels, {:.1} MB; best of {RUNS} runs each\n",
        count(folder),
        wheels
    );
    println!("| way | seconds | MB | times Pannier's |\n|---|---:|---:|---:|");
    for (way, time) in rows {
        let made = size(&folder.join(format!("made-{}", way.name.replace('/', ""))));
        let seconds = time.as_secs_f64();
        println!(
            "| {} | {seconds:.2} | {made:.1} | {:.1} |",
            way.name,
            seconds / ours
        );
    }
}

/// Locks, fills the store and uv's cache, and downloads the same wheels into a folder.
fn set_up(folder: &Path) {
    let platform = run(
        folder,
        "python3.11 -c \"import os, platform, sys; print(platform.machine() + '-manylinux_2_' + platform.libc_ver()[1].split('.')[1], os.path.realpath(sys.executable))\"",
    );
    let (platform, interpreter) = platform.trim().split_once(' ').unwrap();
    let image = format!(
        "images:\n  machine:\n    python: \"3.11\"\n    platform: {platform}\n    interpreter: {interpreter}\n"
    );
    fs::write(
        folder.join("pannier.yml"),
        format!("requirements: {:?}\n{image}", popular::POPULAR),
    )
    .unwrap();
    run(folder, "\"$PANNIER\" prepare --quiet");
    run(
        folder,
        "mkdir unpacked; tar xzf dist/machine.tar.gz -C unpacked
         unpacked/venv/bin/python -c 'import importlib.metadata as m
for d in m.distributions(): print(d.metadata[\"Name\"] + \"==\" + d.version)' | grep -v '^pip==' >pins.txt
         rm -rf unpacked
         pip download -q --no-deps --only-binary :all: -d wheels -r pins.txt
         uv venv -q -p 3.11 venv; uv pip install -q -p venv/bin/python --no-deps -r pins.txt",
    );
}

fn best(folder: &Path, way: &Way) -> Duration {
    let times = (0..RUNS).map(|_| {
        run(folder, "rm -rf venv out out.sha256 dist; sync");
        let start = Instant::now();
        run(folder, way.script);
        start.elapsed()
    });
    let best = times.min().unwrap();
    let kept = folder.join(format!("made-{}", way.name.replace('/', "")));
    fs::rename(folder.join(way.makes), kept).unwrap();
    best
}

/// Runs a script in the folder and gives what it printed; the home and the caches are the folder's own.
fn run(folder: &Path, script: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let path = match std::env::var("PANNIER_E2E_TOOLS") {
        Ok(tools) => format!("{tools}:{path}"),
        Err(_) => path,
    };
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("PANNIER", env!("CARGO_BIN_EXE_pannier"))
        .env("PANNIER_STORE", folder.join("store"))
        .env("UV_CACHE_DIR", folder.join("cache/uv"))
        .env_remove("VIRTUAL_ENV")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Megabytes of a file, or of the files in a folder.
fn size(path: &Path) -> f64 {
    let files: Vec<_> = match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![path.to_owned()],
    };
    let bytes: u64 = files
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    bytes as f64 / 1e6
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder.join("wheels")).unwrap().count()
}
