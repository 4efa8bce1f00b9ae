//! An audit file: one line of JSON for each record, appended.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::record::Record;
use super::{Sink, SinkError, line};

/// An audit file.
#[derive(Debug)]
pub struct FileSink(Mutex<File>);

impl FileSink {
    /// Opens the file at `path` for appending, and creates it if it is missing. Open it before anything is pushed.
    ///
    /// # Errors
    /// [`io::Error`] when the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(file)))
    }
}

impl Sink for FileSink {
    fn write(&self, record: &Record) -> Result<(), SinkError> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = writeln!(file, "{}", line(record)).and_then(|()| file.sync_data());
        written.map_err(|error| SinkError {
            sink: "the audit file".to_owned(),
            reason: error.to_string(),
        })
    }
}
