//! `kill -9` at random moments of `prepare` and `unpack`: the store verifies, what is in place is whole, the next run succeeds.
//!
//! The moments are drawn from the length of an undisturbed run, so that they fall into every step of it. A failure prints the
//! seed; `PANNIER_KILLS` sets how many runs are killed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::e2e::image::Image;
use crate::e2e::world::{World, answer, files, sha256, succeed, tool};
use pannier_testkit::index::{Index, IndexFile};

/// Wheels of every size, made by Python's own zip writer: `MAKE folder`.
const MAKE: &str = "
import base64, hashlib, os, random, sys, zipfile
draw = random.Random(5)
words = [draw.randbytes(4).hex() for _ in range(2000)]
for number in range(8):
    name = 'part%d' % number
    files = {'%s/m%d.py' % (name, i): 'TEXT = ' + repr(' '.join(draw.choices(words, k=draw.choice([3, 80, 4000]))))
             for i in range(10 + 20 * number)}
    info = name + '-1.0.dist-info/'
    files[info + 'METADATA'] = 'Metadata-Version: 2.1\\nName: %s\\nVersion: 1.0\\n' % name
    files[info + 'WHEEL'] = 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'
    record = ''
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
        record += '%s,sha256=%s,%d\\n' % (path, digest, len(text))
    files[info + 'RECORD'] = record + info + 'RECORD,,\\n'
    with zipfile.ZipFile(os.path.join(sys.argv[1], name + '-1.0-py3-none-any.whl'), 'w', zipfile.ZIP_DEFLATED) as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
";

fn index() -> Index {
    let folder = tempfile::tempdir().unwrap();
    answer("python3.11", &["-c", MAKE, folder.path().to_str().unwrap()]);
    let index = Index::start();
    for path in files(folder.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let project = name.split('-').next().unwrap();
        let mut file = IndexFile::new(project, name, fs::read(&path).unwrap());
        let metadata = format!("Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n");
        file.metadata = Some(metadata.into_bytes());
        index.add(file);
    }
    index
}

fn kills() -> usize {
    let said = std::env::var("PANNIER_KILLS").ok();
    said.map_or(200, |number| {
        number.parse().expect("PANNIER_KILLS is a number")
    })
}

/// Runs the command and kills it after a random part of `usual`, unless it has ended by then. Whether it was killed.
fn killed(mut command: Command, usual: Duration, draw: &mut Rng) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The moment is what is tested, and no answer is waited for.
    std::thread::sleep(usual.mul_f64(draw.f64() * 1.1));
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

fn prepare(world: &World) -> Command {
    let mut command = world.pannier(["prepare", "--locked"]);
    command.env("PANNIER_UV", tool("uv"));
    World::without_index(&mut command);
    command
}

/// The tarball is there as a whole or not at all, and the store holds nothing that does not verify.
#[track_caller]
fn sound(world: &World, expected: &str, seed: u64, round: usize) {
    let tarball = world.tarball("machine");
    if tarball.exists() {
        assert_eq!(sha256(&tarball), expected, "seed {seed}, round {round}");
    }
    for name in ["machine.tar.gz.sha256", "machine.manifest.json"] {
        let path = world.path("project/dist").join(name);
        assert!(
            !path.exists() || path.metadata().unwrap().len() > 70,
            "seed {seed}, round {round}: {name}"
        );
    }
    succeed(world.pannier(["store", "verify"]));
}

