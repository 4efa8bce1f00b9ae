//! The zlib stream of one entry, exactly as long as its header says.

use std::borrow::BorrowMut;
use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::PackError;

/// A new inflater of zlib streams; one serves many entries.
pub(super) fn inflater() -> Decompress {
    Decompress::new(true)
}

/// What a stream inflates to. Only when reading has given 0 is the stream known to end where it should; its input then stands
/// just behind it.
pub(super) struct Inflated<S, R> {
    state: S,
    input: R,
    left: u64,
    ended: bool,
    at: u64,
}

impl<S: BorrowMut<Decompress>, R: BufRead> Inflated<S, R> {
    /// The stream that begins at the input's position and has `size` bytes when inflated; `at` is named in errors.
    pub(super) fn new(mut state: S, input: R, size: u64, at: u64) -> Self {
        state.borrow_mut().reset(true);
        Self {
            state,
            input,
            left: size,
            ended: false,
            at,
        }
    }

    fn step(&mut self, out: &mut [u8]) -> io::Result<(usize, Status)> {
        let state = self.state.borrow_mut();
        let input = self.input.fill_buf()?;
        let (taken, given) = (state.total_in(), state.total_out());
        let is_end = input.is_empty();
        let status = state
            .decompress(input, out, FlushDecompress::None)
            .map_err(|_| PackError::damaged(self.at, "a stream that is not deflated"))?;
        let taken = (state.total_in() - taken) as usize;
        let given = (state.total_out() - given) as usize;
        self.input.consume(taken);
        if status != Status::StreamEnd && taken == 0 && given == 0 {
            let problem = match is_end {
                true => "the pack ends within an entry",
                false => "a stream that does not go on",
            };
            return Err(PackError::damaged(self.at, problem).into());
        }
        Ok((given, status))
    }
}

impl<S: BorrowMut<Decompress>, R: BufRead> Read for Inflated<S, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const LENGTH: &str = "an entry of another length than it says";
        let mut beyond = [0];
        loop {
            if self.ended || (buffer.is_empty() && self.left > 0) {
                return Ok(0);
            }
            let room = usize::try_from(self.left).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            // At the end the stream has to be driven on, with room for what must not come.
            let out = match self.left {
                0 => &mut beyond[..],
                _ => &mut buffer[..room],
            };
            let (given, status) = self.step(out)?;
            let left = self.left.checked_sub(given as u64);
            self.left = left.ok_or(PackError::damaged(self.at, LENGTH))?;
            self.ended = status == Status::StreamEnd;
            if self.ended && self.left > 0 {
                return Err(PackError::damaged(self.at, LENGTH).into());
            }
            if given > 0 {
                return Ok(given);
            }
        }
    }
}
