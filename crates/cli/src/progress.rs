//! How events look: bars on a terminal, plain lines with the time that has passed in logs, GitLab's collapsible sections
//! where the log is GitLab's, nothing but warnings with `-q`.
//!
//! Everything goes to stderr: stdout is for results.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::report::{indent, render};
use pannier_base::event::{Event, Reporter, Stage};
use pannier_base::secret::{scrub, scrub_values};
use pannier_base::visible;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings alone.
    Quiet,
    /// Stages and steps.
    Normal,
    /// Details too.
    Verbose,
}

/// Where events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A person watches a terminal.
    Terminal,
    /// A log that is read later.
    Log,
    /// A log of a GitLab job: stages are collapsible sections.
    GitLab,
}

/// Shows events.
pub struct Progress {
    verbosity: Verbosity,
    scene: Scene,
    started: Instant,
    bars: MultiProgress,
    open: Mutex<HashMap<Stage, Open>>,
}

/// A stage that is under way.
struct Open {
    bar: Option<ProgressBar>,
    since: Instant,
    steps: u64,
    section: String,
    bytes: u64,
}

const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

impl Progress {
    /// Shows events in `scene`, as much as `verbosity` says.
    #[must_use]
    pub fn new(scene: Scene, verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            scene,
            started: Instant::now(),
            bars: MultiProgress::new(),
            open: Mutex::default(),
        }
    }

    /// Whether warnings alone are shown.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    fn line(&self, text: &str) {
        let show = || {
            // A closed stderr is no reason to fail.
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        };
        if self.scene == Scene::Terminal {
            self.bars.suspend(show);
        } else {
            show();
        }
    }

    /// `[  1.2s]`, for logs; a terminal needs no times.
    fn stamp(&self) -> String {
        if self.scene == Scene::Terminal {
            return String::new();
        }
        let passed = self.started.elapsed().as_secs_f64();
        format!("{DIM}[{passed:6.1}s]{DIM:#} ")
    }

    fn start(&self, stage: Stage, total: Option<u64>) {
        if total == Some(0) {
            return;
        }
        let bar = (self.scene == Scene::Terminal).then(|| {
            let bar = self
                .bars
                .add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
            bar.set_style(bar_style(total.is_some()));
            bar.set_prefix(title(stage));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let section = format!("pannier_{}_{}", key(stage), std::process::id());
        let mut open = self.lock();
        if self.scene == Scene::GitLab {
            // https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
            let now = unix_time();
            self.line(&format!(
                "\x1b[0Ksection_start:{now}:{section}[collapsed=true]\r\x1b[0K{CYAN}{}{CYAN:#}",
                title(stage)
            ));
        } else if self.scene == Scene::Log {
            self.line(&format!("{}{CYAN}{}{CYAN:#}", self.stamp(), title(stage)));
        }
        open.insert(
            stage,
            Open {
                bar,
                since: Instant::now(),
                steps: 0,
                section,
                bytes: 0,
            },
        );
    }

    fn step(&self, stage: Stage, text: &str) {
        let mut open = self.lock();
        if let Some(open) = open.get_mut(&stage) {
            open.steps += 1;
            if let Some(bar) = &open.bar {
                bar.inc(1);
                bar.set_message(text.to_owned());
                return;
            }
        }
        drop(open);
        self.line(&format!("{}  {text}", self.stamp()));
    }

    fn finish(&self, stage: Stage) {
        let Some(open) = self.lock().remove(&stage) else {
            return;
        };
        if let Some(bar) = &open.bar {
            bar.finish_and_clear();
        }
        let took = open.since.elapsed().as_secs_f64();
        let downloaded = match open.bytes {
            0 => String::new(),
            bytes => format!(", {} downloaded", super::table::bytes(bytes)),
        };
        let summary = format!("{} in {took:.1}s{downloaded}", done(stage, open.steps));
        if self.scene == Scene::GitLab {
            let now = unix_time();
            self.line(&format!(
                "\x1b[0Ksection_end:{now}:{}\r\x1b[0K{summary}",
                open.section
            ));
        } else {
            self.line(&format!("{}{summary}", self.stamp()));
        }
    }

    fn downloaded(&self, bytes: u64) {
        let mut open = self.lock();
        for open in open.values_mut() {
            open.bytes += bytes;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Stage, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Progress {
    fn report(&self, event: Event) {
        match scrubbed(event) {
            Event::Warning { message, hint } => {
                let message = indent(&message, "  ");
                self.line(&format!("{YELLOW}warning{YELLOW:#}: {message}"));
                if let Some(hint) = hint {
                    let hint = indent(&hint, "    ");
                    self.line(&format!("  {CYAN}help{CYAN:#}: {hint}"));
                }
            }
            Event::Note { text } => self.line(&visible::lines(&text)),
            Event::Audit { line } => self.line(&visible::json(&line)),
            Event::Failed { problem } => self.line(render(&problem).trim_end()),
            Event::Locked { summary } => self.line(visible::lines(&summary).trim_end()),
            _ if self.verbosity == Verbosity::Quiet => {}
            Event::Detail { message } if self.verbosity == Verbosity::Verbose => {
                let message = indent(&message, "    ");
                self.line(&format!("{}{DIM}  {message}{DIM:#}", self.stamp()));
            }
            Event::Detail { .. } => {}
            Event::StageStarted { stage, total } => self.start(stage, total),
            Event::Step { stage, text } => self.step(stage, &visible::line(&text)),
            Event::StageFinished { stage } => self.finish(stage),
            Event::Downloaded { bytes } => self.downloaded(bytes),
        }
    }
}

/// The event without secrets in its texts.
fn scrubbed(event: Event) -> Event {
    match event {
        Event::Warning { message, hint } => Event::Warning {
            message: scrub(&message),
            hint: hint.as_deref().map(scrub),
        },
        Event::Note { text } => Event::Note {
            text: scrub_values(&text),
        },
        Event::Audit { line } => Event::Audit {
            line: scrub_values(&line),
        },
        Event::Detail { message } => Event::Detail {
            message: scrub(&message),
        },
        Event::Locked { summary } => Event::Locked {
            summary: scrub_values(&summary),
        },
        Event::Step { stage, text } => Event::Step {
            stage,
            text: scrub(&text),
        },
        // The texts of a failure are scrubbed where they are rendered.
        other => other,
    }
}

fn bar_style(counted: bool) -> ProgressStyle {
    let template = if counted {
        "{prefix:>20.cyan} [{bar:30}] {pos}/{len} {wide_msg}"
    } else {
        "{prefix:>20.cyan} {spinner} {wide_msg}"
    };
    // The templates are constants of this file.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

const fn key(stage: Stage) -> &'static str {
    match stage {
        Stage::Revisions => "revisions",
        Stage::Build => "build",
        Stage::Resolve => "resolve",
        Stage::Fetch => "fetch",
        Stage::Compile => "compile",
        Stage::Assemble => "assemble",
        Stage::Blame => "blame",
        Stage::Smoke => "smoke",
    }
}

const fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Revisions => "Finding commits",
        Stage::Build => "Building packages",
        Stage::Resolve => "Choosing versions",
        Stage::Fetch => "Filling the store",
        Stage::Compile => "Compiling bytecode",
        Stage::Assemble => "Writing tarballs",
        Stage::Blame => "Searching for the bump to blame",
        Stage::Smoke => "Testing the tarballs",
    }
}

fn done(stage: Stage, steps: u64) -> String {
    let plural = |one: &str, many: &str| match steps {
        1 => format!("1 {one}"),
        _ => format!("{steps} {many}"),
    };
    match stage {
        Stage::Revisions => format!("Found {}", plural("commit", "commits")),
        Stage::Build => format!("Built {}", plural("package", "packages")),
        Stage::Resolve => "Chose versions".to_owned(),
        Stage::Fetch => format!("Took in {}", plural("file", "files")),
        Stage::Compile => format!("Compiled {}", plural("wheel", "wheels")),
        Stage::Assemble => format!("Wrote {}", plural("tarball", "tarballs")),
        Stage::Blame => format!("Looked at {}", plural("resolution", "resolutions")),
        Stage::Smoke => format!("Tried {}", plural("thing", "things")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_keeps_a_secret() {
        pannier_base::secret::know("of-the/progress tests");
        let text = || "a of-the%2Fprogress+tests b https://u:pw@h".to_owned();
        let clean = "a **** b https://****@h";
        let stage = Stage::Build;
        let warning = |message: String, hint| Event::Warning { message, hint };
        assert_eq!(
            scrubbed(warning(text(), Some(text()))),
            warning(clean.to_owned(), Some(clean.to_owned()))
        );
        assert_eq!(
            scrubbed(Event::Detail { message: text() }),
            Event::Detail {
                message: clean.to_owned()
            }
        );
        assert_eq!(
            scrubbed(Event::Step {
                stage,
                text: text()
            }),
            Event::Step {
                stage,
                text: clean.to_owned()
            }
        );
    }
}
