//! Becoming another program: the command that was guarded, or this one without the token on its command line.
//!
//! The process is replaced, not accompanied: signals and exit code are the command's own, and nobody stands in between.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use miette::Diagnostic;

use super::super::report::{self, Failure};
use super::options::{Access, HANDED_ON, HIDDEN};

/// A token is longer than this; what is shorter might be part of anything.
const SHORT: usize = 8;

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("`{name}` cannot be run")]
#[diagnostic(help("the guard passed; check the name of the command, PATH and its permissions"))]
struct CannotRun {
    name: String,
    #[source]
    source: std::io::Error,
}

/// Becomes the command; without one there is nothing to do. Comes back only when it cannot be run: with 127 when there is no
/// such command and 126 otherwise, as a shell does.
pub(super) fn run(command: &[OsString]) -> Result<ExitCode, Failure> {
    let Some((name, arguments)) = command.split_first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let source = Command::new(name)
        .args(arguments)
        .env_remove(HANDED_ON)
        .exec();
    let code = match source.kind() {
        ErrorKind::NotFound => 127,
        _ => 126,
    };
    let name = name.to_string_lossy().into_owned();
    report::show(&CannotRun { name, source });
    Ok(ExitCode::from(code))
}

/// A command line is shown to everybody on the machine. When a token stands on it, the program starts itself anew with the
/// token in its environment, which only its user can read. When that does not work, it goes on as it is.
pub(super) fn hide_token(access: &Access) {
    let Some(token) = access.token.as_deref() else {
        return;
    };
    if token.len() < SHORT || token == HIDDEN {
        return;
    }
    let mut arguments = env::args_os();
    let (Some(called), Ok(program)) = (arguments.next(), env::current_exe()) else {
        return;
    };
    let shown = hidden(arguments, token);
    let _ = Command::new(program)
        .arg0(called)
        .args(shown)
        .env(HANDED_ON, token)
        .exec();
}

/// The arguments with the token replaced, wherever an option holds it. The command behind `--` is not touched.
fn hidden(arguments: impl Iterator<Item = OsString>, token: &str) -> Vec<OsString> {
    let mut command = false;
    let hide = |argument: &OsStr| {
        let head = argument.as_bytes().strip_suffix(token.as_bytes())?;
        let is_option = head.is_empty() || head.starts_with(b"-");
        is_option.then(|| OsString::from_vec([head, HIDDEN.as_bytes()].concat()))
    };
    arguments
        .map(|argument| {
            command |= argument == "--";
            match command {
                true => argument,
                false => hide(&argument).unwrap_or(argument),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hidden_in_all_its_spellings() {
        let shown = |line: &str| {
            let arguments = line.split(' ').map(OsString::from);
            let shown = hidden(arguments, "glpat-secret");
            shown.join(OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(shown("guard -t glpat-secret -x"), "guard -t [hidden] -x");
        assert_eq!(
            shown("--api-token=glpat-secret -xtglpat-secret"),
            "--api-token=[hidden] -xt[hidden]"
        );
        assert_eq!(
            shown("-c^main$ -- echo glpat-secret"),
            "-c^main$ -- echo glpat-secret"
        );
    }
}
