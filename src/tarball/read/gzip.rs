//! Gzip files from front to back, of one member or several, from any program.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::BUFFER;

/// The plain bytes of a gzip file. Every member's CRC and length are checked, and nothing may follow the last.
pub fn gunzip(input: impl BufRead) -> impl BufRead {
    BufReader::with_capacity(BUFFER, Filling(MultiGzDecoder::new(input)))
}

/// Fills whole buffers, so that small members do not make small pieces.
struct Filling<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Filling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }
}
