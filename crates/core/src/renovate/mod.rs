//! Renovate's configuration for a repository that holds constraints: printing one, and checking one that is there.
//!
//! The flow: Renovate raises pins of `constraints.txt` at weekends, runs the converter in the same branch, and leaves the
//! verdict to `pannier gate`. Pure: text and values in, text and findings out. Refuses to know versions or to ask an index.
//!
//! The options are those of Renovate's own reference (<https://docs.renovatebot.com/configuration-options/>).

mod check;
mod config;
mod ties;

pub use check::{Checked, Finding, ReadError, Rule, check};
pub use config::render;
pub use ties::{Group, Needs, groups};

/// What the configuration is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Path of the constraints in the repository, `/`-separated.
    pub constraints: String,
    /// Path of what `pannier constraints convert` writes from them.
    pub converted: String,
    /// Name of the team's time zone in the IANA database, such as `Europe/Berlin`.
    pub timezone: String,
    /// Files that pin the uv that Pannier runs, in addition to the usual ones.
    pub uv_pins: Vec<String>,
    /// Packages that only resolve together; empty without a lock.
    pub groups: Vec<Group>,
}

/// Where constraints are searched by default.
pub const CONSTRAINTS: &str = "constraints/constraints.txt";

impl Flow {
    /// Where the converter writes by default: next to the constraints, with the extension `.yml`.
    #[must_use]
    pub fn converted_beside(constraints: &str) -> String {
        let stem = constraints.strip_suffix(".txt").unwrap_or(constraints);
        format!("{stem}.yml")
    }

    /// The command that Renovate runs after it has changed the constraints.
    #[must_use]
    pub fn command(&self) -> String {
        let mut command = "pannier constraints convert".to_owned();
        let default = Self::converted_beside(&self.constraints);
        if self.constraints != CONSTRAINTS || self.converted != default {
            command += &format!(" {}", quoted(&self.constraints));
        }
        if self.converted != default {
            command += &format!(" -o {}", quoted(&self.converted));
        }
        command
    }

    /// The line that the administrator of a self-hosted Renovate has to add to its own configuration: exactly this command
    /// and no other.
    #[must_use]
    pub fn allowed_commands(&self) -> String {
        let expression = format!("^{}$", fancy_regex::escape(&self.command()));
        format!("\"allowedCommands\": [{}]", serde_json::json!(expression))
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+@%".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
