//! The most downloaded packages, one group after the other: prepared, unpacked, imported, and compared byte for byte with what
//! `uv pip install` lays down. Prints a Markdown table; exits 1 when anything differs.
//!
//! Run by hand: `cargo bench --bench popular`, or `-- 3` for one group. `names.txt` holds the names; each group has a resolution
//! of its own, because several of them exclude each other. Downloads about 2 GB, most of it once: store and uv's cache stay in
//! `PANNIER_BENCH_CACHE` (or the target folder). Wants `uv`: from the folder `PANNIER_E2E_TOOLS`, else from PATH.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../prepare/shell.rs"]
#[allow(dead_code, reason = "the other benchmark needs all of it")]
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const NAMES: &str = include_str!("names.txt");
const IMPORTS: &str = include_str!("imports.py");
const GROUP: usize = 20;

/// What became of one group.
struct Outcome {
    packages: usize,
    megabytes: f64,
    files: usize,
    imported: usize,
    /// Modules that neither venv imports: they want what is no package.
    neither: Vec<String>,
    differences: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches too, with this flag missing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let only: Option<usize> = arguments.iter().find_map(|argument| argument.parse().ok());
    let names: Vec<_> = NAMES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    println!(
        "| group | names | packages | MB of tarball | files alike | differences | modules imported | by neither |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    let (mut differences, mut neither) = (Vec::new(), BTreeSet::new());
    for (number, group) in names.chunks(GROUP).enumerate() {
        if only.is_some_and(|only| only != number + 1) {
            continue;
        }
        let done = compare(number + 1, group);
        println!(
            "| {} | {} | {} | {:.1} | {} | {} | {} | {} |",
            number + 1,
            group.len(),
            done.packages,
            done.megabytes,
            done.files,
            done.differences.len(),
            done.imported,
            done.neither.len()
        );
        differences.extend(done.differences);
        neither.extend(done.neither);
    }
    println!();
    for line in &neither {
        println!("- by neither: {line}");
    }
    for line in &differences {
        println!("- DIFFERENCE: {line}");
    }
    if differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn compare(number: usize, names: &[&str]) -> Outcome {
    let cache = std::env::var_os("PANNIER_BENCH_CACHE").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench"),
        PathBuf::from,
    );
    let folder = cache.join("popular");
    fs::create_dir_all(&folder).unwrap();
    let run = |script: &str| shell::run(&folder, script);
    run(&format!(
        "rm -rf ours uv dist pannier.yml; mkdir -p locks; cp locks/{number}.toml pylock.toml 2>/dev/null || rm -f pylock.toml"
    ));
    fs::write(
        folder.join("pannier.yml"),
        format!("requirements: {names:?}\n{}", image()),
    )
    .unwrap();
    fs::write(folder.join("imports.py"), IMPORTS).unwrap();
    run(&format!(
        "\"$PANNIER\" prepare --quiet; cp pylock.toml locks/{number}.toml"
    ));
    let megabytes = shell::size(&folder.join("dist/machine.tar.gz"));
    run("\"$PANNIER\" unpack --quiet dist/machine.tar.gz --to ours");
    let packages = run(PINS).lines().count();
    run("uv venv -q --relocatable -p 3.11 uv
         uv pip install -q --only-binary :all: --no-deps --link-mode copy -p uv/bin/python -r pins.txt");
    let (ours, theirs) = (folder.join("ours/venv"), folder.join("uv"));
    let mut differences = pannier_testkit::beside_uv::differences(&ours, &theirs);
    let files = pannier_testkit::beside_uv::count(&ours) - differences.len();
    // With the same name, because some modules tell where they are.
    let imports = |venv: &str| {
        run(&format!(
            "rm -rf venv; mv {venv} venv; HOME=$PWD/home venv/bin/python -B imports.py </dev/null 2>/dev/null; rm -rf venv"
        ))
    };
    let (ours, theirs) = (imports("ours/venv"), imports("uv"));
    if ours != theirs {
        let (a, b): (BTreeSet<_>, BTreeSet<_>) = (ours.lines().collect(), theirs.lines().collect());
        differences.extend(
            a.symmetric_difference(&b)
                .map(|line| format!("group {number}: {line}")),
        );
    }
    let neither = ours
        .lines()
        .filter_map(|line| Some(line.strip_prefix("no ")?.to_owned()));
    let neither: Vec<_> = neither.collect();
    let imported = ours.lines().count() - neither.len();
    run("rm -rf ours uv dist home");
    Outcome {
        packages,
        megabytes,
        files,
        imported,
        neither,
        differences,
    }
}

/// `name==version` of what was unpacked, into `pins.txt` and printed.
const PINS: &str = "ours/venv/bin/python -c 'import importlib.metadata as m, sysconfig
for d in m.distributions(path=[sysconfig.get_path(\"purelib\")]): print(d.metadata[\"Name\"] + \"==\" + d.version)' | tee pins.txt";

/// This machine with its Python 3.11.
fn image() -> String {
    let described = shell::run(
        Path::new("/"),
        "python3.11 -c \"import os, platform, sys; print(platform.machine() + '-manylinux_2_' + platform.libc_ver()[1].split('.')[1], os.path.realpath(sys.executable))\"",
    );
    let (platform, interpreter) = described.trim().split_once(' ').unwrap();
    format!(
        "images:\n  machine:\n    python: \"3.11\"\n    platform: {platform}\n    interpreter: {interpreter}\n"
    )
}
