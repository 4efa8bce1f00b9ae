//! SIGINT and SIGTERM end every long command: its children go with it, nothing unfinished stays behind, and the status is the signal's.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pannier_testkit::uv;

/// Far more than the second that an end may take: it only keeps a run that does not end from holding up all tests.
const LIMIT: Duration = Duration::from_secs(60);

struct Place(tempfile::TempDir);

impl Place {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pannier.yml"), config).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path().join("home"))
            .env("TMPDIR", self.path())
            .env("PANNIER_UV", uv::uv().program)
            .env("PANNIER_STORE", self.path().join("store"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Scratch folders of runs, and temporary folders beside the project.
    fn left(&self) -> Vec<String> {
        let names = |folder: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        };
        let mut left = names(&self.path().join("store/tmp"));
        left.extend(names(self.path()));
        left.retain(|name| {
            name.starts_with("run-") || name.starts_with(".tmp") || name.contains(".pannier-")
        });
        left
    }
}

/// Sends a signal and waits for the end; gives the status and what was written to stderr.
fn end(mut child: Child, signal: &str) -> (ExitStatus, String) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let mut stderr = child.stderr.take().unwrap();
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        done.send((child.wait().unwrap(), text)).unwrap();
    });
    wait.recv_timeout(LIMIT).expect("the program ends")
}

/// A server that accepts connections and never answers.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn config(index: &TcpListener, packages: &str) -> String {
    format!(
        "{packages}\nindex: {{url: \"http://{}/simple/\"}}\nimages:\n  builder:\n    python: \"3.11\"\n    platform: x86_64-manylinux_2_28\n    interpreter: /usr/bin/python3\n",
        index.local_addr().unwrap()
    )
}

#[test]
fn a_lock_that_waits_for_an_index_ends() {
    let index = silent();
    let place = Place::new(&config(&index, "requirements: [lib]"));
    for (signal, number) in [("-TERM", 15), ("-INT", 2)] {
        let child = place.command("lock").spawn().unwrap();
        // uv is asking.
        let connection = index.accept().unwrap();
        let (status, said) = end(child, signal);
        assert_eq!(status.signal(), Some(number), "{said}");
        let last = said.lines().last().unwrap_or_default();
        let name = if number == 15 { "SIGTERM" } else { "SIGINT" };
        assert_eq!(last, format!("error: cancelled by {name}"), "{said}");
        assert_eq!(place.left(), [""; 0], "{said}");
        assert!(!place.path().join("pylock.toml").exists());
        // uv is gone, so its end of the connection is closed.
        let mut rest = Vec::new();
        let _ = { connection.0 }.read_to_end(&mut rest);
        while index.set_nonblocking(true).is_ok() && index.accept().is_ok() {}
        index.set_nonblocking(false).unwrap();
    }
}

/// A backend that says that it has begun, starts a child, and never ends.
const BACKEND: &str = r#"
import os, socket, subprocess, sys
def build_wheel(folder, settings=None, metadata=None):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with socket.create_connection(("127.0.0.1", int(open(os.path.join(os.path.dirname(__file__), "port")).read()))) as door:
        door.sendall(f"{os.getpid()} {child.pid}\n".encode())
        door.recv(1)
"#;

#[test]
fn a_build_ends_with_all_that_it_has_started() {
    let (index, door) = (silent(), silent());
    let place = Place::new(&config(&index, "packages: [./lib]"));
    let lib = place.path().join("lib");
    std::fs::create_dir(&lib).unwrap();
    let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n[project]\nname = \"lib\"\nversion = \"1.0\"\ndynamic = [\"dependencies\"]\n";
    let port = door.local_addr().unwrap().port().to_string();
    for (name, text) in [
        ("pyproject.toml", project),
        ("backend.py", BACKEND),
        ("port", &port),
    ] {
        std::fs::write(lib.join(name), text).unwrap();
    }
    let child = place.command("prepare").spawn().unwrap();
    let (mut connection, _) = door.accept().unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let (status, said) = end(child, "-TERM");
    assert_eq!(status.signal(), Some(15), "{said}");
    // The kernel takes its time to end a process that was killed.
    let start = Instant::now();
    for pid in String::from_utf8(line).unwrap().split_whitespace() {
        while !is_gone(pid) {
            assert!(start.elapsed() < LIMIT, "process {pid} still runs: {said}");
            std::thread::yield_now();
        }
    }
    assert_eq!(place.left(), [""; 0], "{said}");
    assert!(!place.path().join("dist").exists());
}

/// Whether a process has ended; one that nobody has waited for yet has, too.
fn is_gone(pid: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let state = stat.rsplit(')').next().unwrap_or_default().trim();
    state.starts_with('Z') || state.starts_with('X')
}

#[test]
fn unpacking_from_a_pipe_ends_and_leaves_no_tree() {
    let place = Place::new("");
    let mut command = place.command("unpack - --to tree");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A member of which only the beginning comes.
    let mut header = tar::Header::new_gnu();
    header.set_size(1 << 20);
    header.set_path("file").unwrap();
    header.set_mode(0o644);
    header.set_cksum();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(header.as_bytes()).unwrap();
    gzip.write_all(&[1; 300_000]).unwrap();
    gzip.flush().unwrap();
    stdin.write_all(gzip.get_ref()).unwrap();
    // The tree has been begun when its scratch folder is there.
    while place.left().is_empty() {
        std::thread::yield_now();
    }
    let (status, said) = end(child, "-INT");
    assert_eq!(status.signal(), Some(2), "{said}");
    assert_eq!(place.left(), [""; 0]);
    assert!(!place.path().join("tree").exists());
}
