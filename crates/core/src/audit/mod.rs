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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Events(Mutex<Vec<Event>>);

    impl Reporter for Events {
        fn report(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    struct Broken;

    impl Sink for Broken {
        fn write(&self, _: &Record) -> Result<(), SinkError> {
            Err(SinkError {
                sink: "the database".to_owned(),
                reason: "it does not answer".to_owned(),
            })
        }
    }

    fn change(reason: &str) -> Record {
        Record::Record(LogChange {
            at: utc(jiff::Timestamp::UNIX_EPOCH),
            actor: "ann".to_owned(),
            project: "https://git.example.org/log.git".to_owned(),
            branch: "pannier/releases".to_owned(),
            channel: None,
            from: None,
            to: "20260301-091500-3f2a1b".to_owned(),
            reason: Some(reason.to_owned()),
            pipeline: None,
        })
    }

    #[test]
    fn a_sink_that_fails_is_a_warning_and_the_other_ones_are_written() {
        pannier_base::secret::know("of-the-audit-tests");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let file = FileSink::open(&path).unwrap();
        let events = Events::default();
        let log = AuditLog::new(&events).with(Some(&Broken)).with(Some(&file));
        log.write(&change("because of-the-audit-tests"));
        let expected = line(&change("because ****"));
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            expected.clone() + "\n"
        );
        let warning = Event::Warning {
            message: "the database cannot be written: it does not answer".to_owned(),
            hint: None,
        };
        let events = events.0.into_inner().unwrap();
        assert_eq!(events, [Event::Audit { line: expected }, warning]);
    }
}
