//! The GitLab that is started by hand: every command of its walk-through is run as it is printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::e2e::world::binary;

/// The example, beside the folder of this test's program.
fn example() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here
        .parent()
        .unwrap()
        .with_file_name("examples")
        .join("gitlab");
    assert!(
        path.is_file(),
        "`cargo build --example gitlab` makes {}",
        path.display()
    );
    path
}

/// The commands of a walk-through: its indented lines below the first `export`, continued ones joined.
fn commands(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("  export"));
    let indented = lines.filter_map(|line| line.strip_prefix("  "));
    let joined = indented.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined.lines().map(str::to_owned).collect()
}

/// The running example; it goes with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
#[ignore = "needs curl, a built example and a built pannier"]
fn its_walk_through_is_true() {
    let mut command = Command::new(example());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let child = &mut running.0;
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap).filter(|line| !line.is_empty());
    let mut text = String::new();
    while !text.contains("Interrupt") {
        text += &(lines.next().unwrap() + "\n");
    }
    let commands = commands(&text);
    assert!(commands.len() > 12, "{text}");
    let mut script = String::from("set -u\n");
    for command in &commands {
        let expected = if command.contains("# refused") {
            "&&"
        } else {
            "||"
        };
        let (bare, _) = command.split_once("  #").unwrap_or((command, ""));
        let shown = bare.replace('\'', "'\\''");
        script += &format!("{{ {bare}; }} {expected} {{ echo 'not as said: {shown}'; exit 1; }}\n");
    }
    let folder = TempDir::new().unwrap();
    let program = binary();
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut shell = Command::new("sh")
        .args([
            "-c",
            &script.replace("curl ", "curl --fail --silent --show-error --noproxy '*' "),
        ])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("PANNIER_STORE", folder.path().join("store"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("CI")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = shell.stdout.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        output.read_to_string(&mut said).map(|_| said)
    });
    let mut errors = String::new();
    for line in BufReader::new(shell.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        // Enter plays the runner: the deployment that the guard waits for ends.
        if line.contains("waits for 1 conflicting pipeline") {
            child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
            assert!(lines.next().unwrap().contains("has deployed"));
        }
        errors += &(line + "\n");
    }
    let said = said.join().unwrap().unwrap();
    assert!(shell.wait().unwrap().success(), "{said}\n{errors}");
    assert!(
        said.contains("deploying\nproduction: oldest_first"),
        "{said}"
    );
    assert!(
        errors.contains("You are not allowed to push code to protected branches"),
        "{errors}"
    );

    // And Enter again: the next one starts.
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert!(lines.next().unwrap().contains("is deploying"));
    interrupt(child);
    assert!(lines.next().unwrap().contains("forgotten"));
    assert!(child.wait().unwrap().success());
}
