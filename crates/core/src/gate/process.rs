//! A child process with an environment of its own, a time limit, and the kept end of its output.
//!
//! Passes on nothing of this process's environment: smoke tests run foreign code.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use pannier_base::cancel::Cancel;
use pannier_base::secret;
use pannier_clients::child;

/// Bytes of the output that are kept, from its end.
const KEPT: u64 = 4 << 10;

/// How a child ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its status; `None` when it was stopped because its time was over.
    pub status: Option<ExitStatus>,
    /// The end of what it wrote to both streams.
    pub said: String,
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// How it ended, for people: `exit code 2: last line`.
    pub(super) fn shown(&self, limit: Duration) -> String {
        let how = match self.status {
            None => format!("it was stopped after {} s", limit.as_secs()),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("it was killed by signal {signal}"),
                (None, None) => "it ended for an unknown reason".to_owned(),
            },
        };
        match self.said.trim().lines().last() {
            Some(last) => format!("{how}: {}", last.trim()),
            None => how,
        }
    }
}

/// Runs a command in a process group of its own, without input, and stops all of the group when the time is over or the run is
/// cancelled.
pub(super) fn run(mut command: Command, limit: Duration, cancel: &Cancel) -> io::Result<Ended> {
    let mut output = tempfile::tempfile()?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?);
    let (mut child, _hook) = child::start(&mut command, cancel)?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (ended, wait) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more only when this process itself ends.
        let _ = ended.send(child.wait());
    });
    let status = match wait.recv_timeout(limit) {
        Ok(status) => Some(status?),
        Err(_) => {
            if let Some(group) = group {
                // One that ended just now is as good as stopped.
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = wait.recv();
            None
        }
    };
    Ok(Ended {
        status,
        said: end_of(&mut output)?,
    })
}

fn end_of(file: &mut File) -> io::Result<String> {
    let known = secret::known();
    // A secret of which only the end would be kept is found by its beginning.
    let read = KEPT + known.reach() as u64;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(read)))?;
    let mut bytes = Vec::new();
    file.take(read).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(secret::scrub(&known.hide_end(&text, KEPT as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, limit, &Cancel::default()).unwrap()
    }

    #[test]
    fn a_child_ends_by_itself_or_is_stopped_with_its_children() {
        let long = Duration::from_secs(60);
        assert!(sh("true", long).succeeded());
        let failed = sh("echo one; echo two >&2; exit 3", long);
        assert_eq!(failed.shown(long), "exit code 3: two");
        assert_eq!(
            sh("kill -9 $$", long).shown(long),
            "it was killed by signal 9"
        );
        // The shell waits for a child that would outlive the test.
        let stopped = sh("echo start; sleep 1000 & wait", Duration::from_millis(300));
        assert!(stopped.status.is_none());
        assert_eq!(
            stopped.shown(Duration::from_secs(1)),
            "it was stopped after 1 s: start"
        );
    }

    #[test]
    fn a_secret_whose_end_would_be_kept_is_hidden() {
        secret::know("of/the-child-tests");
        let long = Duration::from_secs(60);
        for form in ["of/the-child-tests", "of%2Fthe-child-tests"] {
            for before in 0..form.len() {
                let rest = KEPT as usize - before;
                let ended = sh(
                    &format!("printf '%s' xxx{form}; yes '' | tr '\\n' . | head -c {rest}"),
                    long,
                );
                let shown = ended.said.trim_start_matches('.');
                assert!(shown.is_empty() || shown == "****", "{before}: {shown}");
            }
        }
        assert_eq!(
            sh("echo a of/the-child-tests", long).shown(long),
            "exit code 0: a ****"
        );
    }

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let ended = sh("yes | head -c 100000; echo last", Duration::from_secs(60));
        assert_eq!(ended.said.len() as u64, KEPT);
        assert!(ended.said.ends_with("last\n"));
    }
}
