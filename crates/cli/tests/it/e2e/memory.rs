//! How much memory `prepare` and `unpack` take where the input is large: what the kernel counts, pages of mapped files included.
//!
//! A wheel of any size is measured by the benchmark; here stands what is hardest to bound, files of git projects, and lists of very
//! many files.

use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;
use pannier_archive::wheel::Record;
use pannier_archive::wheel::RecordRow;
use pannier_archive::zip;
use pannier_base::digest::Digest;

use crate::e2e::image::Image;
use crate::e2e::world::{World, succeed};
use pannier_testkit::git_http::GitServer;
use pannier_testkit::index::{Index, IndexFile};

/// What the README promises with up to 20,000 files, in MiB.
const MOST: f64 = 64.0;

/// The largest file of the git project, in MiB. It may be in memory three times.
const LARGEST: usize = 150;

/// The same with up to 200,000 files.
const MOST_WITH_MANY: f64 = 256.0;

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
fn files_of_git_projects_are_in_memory_three_times_at_most() {
    let server = GitServer::start();
    let repository = server.repository("large");
    repository.git(&["checkout", "-q", "-b", "production"]);
    noise(&repository.work().join("alone.bin"), LARGEST, 1, "");
    // The server sends one of these as a delta to the other.
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
    let most = MOST + 3.0 * LARGEST as f64;
    assert!(preparing <= most, "{preparing:.1} MiB while preparing");
    assert!(unpacking <= MOST, "{unpacking:.1} MiB while unpacking");
}

/// Commits `files` small files with long paths to the branch `production` without a working tree: removing it would take minutes.
fn import(repository: &Path, files: usize) {
    let mut git = Command::new("git");
    git.args(["fast-import", "--quiet"]).current_dir(repository);
    let mut git = git.stdin(Stdio::piped()).spawn().unwrap();
    let mut script = std::io::BufWriter::new(git.stdin.take().unwrap());
    let head =
        "commit refs/heads/production\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\n";
    script.write_all(head.as_bytes()).unwrap();
    for number in 0..files {
        let content = format!("{number},{number}\n");
        writeln!(
            script,
            "M 100644 inline {:03}/table-{number:06}-{:x>50}.csv\ndata {}\n{content}",
            number / 1_000,
            "",
            content.len()
        )
        .unwrap();
    }
    drop(script);
    assert!(git.wait().unwrap().success());
}

/// A wheel of `files` small modules.
fn wheel(files: usize) -> Vec<u8> {
    let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
    let mut record = Record::default();
    let mut add = |path: &str, content: &str| {
        let mut bytes = content.as_bytes();
        let row = RecordRow::of(path, &Digest::of(bytes), bytes.len() as u64);
        record.rows.push(row);
        writer.file(path, false, &mut bytes).unwrap();
    };
    for number in 0..files {
        let path = format!("many/{:03}/module_{number:06}.py", number / 500);
        add(&path, &format!("NUMBER = {number}\n"));
    }
    add(
        "many-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: many\nVersion: 1.0\n",
    );
    add(
        "many-1.0.dist-info/WHEEL",
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    let path = "many-1.0.dist-info/RECORD";
    record.rows.push(RecordRow::bare(path));
    let mut text = record.to_text().into_bytes();
    writer.file(path, false, &mut &text[..]).unwrap();
    let mut file = writer.finish().unwrap();
    text.clear();
    file.rewind().unwrap();
    file.read_to_end(&mut text).unwrap();
    text
}

#[test]
#[ignore = "takes twenty seconds"]
fn lists_of_many_files_are_small() {
    measure_lists(19_900, MOST);
    measure_lists(199_000, MOST_WITH_MANY);
}

/// Prepares, unpacks, inspects and compares a data project and a wheel of so many files, in at most `most` MiB each.
fn measure_lists(files: usize, most: f64) {
    let server = GitServer::start();
    let repository = server.repository("tables");
    repository.git(&["checkout", "-q", "-b", "production"]);
    import(repository.work(), files);
    repository.push(&[]);
    let index = Index::start();
    index.add(IndexFile::new(
        "many",
        "many-1.0-py3-none-any.whl",
        wheel(files),
    ));
    let world = World::new();
    let request = |what: &str| {
        let image = Image::machine().yaml();
        let index = format!("index: {{url: \"{}\"}}\n", index.url());
        world.write("pannier.yml", &format!("{index}{what}\nimages:\n{image}"));
    };
    let tarball = world.tarball(Image::machine().name);
    let tarball = tarball.to_str().unwrap();
    let mut measured = Vec::new();
    let mut measure = |what: &str, arguments: &[&str]| {
        let peak = peak(&world.pannier(arguments));
        let what = format!("{} {what} of {files} files", arguments[0]);
        eprintln!("{what}: {peak:.1} MiB");
        measured.push((what, peak));
    };
    let data = format!("data: [\"git+{}\"]", server.url(&repository));
    for (what, line) in [("data", data.as_str()), ("wheel", "requirements: [many]")] {
        request(line);
        succeed(world.pannier(["lock"]));
        // Empty the first time, warm the second time.
        let prepare = ["prepare", "--locked", "--store", "another"];
        measure(what, &prepare);
        measure(what, &prepare);
        measure(what, &["unpack", tarball, "--to", "tree", "--force"]);
        measure(what, &["inspect", tarball]);
        measure(what, &["diff", tarball, tarball]);
    }
    for (what, peak) in measured {
        assert!(peak <= most, "{what}: {peak:.1} MiB");
    }
}
