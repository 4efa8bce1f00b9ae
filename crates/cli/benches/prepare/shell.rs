//! Runs what is measured: scripts in a folder with a known environment, their time, and the most memory that one took.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a program and prints the most memory (in KiB) that it had resident at once, as the kernel counts it.
const PEAK: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// What the figures were taken on.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{cores} cores, load {load} at the start")
}

/// Runs a script in the folder and gives what it printed. `PANNIER` is the binary; its store and uv's cache are the folder's.
pub fn run(folder: &Path, script: &str) -> String {
    finish(bash(folder, script), script)
}

/// The best time of several runs; `before` and writing what earlier runs left to the disk stand outside the clock.
pub fn best(folder: &Path, runs: usize, before: &str, script: &str) -> Duration {
    let times = (0..runs).map(|_| {
        run(folder, before);
        run(folder, "sync");
        let start = Instant::now();
        run(folder, script);
        start.elapsed()
    });
    times.min().unwrap()
}

/// The best times of several ways that are run in turn, so that what else the machine does meets all of them alike.
pub fn best_of<S: AsRef<str>>(
    folder: &Path,
    runs: usize,
    before: &str,
    scripts: &[S],
) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; scripts.len()];
    for _ in 0..runs {
        for (best, script) in best.iter_mut().zip(scripts) {
            *best = (*best).min(self::best(folder, 1, before, script.as_ref()));
        }
    }
    best
}

/// As [`best_of`], for ways that are known one by one.
pub fn best_of_each<const N: usize>(
    folder: &Path,
    runs: usize,
    before: &str,
    scripts: [&str; N],
) -> [Duration; N] {
    let times = best_of(folder, runs, before, &scripts);
    times.try_into().expect("a time for each")
}

/// The most memory that a command (words without quotes) takes, in MiB.
pub fn peak(folder: &Path, command: &str) -> f64 {
    let mut python = bash(folder, &format!("exec python3.11 -c \"$PEAK\" {command}"));
    python.env("PEAK", PEAK);
    let kib: f64 = finish(python, command).trim().parse().unwrap();
    kib / 1024.0
}

/// Megabytes of a file, or of the files in a folder.
pub fn size(path: &Path) -> f64 {
    let files: Vec<_> = match std::fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![path.to_owned()],
    };
    let lengths = files.iter().map(|it| std::fs::metadata(it).unwrap().len());
    lengths.sum::<u64>() as f64 / 1e6
}

fn bash(folder: &Path, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    let path = match std::env::var("PANNIER_E2E_TOOLS") {
        Ok(tools) => format!("{tools}:{path}"),
        Err(_) => path,
    };
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("PANNIER", env!("CARGO_BIN_EXE_pannier"))
        .env("PANNIER_STORE", folder.join("store"))
        .env("UV_CACHE_DIR", folder.join("cache"))
        .env_remove("VIRTUAL_ENV")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

fn finish(mut command: Command, script: &str) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
