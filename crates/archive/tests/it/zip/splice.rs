//! Where deflate streams are said to end, tried by doing what the tarball does: splicing them. And flate2's opinion.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use pannier_archive::entries::Coding;
use pannier_archive::zip::Rules;
use pannier_archive::zip::verify;
use proptest::prelude::*;

use crate::zip::accepted::{accepted, stream};
use pannier_testkit::zip_forge::{self, Bits, Entry, Forge, file};

/// A verified stream as a part of a larger one: not final, byte-aligned. What a splicer does.
fn part(raw: &[u8], coding: Coding) -> Vec<u8> {
    let Coding::Deflate { last_block, end } = coding else {
        panic!("a stored entry is no stream");
    };
    let mut part = raw.to_vec();
    part[last_block as usize / 8] &= !(1 << (last_block % 8));
    let used = end % 8;
    if used != 0 {
        *part.last_mut().unwrap() &= (1 << used) - 1;
    }
    // An empty stored block; its three header bits fit into the last byte or take one of their own.
    if used == 0 || used > 5 {
        part.push(0);
    }
    part.extend(b"\0\0\xff\xff");
    part
}

fn inflate(raw: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut decoder = Decompress::new(false);
    let mut out = Vec::with_capacity(room);
    let status = decoder
        .decompress_vec(raw, &mut out, FlushDecompress::Finish)
        .ok()?;
    (status == Status::StreamEnd && decoder.total_in() == raw.len() as u64).then_some(out)
}

/// Splices the entries' streams as the pack describes them; flate2 must read all contents in a row.
fn check_splice(entries: Vec<(Vec<u8>, Vec<u8>)>) {
    let forged = entries
        .iter()
        .enumerate()
        .map(|(i, (raw, content))| Entry::raw(&i.to_string(), raw.clone(), content));
    let forge = Forge::of(forged);
    let bytes = forge.bytes();
    let (mut spliced, mut expected) = (Vec::new(), Vec::<u8>::new());
    for (entry, (_, content)) in accepted(&forge).iter().zip(&entries) {
        let stream = stream(entry);
        let raw = &bytes[stream.offset as usize..][..stream.compressed as usize];
        spliced.extend(part(raw, stream.coding));
        expected.extend(content);
    }
    spliced.extend([3, 0]);
    let inflated = inflate(&spliced, expected.len() + 1).expect("a whole stream");
    assert!(inflated == expected, "spliced content differs");
}

/// Deflates in pieces, flushed as told, so that there are blocks of all kinds.
fn deflate_pieces(pieces: &[Vec<u8>], level: u32, flush: FlushCompress) -> (Vec<u8>, Vec<u8>) {
    let mut encoder = Compress::new(Compression::new(level), false);
    let mut raw = Vec::with_capacity(1 << 20);
    for piece in pieces {
        encoder.compress_vec(piece, &mut raw, flush).unwrap();
    }
    while encoder
        .compress_vec(&[], &mut raw, FlushCompress::Finish)
        .unwrap()
        != Status::StreamEnd
    {}
    (raw, pieces.concat())
}

#[test]
fn streams_splice() {
    let fixed = |nines: usize| {
        Bits::default()
            .fixed(false, b"")
            .fixed(true, &vec![0xf0; nines])
    };
    let mut entries: Vec<_> = (0..8)
        .map(|nines| fixed(nines).dirty())
        .map(|bits| (bits.bytes, bits.content))
        .collect();
    let stored = Bits::default().stored(true, b"stored");
    entries.push((stored.bytes, stored.content));
    let text: Vec<u8> = (0..60_000_u32)
        .flat_map(|i| format!("{} ", i * i % 977).into_bytes())
        .collect();
    for level in 0..10 {
        entries.push(deflate_pieces(
            std::slice::from_ref(&text),
            level,
            FlushCompress::None,
        ));
    }
    entries.push(deflate_pieces(&[], 6, FlushCompress::None));
    let again: Vec<_> = entries.iter().rev().cloned().collect();
    check_splice([entries, again].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_streams_splice(streams in prop::collection::vec(any_stream(), 1..6)) {
        check_splice(streams);
    }

    /// Bytes that are a stream to another decoder are one here, and nothing else is.
    #[test]
    fn decoders_agree(raw in any_raw()) {
        let content = inflate(&raw, 1 << 16);
        let entry = Entry::raw("f", raw, content.as_deref().unwrap_or_default());
        let verdict = verify(&file(&Forge::of([entry]).bytes()), &Rules::default());
        prop_assert_eq!(verdict.is_ok(), content.is_some(), "{:?}", verdict);
    }
}

fn any_stream() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000),
        prop::collection::vec(0..4_u8, 0..20_000),
    ];
    let flush = prop_oneof![
        Just(FlushCompress::None),
        Just(FlushCompress::Partial),
        Just(FlushCompress::Sync),
        Just(FlushCompress::Full)
    ];
    (prop::collection::vec(piece, 0..4), 0..10_u32, flush)
        .prop_map(|(pieces, level, flush)| deflate_pieces(&pieces, level, flush))
}

/// Streams with a byte changed, cut or added, and noise.
fn any_raw() -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        prop::collection::vec(0..9_u8, 0..200),
        any::<prop::sample::Index>(),
        any::<u8>(),
        0..4_u8,
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        changed.prop_map(|(content, at, value, how)| {
            let mut raw = zip_forge::deflate(&content);
            let at = at.index(raw.len());
            match how {
                0 => raw[at] = value,
                1 => raw.truncate(at),
                2 => raw.push(value),
                _ => {}
            }
            raw
        }),
    ]
}
