//! What gzip (RFC 1952) and deflate (RFC 1951) are made of, for all files of this room that write or find them.

use flate2::{Compress, FlushCompress};

/// Deflate, no flags, no time, no hint, unknown system: so the file does not show where or when it was made.
pub(super) const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A final block without content (fixed codes): ends the deflate stream.
pub(super) const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// Plain bytes of one piece of our own: bounds the memory.
pub(super) const PIECE: usize = 256 << 10;

/// Most bytes of one stored block.
pub(super) const STORED_BLOCK: u64 = 65_535;

/// The header of a stored block at a byte boundary (RFC 1951, 3.2.4).
pub(super) const fn stored_header(length: u16) -> [u8; 5] {
    let [low, high] = length.to_le_bytes();
    [0, low, high, !low, !high]
}

/// Compresses one piece as raw deflate into `out`: empty window before, sync flush (so a byte boundary) behind.
pub(super) fn deflate_piece(compress: &mut Compress, plain: &[u8], out: &mut Vec<u8>) {
    compress.reset();
    out.clear();
    // Deflate never grows beyond its stored form, five bytes in 16 KiB or more, and a flush adds a few.
    out.reserve(plain.len() + plain.len() / 1024 + 64);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(plain.len());
        let before = out.len();
        let status = compress.compress_vec(&plain[done..], out, FlushCompress::Sync);
        assert!(
            status.is_ok(),
            "deflate fails only when its state is misused"
        );
        // The flush is complete when input is used up and space is left over (zlib's manual, deflate).
        if compress.total_in() == plain.len() as u64 && out.len() < out.capacity() {
            return;
        }
        assert!(out.len() > before || out.len() == out.capacity());
        out.reserve(1 << 10);
    }
}
