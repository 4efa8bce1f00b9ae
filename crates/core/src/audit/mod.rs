//! The audit log: one record for each push to a production branch and for each change of the release log.
//!
//! A [`Sink`] keeps the records: the log of the run, a file, or what a server has. Records hold no credentials.

mod file;
mod record;

use pannier_base::event::{Event, Reporter};
use pannier_base::secret::scrub_values;

pub use file::FileSink;
pub use record::{LogChange, Push, Record, utc};

/// Keeps audit records. Called after the fact: a failure is reported, and undoes nothing.
pub trait Sink: Sync {
    /// Keeps one record.
    ///
    /// # Errors
    /// [`SinkError`] when it could not be kept.
    fn write(&self, record: &Record) -> Result<(), SinkError>;
}

/// A record could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sink} cannot be written: {reason}")]
pub struct SinkError {
    /// What could not be written, such as `the audit file`.
    pub sink: String,
    /// Why not.
    pub reason: String,
}

/// All sinks of a run. The run's own log is always one of them.
#[derive(Clone)]
pub struct AuditLog<'a> {
    reporter: &'a dyn Reporter,
    sinks: Vec<&'a dyn Sink>,
}

impl<'a> AuditLog<'a> {
    /// Writes to the log of the run only.
    #[must_use]
    pub const fn new(reporter: &'a dyn Reporter) -> Self {
        Self {
            reporter,
            sinks: Vec::new(),
        }
    }

    /// Writes to `sink` as well.
    #[must_use]
    pub fn with(mut self, sink: Option<&'a dyn Sink>) -> Self {
        self.sinks.extend(sink);
        self
    }

    /// Writes a record to all sinks. A sink that fails is a warning: what the record is about has happened already.
    pub fn write(&self, record: &Record) {
        let line = line(record);
        self.reporter.report(Event::Audit { line });
        for sink in &self.sinks {
            if let Err(error) = sink.write(record) {
                self.reporter.warn(error.to_string(), None);
            }
        }
    }
}

/// A record as one line of JSON without known secrets.
#[must_use]
pub fn line(record: &Record) -> String {
    let line = serde_json::to_string(record).expect("a record is plain data with texts as keys");
    // The push has happened: a line with a gap says more than none.
    scrub_values(&line)
}
