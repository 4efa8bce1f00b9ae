//! What the core reports while it works: plain values that the shell turns into bars, timed lines or nothing.
//!
//! Refuses to print, to know the time or to decide how anything looks.

use crate::problem::Problem;

/// A stage of the work that people wait for; shown as a bar on a terminal and as a section in a GitLab log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Branches and tags become commits.
    Revisions,
    /// Git packages and folders become wheels.
    Build,
    /// Versions are chosen for all images.
    Resolve,
    /// Wheels and data come into the store.
    Fetch,
    /// Modules become bytecode.
    Compile,
    /// Tarballs are written.
    Assemble,
    /// Changes are resolved apart, to find those to blame.
    Blame,
    /// What was packed is tried.
    Smoke,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A stage begins; `total` is its number of steps where it is known.
    StageStarted {
        /// Which stage.
        stage: Stage,
        /// Number of steps, if known.
        total: Option<u64>,
    },
    /// One step of a stage is done; `text` says which thing it was, such as `numpy 2.4.1`.
    Step {
        /// Which stage.
        stage: Stage,
        /// The thing that is done, for people.
        text: String,
    },
    /// A stage is over.
    StageFinished {
        /// Which stage.
        stage: Stage,
    },
    /// Bytes have arrived from the network.
    Downloaded {
        /// How many more.
        bytes: u64,
    },
    /// Something that a person should know although the work goes on.
    Warning {
        /// What, on which thing, why.
        message: String,
        /// What fixes it: a command or a setting.
        hint: Option<String>,
    },
    /// Something to read next to the result, even when only warnings are shown.
    Note {
        /// The lines to show.
        text: String,
    },
    /// A record of the audit log.
    Audit {
        /// One line of JSON.
        line: String,
    },
    /// A lock was written, or one with overrides is used; more follows.
    Locked {
        /// What changed in it, for people.
        summary: String,
    },
    /// What was asked for failed, and something else is tried in its place.
    Failed {
        /// The failure.
        problem: Problem,
    },
    /// A detail for debugging (`-v`).
    Detail {
        /// The line to show.
        message: String,
    },
}

/// Takes events. Called from several threads at once, so it must not block for long.
pub trait Reporter: Sync {
    /// Takes one event.
    fn report(&self, event: Event);

    /// Reports a warning with an optional hint.
    fn warn(&self, message: String, hint: Option<String>) {
        self.report(Event::Warning { message, hint });
    }

    /// Reports something to read next to the result.
    fn note(&self, text: String) {
        self.report(Event::Note { text });
    }

    /// Reports a detail.
    fn detail(&self, message: String) {
        self.report(Event::Detail { message });
    }

    /// Reports that one step of `stage` is done.
    fn step(&self, stage: Stage, text: String) {
        self.report(Event::Step { stage, text });
    }
}

/// A reporter that keeps silent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: Event) {}
}

/// A stage that is under way: reports its start when made and its end when dropped.
pub struct StageGuard<'a> {
    reporter: &'a dyn Reporter,
    stage: Stage,
}

impl<'a> StageGuard<'a> {
    /// Starts `stage`.
    #[must_use]
    pub fn start(reporter: &'a dyn Reporter, stage: Stage, total: Option<u64>) -> Self {
        reporter.report(Event::StageStarted { stage, total });
        Self { reporter, stage }
    }

    /// Reports one step of this stage.
    pub fn step(&self, text: impl Into<String>) {
        self.reporter.step(self.stage, text.into());
    }
}

impl Drop for StageGuard<'_> {
    fn drop(&mut self) {
        self.reporter
            .report(Event::StageFinished { stage: self.stage });
    }
}
