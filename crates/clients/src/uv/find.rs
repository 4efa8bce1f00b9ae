//! Finding a uv that is new enough: named, on PATH, in the store, or fetched into the store.
//!
//! Refuses to take a uv that is older than what Pannier's flags need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pep440_rs::Version;

use super::fetch;
use super::finder::Finder;
use super::version::{MINIMUM_VERSION, PINNED_VERSION};
use super::{Uv, UvError};
use crate::child;

impl Finder<'_> {
    /// The first uv that answers and is new enough.
    ///
    /// # Errors
    /// [`UvError::Named`] when the named one is of no use, [`UvError::NotFound`] when there is none at all.
    pub fn find(&self) -> Result<Uv, UvError> {
        if let Some(program) = self.named {
            return self.ask(program).map_err(|problem| UvError::Named {
                program: program.to_owned(),
                problem,
            });
        }
        let mut tried = Vec::new();
        for folder in self.path.iter().filter(|folder| folder.is_absolute()) {
            let program = folder.join("uv");
            if !program.is_file() {
                continue;
            }
            match self.ask(&program) {
                Ok(uv) => return Ok(self.found(uv)),
                Err(problem) => tried.push(format!("`{}` {problem}", program.display())),
            }
        }
        if tried.is_empty() {
            tried.push("none is on PATH".to_owned());
        }
        let program = kept_in(self.store);
        if program.is_file() {
            match self.ask(&program) {
                Ok(uv) => return Ok(self.found(uv)),
                Err(problem) => tried.push(format!("`{}` {problem}", program.display())),
            }
        }
        let fetched = fetch::fetch(&program, self).map_err(|why| UvError::NotFound {
            tried: {
                tried.push(format!("uv {PINNED_VERSION} could not be downloaded"));
                tried.clone()
            },
            source: Some(Box::new(why)),
        });
        fetched.and_then(|()| {
            self.ask(&program)
                .map(|uv| self.found(uv))
                .map_err(|problem| {
                    tried.push(format!("`{}` (just fetched) {problem}", program.display()));
                    UvError::NotFound {
                        tried,
                        source: None,
                    }
                })
        })
    }

    fn found(&self, uv: Uv) -> Uv {
        self.reporter
            .detail(format!("uv {} is `{}`", uv.version, uv.program.display()));
        uv
    }

    /// Asks a program for its version.
    fn ask(&self, program: &Path) -> Result<Uv, String> {
        let mut command = Command::new(program);
        command
            .arg("--version")
            .env_clear()
            .envs(self.around.variables.variables())
            .stdin(Stdio::null());
        let output = child::output(&mut command, self.around.variables.cancel())
            .map_err(|why| format!("cannot be started ({why})"))?;
        if !output.status.success() {
            return Err(format!(
                "exited with {} when asked for its version",
                output.status
            ));
        }
        let version = version(&String::from_utf8_lossy(&output.stdout))?;
        Ok(Uv {
            program: program.to_owned(),
            version,
        })
    }
}

/// Where the fetched uv lies in a store.
fn kept_in(store: &Path) -> PathBuf {
    store.join("uv").join(PINNED_VERSION).join("uv")
}

/// The version in `uv 0.13.9 (x86_64-unknown-linux-gnu)`, if it is new enough.
fn version(said: &str) -> Result<String, String> {
    let mut words = said.split_whitespace();
    let found = match (words.next(), words.next()) {
        (Some("uv"), Some(version)) => version.parse::<Version>().ok(),
        _ => None,
    };
    let found = found.ok_or_else(|| "does not print a version like uv".to_owned())?;
    let minimum: Version = MINIMUM_VERSION.parse().expect("the constant is a version");
    match found >= minimum {
        true => Ok(found.to_string()),
        false => Err(format!(
            "is version {found}, which is older than {MINIMUM_VERSION}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_versions() {
        assert_eq!(
            version("uv 0.13.9 (x86_64-unknown-linux-gnu)\n"),
            Ok("0.13.9".to_owned())
        );
        assert_eq!(version("uv 0.10.0"), Ok("0.10.0".to_owned()));
        assert!(version("uv 0.8.24").unwrap_err().contains("older than"));
        assert!(
            version("uvicorn 1.0")
                .unwrap_err()
                .contains("does not print a version")
        );
        assert!(version("").is_err());
    }
}
