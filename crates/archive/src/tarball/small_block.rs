//! Deflate (RFC 1951) for pieces of a few blocks: the padding behind one carried file and the header of the next.
//!
//! A tarball has tens of thousands of them. A general compressor clears tables of 100 KiB before each; here a piece costs what
//! its bytes cost: one block with the fixed codes, matches from a table that fits the piece. Knows nothing of tar.

/// Longest piece in bytes: what the table's positions and the distances are made for.
pub(super) const MOST: usize = 2 << 10;

/// Slots of the table of positions, as a power of two.
const SLOTS: u32 = 9;

/// The shortest match: four bytes are compared at once.
const SHORTEST: usize = 4;

/// Longest match that deflate can say.
const LONGEST: usize = 258;

/// An empty stored block behind its three header bits: lengths zero and its complement.
const EMPTY: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Bits to be written, lowest first, and how many.
type Code = (u32, u32);

/// Appends `plain` as raw deflate to `out`: refers to nothing before it, is not the last block, and ends at a byte boundary.
///
/// # Panics
/// When `plain` is longer than [`MOST`].
pub(super) fn deflate(plain: &[u8], out: &mut Vec<u8>) {
    assert!(plain.len() <= MOST, "short pieces only");
    // Nine bits a byte at most, and the ends of two blocks.
    out.reserve(plain.len() + plain.len() / 8 + 16);
    let mut bits = Bits {
        out,
        held: 0,
        count: 0,
    };
    // Not the last block; fixed codes.
    bits.put((0b010, 3));
    let mut seen = [0_u16; 1 << SLOTS];
    let mut at = 0;
    while at < plain.len() {
        let found = longest(plain, at, &mut seen);
        match found {
            Some((distance, length)) => {
                bits.put(LENGTHS[length - 3]);
                bits.put(distance_code(distance));
                at += length;
            }
            None => {
                bits.put(LITERALS[plain[at] as usize]);
                at += 1;
            }
        }
    }
    // End of block: seven zero bits.
    bits.put((0, 7));
    bits.align();
}

/// Distance and length of what stands at `at` and stood before, if the table knows it; the table learns of `at`.
fn longest(plain: &[u8], at: usize, seen: &mut [u16; 1 << SLOTS]) -> Option<(usize, usize)> {
    let four: [u8; SHORTEST] = plain.get(at..at + SHORTEST)?.try_into().ok()?;
    let slot = u32::from_le_bytes(four).wrapping_mul(0x9e37_79b1) >> (32 - SLOTS);
    // Positions count from one, so that zero says that there is none.
    let before = std::mem::replace(&mut seen[slot as usize], at as u16 + 1);
    let before = usize::from(before).checked_sub(1)?;
    let (old, new) = (&plain[before..], &plain[at..]);
    let pairs = old.iter().zip(new).take(LONGEST);
    let length = pairs.take_while(|(old, new)| old == new).count();
    (length >= SHORTEST).then_some((at - before, length))
}

/// Bits on their way into bytes.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn put(&mut self, (bits, count): Code) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out
                .extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.count -= 32;
        }
    }

    /// To a byte boundary, by an empty stored block where there is none.
    fn align(mut self) {
        let aligned = self.count.is_multiple_of(8);
        if !aligned {
            self.put((0, 3));
        }
        let bytes = self.count.div_ceil(8) as usize;
        self.out
            .extend_from_slice(&self.held.to_le_bytes()[..bytes]);
        if !aligned {
            self.out.extend_from_slice(&EMPTY);
        }
    }
}

/// Huffman codes come with their highest bit first (RFC 1951, 3.1.1).
const fn reversed(code: u32, count: u32) -> u32 {
    code.reverse_bits() >> (32 - count)
}

/// The fixed code of a literal or length symbol (RFC 1951, 3.2.6).
const fn fixed(symbol: u32) -> Code {
    match symbol {
        0..=143 => (reversed(0x30 + symbol, 8), 8),
        144..=255 => (reversed(0x190 + symbol - 144, 9), 9),
        256..=279 => (reversed(symbol - 256, 7), 7),
        _ => (reversed(0xc0 + symbol - 280, 8), 8),
    }
}

static LITERALS: [Code; 256] = {
    let mut codes = [(0, 0); 256];
    let mut literal = 0;
    while literal < codes.len() {
        codes[literal] = fixed(literal as u32);
        literal += 1;
    }
    codes
};

/// Codes of the lengths from 3 on, their extra bits included (RFC 1951, 3.2.5).
static LENGTHS: [Code; LONGEST - 2] = {
    let mut codes = [(0, 0); LONGEST - 2];
    let mut index = 0;
    while index < codes.len() {
        // From 3 to 10 a symbol each; then four symbols with each number of extra bits.
        let index32 = index as u32;
        let extra = if index32 < 8 { 0 } else { index32.ilog2() - 2 };
        let symbol = 257 + 4 * extra + (index32 >> extra);
        let (code, count) = fixed(symbol);
        let rest = index32 & ((1 << extra) - 1);
        codes[index] = (code | rest << count, count + extra);
        index += 1;
    }
    // The longest has a symbol of its own.
    codes[LONGEST - 3] = fixed(285);
    codes
};

/// The fixed code of a distance, its extra bits included (RFC 1951, 3.2.5).
const fn distance_code(distance: usize) -> Code {
    let index = distance as u32 - 1;
    // From 1 to 4 a symbol each; then two symbols with each number of extra bits.
    let extra = if index < 4 { 0 } else { index.ilog2() - 1 };
    let symbol = 2 * extra + (index >> extra);
    let rest = index & ((1 << extra) - 1);
    (reversed(symbol, 5) | rest << 5, 5 + extra)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    /// What a reader makes of several pieces behind each other and an end.
    fn inflated(pieces: &[&[u8]]) -> Vec<u8> {
        let mut coded = Vec::new();
        for piece in pieces {
            deflate(piece, &mut coded);
        }
        // The last block: fixed codes, without content.
        coded.extend_from_slice(&[0x03, 0x00]);
        let mut plain = Vec::new();
        DeflateDecoder::new(&coded[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    }

    #[test]
    fn every_length_and_distance_is_said_right() {
        for length in SHORTEST..=LONGEST + 2 {
            let piece = [b"<".as_slice(), &vec![b'x'; length], b">"].concat();
            assert_eq!(inflated(&[&piece]), piece);
        }
        for distance in 4..=MOST - 4 {
            let mut piece: Vec<u8> = (0..distance).map(|at| (at * at / 3 + at) as u8).collect();
            piece.extend_from_within(..4);
            assert_eq!(inflated(&[&piece]), piece);
        }
    }

    #[test]
    fn the_padding_and_header_of_a_file_take_few_bytes() {
        let mut piece = vec![0; 300];
        piece.extend_from_slice(b"venv/lib/python3.11/site-packages/numpy/__init__.py");
        piece.resize(400, 0);
        piece.extend_from_slice(b"0000644\x000000000\x000000000\x0000000012345\x0002264444000\x00");
        piece.resize(300 + 512, 0);
        let mut coded = Vec::new();
        deflate(&piece, &mut coded);
        assert!(coded.len() < 130, "{}", coded.len());
    }

    proptest! {
        #[test]
        fn pieces_come_back(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..=MOST),
                    prop::collection::vec(0_u8..3, 0..=MOST),
                ],
                0..5,
            ),
        ) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(inflated(&slices), pieces.concat());
        }
    }
}