#[test]
#[ignore = "needs PANNIER_E2E_TOOLS and takes a minute"]
fn killed_prepares_leave_a_store_that_verifies() {
    let index = index();
    let world = World::new();
    world.write(
        "pannier.yml",
        &format!(
            "requirements: [part0, part1, part2, part3, part4, part5, part6, part7]\nindex: {{url: \"{}\"}}\nimages:\n{}",
            index.url(),
            Image::machine().yaml()
        ),
    );
    let mut lock = world.pannier(["lock"]);
    lock.env("PANNIER_UV", tool("uv"));
    World::without_index(&mut lock);
    succeed(lock);
    let start = Instant::now();
    succeed(prepare(&world));
    let usual = start.elapsed();
    let expected = sha256(&world.tarball("machine"));

    let seed = fastrand::u64(..);
    let mut draw = Rng::with_seed(seed);
    let mut interrupted = 0;
    for round in 0..kills() / 2 {
        // Now with an empty store, now with what the runs before have left.
        if draw.u8(..4) == 0 {
            // A run that was killed early has made neither.
            let _ = fs::remove_dir_all(world.path("store"));
            let _ = fs::remove_dir_all(world.path("project/dist"));
        }
        interrupted += usize::from(killed(prepare(&world), usual, &mut draw));
        sound(&world, &expected, seed, round);
    }
    assert!(interrupted > 0, "no run was killed before its end");
    succeed(prepare(&world));
    assert_eq!(sha256(&world.tarball("machine")), expected);
    let left = files(&world.path("project/dist"));
    assert_eq!(left.len(), 3, "the last run sweeps: {left:?}");
}

#[test]
#[ignore = "needs PANNIER_E2E_TOOLS and takes a minute"]
fn killed_locks_leave_nothing_beside_the_lock() {
    let index = index();
    let world = World::new();
    world.write(
        "pannier.yml",
        &format!(
            "requirements: [part0, part1, part2, part3]\nindex: {{url: \"{}\"}}\nimages:\n{}",
            index.url(),
            Image::machine().yaml()
        ),
    );
    let lock = || {
        let mut lock = world.pannier(["lock", "--upgrade"]);
        lock.env("PANNIER_UV", tool("uv"));
        World::without_index(&mut lock);
        lock
    };
    succeed(lock());
    let whole = sha256(&world.path("project/pylock.toml"));
    let start = Instant::now();
    succeed(lock());
    let usual = start.elapsed();
    let seed = fastrand::u64(..);
    let mut draw = Rng::with_seed(seed);
    for round in 0..kills() / 2 {
        killed(lock(), usual, &mut draw);
        let names = fs::read_dir(world.path("project")).unwrap();
        let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(
            names,
            ["pannier.yml", "pylock.toml"],
            "seed {seed}, round {round}"
        );
        let found = sha256(&world.path("project/pylock.toml"));
        assert_eq!(found, whole, "seed {seed}, round {round}");
    }
}

/// Every file below the folder with its digest; `None` when there is no such folder.
fn tree(folder: &Path) -> Option<Vec<(std::path::PathBuf, String)>> {
    folder.exists().then(|| {
        files(folder)
            .into_iter()
            .map(|path| (path.strip_prefix(folder).unwrap().to_owned(), sha256(&path)))
            .collect()
    })
}

#[test]
#[ignore = "needs PANNIER_E2E_TOOLS and takes a minute"]
fn killed_unpacks_leave_all_or_nothing() {
    let index = index();
    let world = World::new();
    world.write(
        "pannier.yml",
        &format!(
            "requirements: [part3, part5, part7]\nindex: {{url: \"{}\"}}\nimages:\n{}",
            index.url(),
            Image::machine().yaml()
        ),
    );
    let mut first = world.pannier(["prepare"]);
    first.env("PANNIER_UV", tool("uv"));
    World::without_index(&mut first);
    succeed(first);
    let unpack = |to: &str| world.pannier(["unpack", "dist/machine.tar.gz", "--to", to]);
    let start = Instant::now();
    succeed(unpack("whole"));
    let usual = start.elapsed();
    let expected = tree(&world.path("project/whole"));

    let seed = fastrand::u64(..);
    let mut draw = Rng::with_seed(seed);
    for round in 0..kills() / 2 {
        let interrupted = killed(unpack("target"), usual, &mut draw);
        let found = tree(&world.path("project/target"));
        assert!(
            found.is_none() || found == expected,
            "seed {seed}, round {round}"
        );
        assert!(interrupted || found.is_some(), "seed {seed}, round {round}");
        if found.is_some() {
            fs::remove_dir_all(world.path("project/target")).unwrap();
        }
    }
    succeed(unpack("target"));
    assert_eq!(tree(&world.path("project/target")), expected);
    let names = fs::read_dir(world.path("project")).unwrap();
    let mut names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["dist", "pannier.yml", "pylock.toml", "target", "whole"],
        "what killed runs left is swept"
    );
}
