//! Raw inflate (RFC 1951) that tells where blocks begin and end, to the bit.
//!
//! The one place that speaks zlib's C interface (through zlib-rs, in Rust): the safe wrappers do not tell block
//! positions. Knows nothing of ZIP.

use std::ffi::c_int;

use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_OK, inflate, inflateEnd, inflateInit2_, inflateReset, z_stream,
    zlibVersion,
};

/// Raw deflate with the full window.
const RAW: c_int = -15;
/// `data_type` after a call: the call stopped behind a block.
const BEHIND_BLOCK: c_int = 128;
/// `data_type` after a call: the block is the stream's last.
const LAST_BLOCK: c_int = 64;
/// `data_type` after a call: bits taken from the input and not used.
const UNUSED_BITS: c_int = 63;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to do, given more input or more room.
    More,
    /// A block has ended that is not the last.
    Block,
    /// The last block has ended; nothing behind it was looked at.
    End {
        /// Bit offset of the last block's header from the stream's start.
        last_block: u64,
        /// Bit offset just behind the last block.
        end: u64,
    },
    /// The input is no deflate stream, or refers to bytes before its start.
    Bad,
}

/// One inflater, to be used for many streams.
pub struct Inflater {
    // Boxed: the state that zlib allocates belongs to the stream at this address.
    stream: Box<z_stream>,
    taken: u64,
    block: u64,
}

// SAFETY: the stream's pointers lead to its own heap state, which nothing else knows and no thread is tied to; `next_in`
// and `next_out` are set in every step and not read between steps.
unsafe impl Send for Inflater {}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// Allocates the state: about 50 KB with the window.
    pub fn new() -> Self {
        let mut stream = Box::new(z_stream::default());
        // SAFETY: `stream` is a live, exclusive z_stream whose allocator fields hold the default allocator; the version
        // text and the size come from the same crate as the type.
        let code = unsafe {
            inflateInit2_(
                &raw mut *stream,
                RAW,
                zlibVersion(),
                size_of::<z_stream>() as c_int,
            )
        };
        assert_eq!(code, Z_OK, "inflateInit2 fails only for lack of memory");
        Self {
            stream,
            taken: 0,
            block: 0,
        }
    }

    /// Forgets everything: the next step starts a stream, with an empty window.
    pub fn reset(&mut self) {
        // SAFETY: the stream was initialised in `new` and is exclusively ours.
        let code = unsafe { inflateReset(&raw mut *self.stream) };
        assert_eq!(
            code, Z_OK,
            "inflateReset fails only for a stream that is none"
        );
        (self.taken, self.block) = (0, 0);
    }

    /// Inflates from `input` into `output`, at most to the end of the current block. Gives the numbers of bytes taken and written.
    pub fn step(&mut self, input: &[u8], output: &mut [u8]) -> (usize, usize, Step) {
        let room = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (available, space) = (room(input.len()), room(output.len()));
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = available;
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = space;
        // SAFETY: the stream was initialised in `new`; `next_in` has `avail_in` readable bytes and `next_out` has
        // `avail_out` writable ones for the whole call (the two slices are borrowed until it returns), and they do not
        // overlap, since one is shared and the other exclusive.
        let code = unsafe { inflate(&raw mut *self.stream, Z_BLOCK) };
        let taken = (available - self.stream.avail_in) as usize;
        let written = (space - self.stream.avail_out) as usize;
        self.taken += taken as u64;
        (taken, written, self.judge(code))
    }

    /// Whether a block that is not the last has just ended, at the very end of the bytes taken: what follows could be
    /// another stream.
    #[must_use]
    pub const fn is_between_blocks(&self) -> bool {
        self.taken > 0 && self.block == 8 * self.taken
    }

    fn judge(&mut self, code: c_int) -> Step {
        let state = self.stream.data_type;
        match code {
            // A block whose bits were all in the decoder already counts as no progress: still a block.
            Z_OK | Z_BUF_ERROR if state & BEHIND_BLOCK != 0 => {
                let here = 8 * self.taken - (state & UNUSED_BITS) as u64;
                if state & LAST_BLOCK != 0 {
                    return Step::End {
                        last_block: self.block,
                        end: here,
                    };
                }
                self.block = here;
                Step::Block
            }
            Z_OK | Z_BUF_ERROR => Step::More,
            // Also for a stream's end without the pause behind its last block, which zlib never gives.
            _ => Step::Bad,
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, ended only here.
        unsafe { inflateEnd(&raw mut *self.stream) };
    }
}
