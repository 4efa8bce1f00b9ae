//! Runs uv once: exact environment, captured output, uv's own explanation kept when it fails.
//!
//! Refuses to show more than the explanation: no progress, no warnings about this machine's Pythons, no credentials.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Relay, Surroundings, Uv, UvError};
use crate::child;
use pannier_base::secret::scrub;

/// Most lines of a failure that are kept; build backends can be long, and their end says why.
const KEPT_LINES: usize = 60;

/// Longest part of a line that is kept, in bytes; a server can make uv repeat a whole page.
const KEPT_LINE: usize = 4096;

/// What is kept of what uv said before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// Only the explanation.
    Dropped,
    /// What came before it too: the words of a build backend.
    Kept,
}

/// One call of uv.
pub(super) struct Call<'a> {
    /// What it is to do, for messages: `resolve the requirements`.
    pub task: &'a str,
    /// Arguments; never an index URL.
    pub arguments: Vec<OsString>,
    /// Folder to run in.
    pub folder: &'a Path,
    /// Variables over those of the surroundings.
    pub extra: BTreeMap<&'static str, String>,
    /// What is kept when it fails.
    pub log: Log,
}

impl Uv {
    /// Runs uv and gives its standard output.
    pub(super) fn call(&self, call: Call<'_>, around: &Surroundings) -> Result<String, UvError> {
        let mut environment = around.child_environment()?;
        if around.hides_own_index() {
            // Only uv knows its own index, which it cannot reach: the way there needs the proxy's password.
            let folder =
                tempfile::tempdir().map_err(UvError::file("written", &std::env::temp_dir()))?;
            if let Some(url) = self.default_index(folder.path(), around)? {
                environment.insert("UV_DEFAULT_INDEX".to_owned(), around.index_url(&url)?);
            }
        }
        self.run(call, around, environment)
    }

    /// Runs uv in an environment that is complete but for what the call adds.
    pub(super) fn run(
        &self,
        call: Call<'_>,
        around: &Surroundings,
        environment: BTreeMap<String, String>,
    ) -> Result<String, UvError> {
        let mut command = Command::new(&self.program);
        command
            .args(&call.arguments)
            .current_dir(call.folder)
            .env_clear()
            .envs(environment)
            .envs(&call.extra)
            .stdin(Stdio::null());
        let output = child::output(&mut command, around.variables.cancel()).map_err(|source| {
            UvError::Start {
                program: self.program.clone(),
                source,
            }
        })?;
        // uv knows the status of a server's answer, and not whose credentials were sent.
        let problem = around.relay.as_ref().and_then(Relay::problem);
        if output.status.success() {
            return Ok(around.restored(&String::from_utf8_lossy(&output.stdout)));
        }
        let said = around.restored(&String::from_utf8_lossy(&output.stderr));
        let explanation = match explanation(&said, call.log) {
            text if text.is_empty() => format!("it ended with {}", output.status),
            text => text,
        };
        let mut error = UvError::Failed {
            task: call.task.to_owned(),
            explanation,
        };
        // A request that failed once and was repeated explains nothing.
        let explains = error.was_kept_from_looking();
        if let (UvError::Failed { explanation, .. }, Some(problem)) = (&mut error, problem)
            && explains
        {
            explanation.push('\n');
            explanation.push_str(&problem);
        }
        Err(error)
    }
}

/// uv's explanation: from its first `error:` on, without the hint about the Python that happens to be active here,
/// without credentials, and no longer than people read.
fn explanation(said: &str, log: Log) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    let start = match log {
        Log::Kept => None,
        Log::Dropped => lines.iter().position(|line| line.starts_with("error")),
    };
    let start = start.unwrap_or(0);
    let kept: Vec<&str> = lines[start..]
        .iter()
        .copied()
        .filter(|line| !line.starts_with("hint: While the active Python version is"))
        .collect();
    let text = match kept.len().checked_sub(KEPT_LINES) {
        None | Some(0) => kept.join("\n"),
        Some(cut) => format!(
            "{}\n… ({cut} lines omitted)\n{}",
            kept[0],
            kept[cut + 1..].join("\n")
        ),
    };
    let text = scrub(text.trim());
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim();
    // Only now: half a secret would not have been found.
    let lines: Vec<String> = text.lines().map(shortened).collect();
    lines.join("\n")
}

fn shortened(line: &str) -> String {
    let mut kept = line.len().min(KEPT_LINE);
    while !line.is_char_boundary(kept) {
        kept -= 1;
    }
    match line.len() - kept {
        0 => line.to_owned(),
        cut => format!("{} … ({cut} bytes omitted)", &line[..kept]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Relay;
    use super::*;
    use crate::child::ChildEnvironment;

    #[test]
    fn the_chain_is_kept_and_the_noise_is_not() {
        let said = "warning: The requested Python version 3.9 is not available\nerror: No solution found\n  \
                    cause: Because b==1 depends on a>2 and you require a<2, no.\n\nhint: While the active Python version is 3.11, …\n";
        let text = explanation(said, Log::Dropped);
        assert_eq!(
            text,
            "No solution found\n  cause: Because b==1 depends on a>2 and you require a<2, no."
        );
    }

    /// Where only the proxy's password is missing, uv's own index is asked through the relay.
    #[test]
    fn uvs_own_index_is_reached_behind_a_proxy_with_a_password() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("uv");
        let text = "#!/bin/sh\necho \"--index-url https://own.example.org/simple\"\necho \"$UV_DEFAULT_INDEX\"\n";
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let version = "0".to_owned();
        let uv = Uv { program, version };
        for (proxy, told) in [
            (
                "http://u:p@proxy.example.org",
                "https://own.example.org/simple",
            ),
            ("http://proxy.example.org", ""),
        ] {
            let variables = [("HTTPS_PROXY".to_owned(), proxy.to_owned())].into();
            let client = crate::http::Client::new(crate::http::Credentials::default());
            let around = Surroundings {
                variables: ChildEnvironment::new(&variables, &[]),
                relay: Some(Relay::new(client, folder.path().join("relay"))),
                ..Surroundings::default()
            };
            let call = Call {
                task: "say something",
                arguments: Vec::new(),
                folder: folder.path(),
                extra: BTreeMap::new(),
                log: Log::Dropped,
            };
            let said = uv.call(call, &around).unwrap();
            assert_eq!(said.lines().last().unwrap_or_default(), told);
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let text = explanation(
            "error: Failed to fetch: `https://u:tok@example.org/simple/a/`",
            Log::Dropped,
        );
        assert_eq!(
            text,
            "Failed to fetch: `https://****@example.org/simple/a/`"
        );
    }

    #[test]
    fn a_long_line_is_cut_and_no_secret_with_it() {
        pannier_base::secret::know("of-the-uv-run-tests");
        for before in [4080, 4085, 4095] {
            let line = format!(
                "{}of-the-uv-run-tests{}",
                "x".repeat(before),
                "é".repeat(9000)
            );
            let text = explanation(&format!("error: a\n{line}\nlast"), Log::Dropped);
            assert!(!text.contains("of-the"), "{text}");
            assert!(text.ends_with("bytes omitted)\nlast"), "{text}");
            assert!(text.len() < 5000);
        }
    }

    #[test]
    fn a_backends_end_is_what_stays_of_a_flood() {
        let flood: String = (0..500).map(|n| format!("line {n}\n")).collect();
        let text = explanation(&format!("error: build failed\n{flood}"), Log::Kept);
        assert!(
            text.starts_with("build failed\n…") && text.ends_with("line 499"),
            "{text}"
        );
        assert!(text.lines().count() <= 62);
    }
}
