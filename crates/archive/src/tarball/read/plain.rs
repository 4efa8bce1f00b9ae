//! Compressed files from front to back, from any program: gzip of one member or several, Zstandard of one frame or several.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::tarball::frames::is_zstd;

/// Bytes of one buffer between inflating and the consumer.
pub const BUFFER: usize = 256 << 10;

/// The plain bytes of a compressed file, told apart by how it begins; what is not Zstandard is read as gzip. Every checksum is
/// checked, and nothing but further members or frames may follow.
///
/// # Errors
/// What reading the first bytes gives.
pub fn plain<'a>(mut input: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    if is_zstd(input.fill_buf()?) {
        let decoder = zstd::stream::read::Decoder::with_buffer(input)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, Filling(decoder))));
    }
    Ok(Box::new(gunzip(input)))
}

/// The plain bytes of a gzip file. Every member's CRC and length are checked, and nothing may follow the last.
pub fn gunzip(input: impl BufRead) -> impl BufRead {
    BufReader::with_capacity(BUFFER, Filling(MultiGzDecoder::new(input)))
}

/// Fills whole buffers, so that small members do not make small pieces.
struct Filling<R>(R);

impl<R: Read> Read for Filling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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
