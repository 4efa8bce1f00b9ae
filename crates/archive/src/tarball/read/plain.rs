//! Compressed files from front to back, from any program: gzip of one member or several, Zstandard of one frame or several.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::BUFFER;

/// The first bytes of a Zstandard frame, and the last three of a skippable one's magic number (RFC 8878, 3.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

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

/// Whether a file that begins so is Zstandard. A pipe may give fewer bytes than asked for; four are there in any real one.
pub fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&ZSTD)
        || (start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == SKIPPABLE)
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
