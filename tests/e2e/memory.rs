//! How much memory `prepare` and `unpack` take where the input is large: what the kernel counts, pages of mapped files included.
//!
//! A wheel of any size is measured by the benchmark; here stands what is hardest to bound, files of git projects.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;

use crate::image::Image;
use crate::support::git_http::GitServer;
use crate::world::{World, succeed};

/// What the README promises, in MiB.
const MOST: f64 = 64.0;

/// Runs a program and prints the most memory (in KiB) that it had resident at once.
const PEAK: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// The most memory in MiB that the command takes.
fn peak(command: &Command) -> f64 {
    let mut python = Command::new("python3.11");
    python.args(["-c", PEAK]).arg(command.get_program());
    python.args(command.get_args()).stdin(Stdio::null());
    python.current_dir(command.get_current_dir().expect("a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => python.env(name, value),
            None => python.env_remove(name),
        };
    }
    let said = String::from_utf8(succeed(python).stdout).unwrap();
    said.trim().parse::<f64>().unwrap() / 1024.0
}

/// A file that does not compress: `megabytes` from `seed`, then a line.
fn noise(path: &Path, megabytes: usize, seed: u64, line: &str) {
    let mut draw = Rng::with_seed(seed);
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for _ in 0..megabytes << 17 {
        file.write_all(&draw.u64(..).to_le_bytes()).unwrap();
    }
    file.write_all(line.as_bytes()).unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
}

#[test]
#[ignore = "moves hundreds of megabytes"]
fn files_of_git_projects_are_not_held_in_memory() {
    let server = GitServer::start();
    let repository = server.repository("large");
    repository.git(&["checkout", "-q", "-b", "production"]);
    noise(&repository.work().join("alone.bin"), 150, 1, "");
    // The server sends one of these as a difference to the other.
    noise(&repository.work().join("first.bin"), 80, 2, "first\n");
    noise(&repository.work().join("second.bin"), 80, 2, "second\n");
    repository.commit(&[]);
    repository.push(&[]);
    let world = World::new();
    world.write(
        "pannier.yml",
        &format!(
            "data: [\"git+{}\"]\nimages:\n{}",
            server.url(&repository),
            Image::machine().yaml()
        ),
    );
    succeed(world.pannier(["lock"]));
    // Whatever locking has fetched already is fetched again.
    let command = world.pannier(["prepare", "--locked", "--store", "another"]);
    let preparing = peak(&command);
    let tarball = world.tarball(Image::machine().name);
    let unpacking = peak(&world.pannier(["unpack", tarball.to_str().unwrap(), "--to", "tree"]));
    eprintln!("prepare {preparing:.1} MiB, unpack {unpacking:.1} MiB");
    let tree = world.path("project/tree/data/large");
    for file in ["alone.bin", "first.bin", "second.bin"] {
        let (sent, found) = (repository.work().join(file), tree.join(file));
        let same = Command::new("cmp").args([&sent, &found]).status().unwrap();
        assert!(same.success(), "{file}");
    }
    assert!(preparing <= MOST, "{preparing:.1} MiB while preparing");
    assert!(unpacking <= MOST, "{unpacking:.1} MiB while unpacking");
}
