//! A stream of text without known secrets.

use std::io::{self, Write};

use super::scrub_values;

/// Writes what it is given, line by line, without known secrets: a line is held until it is whole, so that no secret slips
/// through in two parts.
#[derive(Debug)]
pub struct ScrubbedLines<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> ScrubbedLines<W> {
    /// Lines for `out`.
    pub const fn new(out: W) -> Self {
        let line = Vec::new();
        Self { out, line }
    }

    /// Writes what is left of the last line, and flushes.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(mut self) -> io::Result<()> {
        self.pass(self.line.len())?;
        self.out.flush()
    }

    fn pass(&mut self, length: usize) -> io::Result<()> {
        let line = &self.line[..length];
        let text = String::from_utf8_lossy(line);
        let shown = scrub_values(&text);
        match shown == text {
            true => self.out.write_all(line)?,
            false => self.out.write_all(shown.as_bytes())?,
        }
        self.line.drain(..length);
        Ok(())
    }
}

impl<W: Write> Write for ScrubbedLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            let end = self.line.iter().rposition(|&byte| byte == b'\n');
            self.pass(end.map_or(0, |end| end + 1))?;
        }
        Ok(bytes.len())
    }

    /// Flushes whole lines; the rest waits for its end.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
