//! Indexes that lie: whatever they say, nobody reads other bytes than the stream has.

use std::fs::File;
use std::io::{Read, Write};

use flate2::read::GzDecoder;

use super::*;
use crate::tarball::gzip::{LAST_BLOCK, STORED_BLOCK, stored_header};
use crate::tarball::index::{Index, tail};
use crate::tarball::segment::{Segment, whole};
use crate::tarball::tar::Mtime;
use crate::tarball::tests::{noise, tarball_of};
use crate::venv::testing::Packer;

type Change<'a> = &'a dyn Fn(&mut Vec<Segment>);

fn honest() -> Vec<u8> {
    let mut packer = Packer::default();
    for number in 0..4 {
        packer.deflated(&format!("f{number}"), &noise(700_000));
    }
    tarball_of(packer)
}

fn on_disk(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn find(bytes: &[u8]) -> Result<Option<Index>, String> {
    let found = Index::find(&on_disk(bytes), bytes.len() as u64);
    found.map_err(|error| error.to_string())
}

fn segments(bytes: &[u8]) -> Vec<Segment> {
    let parts = find(bytes).unwrap().unwrap().parts;
    let listed = &parts[..parts.len() - 1];
    listed.iter().map(|part| part.segment).collect()
}

/// The same tarball with another list in its index: still one whole gzip member that any tar takes.
fn forge(bytes: &[u8], segments: &[Segment]) -> Vec<u8> {
    forge_behind(bytes, segments, |_| ())
}

/// The same, its stream before the index changed in a way that shows no other bytes.
fn forge_behind(bytes: &[u8], segments: &[Segment], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let index = find(bytes).unwrap().unwrap();
    let own = index.parts.last().unwrap();
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    let last = plain[plain.len() - 1536..].to_vec();
    plain.truncate(plain.len() - own.segment.size as usize);
    let mut forged = bytes[..own.offset as usize].to_vec();
    change(&mut forged);
    for run in tail(segments, forged.len() as u64, &last, Mtime::default()) {
        plain.extend_from_slice(&run);
        for block in run.chunks(STORED_BLOCK as usize) {
            forged.extend_from_slice(&stored_header(block.len() as u16));
            forged.extend_from_slice(block);
        }
    }
    forged.extend_from_slice(&LAST_BLOCK);
    forged.extend_from_slice(&crc32fast::hash(&plain).to_le_bytes());
    forged.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    let mut again = Vec::new();
    GzDecoder::new(&forged[..]).read_to_end(&mut again).unwrap();
    assert!(again == plain);
    forged
}

/// Reads all parts as several threads would; gives all plain bytes.
fn read(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let index = find(bytes)?.expect("there is an index");
    let file = on_disk(bytes);
    let mut plain = Vec::new();
    for part in index.parts {
        let mut reader = SegmentReader::new(&file, part);
        reader
            .read_to_end(&mut plain)
            .map_err(|error| error.to_string())?;
    }
    Ok(plain)
}

#[test]
fn an_honest_index_gives_the_same_bytes_as_the_stream() {
    let bytes = honest();
    let mut plain = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    assert!(read(&bytes).unwrap() == plain);
    let list = segments(&bytes);
    assert!(list.len() >= 4);
    assert!(read(&forge(&bytes, &list)).unwrap() == plain);
    // Fewer cuts are as true as many.
    let (crc32, size) = whole(&list[..2]);
    let compressed = list[0].compressed + list[1].compressed;
    let joined = Segment {
        compressed,
        size,
        crc32,
    };
    let fewer = [&[joined], &list[2..]].concat();
    let forged = forge(&bytes, &fewer);
    let mut plain = Vec::new();
    GzDecoder::new(&forged[..]).read_to_end(&mut plain).unwrap();
    assert!(read(&forged).unwrap() == plain);
}

#[test]
fn an_index_that_lies_is_refused() {
    let bytes = honest();
    let list = segments(&bytes);
    let lie = |change: Change<'_>| {
        let mut changed = list.clone();
        change(&mut changed);
        read(&forge(&bytes, &changed)).expect_err("it lies")
    };
    let cases: [(Change<'_>, &str); 11] = [
        (&|it| it[0].crc32 ^= 1, "checksums"),
        (
            &|it| (it[0].crc32, it[1].crc32) = (it[1].crc32, it[0].crc32),
            "checksums",
        ),
        (&|it| it[0].size += 512, "checksums"),
        (&|it| it[0].size += 1, "run of entries"),
        (&|it| it[0].size = u64::MAX - 511, "deflate"),
        (&|it| it[0].compressed = 0, "run of entries"),
        (&|it| it[0].compressed += 1, "longer than the file"),
        (&|it| it[1].compressed = u64::MAX, "longer than the file"),
        (&|it| it[0].compressed -= 1, "gap"),
        (&|it| it.truncate(it.len() - 1), "gap"),
        (&|it| it.clear(), "gap"),
    ];
    for (change, why) in cases {
        let message = lie(change);
        assert!(message.contains(why), "{message} / {why}");
    }
    // The sum is right, the cut is not: the part is not a stream of its own.
    for by in [1, 100, 70_000] {
        lie(&|it| {
            it[0].compressed -= by;
            it[1].compressed += by;
        });
        lie(&|it| {
            it[0].compressed += by;
            it[1].compressed -= by;
        });
    }
}

#[test]
fn a_cut_beside_an_empty_block_shows_the_same_bytes() {
    let bytes = honest();
    let plain = read(&bytes).unwrap();
    let list = segments(&bytes);
    // An empty stored block at a byte boundary may end a segment, or as well begin the next one.
    let cut = 10 + list[0].compressed as usize;
    for number in [0, 1] {
        let mut moved = list.clone();
        moved[number].compressed += 5;
        let forged = forge_behind(&bytes, &moved, |stream| {
            stream.splice(cut..cut, [0, 0, 0, 0xff, 0xff]);
        });
        // Behind the segments stands the index itself, which is another one now.
        let files: u64 = moved.iter().map(|segment| segment.size).sum();
        let files = usize::try_from(files).unwrap();
        let shown = read(&forged).unwrap();
        assert!(shown[..files] == plain[..files]);
    }
}

/// A cut inside a block, with sizes and checksums as a reader of the first half alone would see them.
#[test]
fn a_cut_inside_a_block_is_refused() {
    let bytes = honest();
    let list = segments(&bytes);
    let start = 10;
    let mut inflater = crate::zip::Inflater::new();
    let (mut out, mut plain, mut at) = (vec![0; 1 << 16], Vec::new(), start);
    while plain.is_empty()
        || plain.len() % 512 != 0
        || at < start + 3000
        || inflater.is_between_blocks()
    {
        let (taken, given, _) = inflater.step(&bytes[at..=at], &mut out);
        plain.extend_from_slice(&out[..given]);
        at += taken;
    }
    let (_, more, _) = inflater.step(&[], &mut out);
    assert_eq!(more, 0);
    let mut all = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut all).unwrap();
    let compressed = (at - start) as u64;
    let rest = list[0].size as usize;
    let parts = [
        (0..plain.len(), compressed),
        (plain.len()..rest, list[0].compressed - compressed),
    ];
    let halves = parts.map(|(range, compressed)| Segment {
        compressed,
        size: range.len() as u64,
        crc32: crc32fast::hash(&all[range]),
    });
    let forged = forge(&bytes, &[&halves[..], &list[1..]].concat());
    let message = read(&forged).expect_err("it lies");
    assert!(message.contains("inside a block"), "{message}");
}

/// An archive of every kind of header that is understood.
fn archive() -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut header = ::tar::Header::new_gnu();
    header.set_size(700);
    header.set_mode(0o644);
    let long = "l".repeat(200);
    builder
        .append_data(&mut header, &long, &[7; 700][..])
        .unwrap();
    builder
        .append_pax_extensions([("path", &b"p"[..]), ("mtime", b"1.5")])
        .unwrap();
    header.set_path("short").unwrap();
    header.set_cksum();
    builder.append(&header, &[7; 700][..]).unwrap();
    header.set_entry_type(::tar::EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "link", &long).unwrap();
    builder.into_inner().unwrap()
}

fn entries(tar: &[u8]) -> Result<Vec<Entry>, ReadError> {
    let mut entries = Entries::new(tar, Extent::Whole);
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        found.push(entry);
    }
    Ok(found)
}

#[test]
fn long_names_of_both_kinds_are_understood() {
    let found = entries(&archive()).unwrap();
    let paths: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, [&"l".repeat(200), "p", "link"]);
    assert_eq!(found[1].mtime, (1, 500_000_000));
    assert_eq!(found[2].kind, EntryKind::Symlink("l".repeat(200)));
}

proptest::proptest! {
    #[test]
    fn no_archive_makes_the_reader_panic_or_leave_the_tree(
        changes in proptest::collection::vec((0..5000usize, proptest::prelude::any::<u8>()), 0..6),
        mend in proptest::prelude::any::<bool>(),
    ) {
        let mut tar = archive();
        for (at, byte) in changes {
            let at = at % tar.len();
            tar[at] = byte;
            if mend {
                // With right checksums, so that the change is looked at.
                let block = &mut tar[at / 512 * 512..at / 512 * 512 + 512];
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        for entry in entries(&tar).unwrap_or_default() {
            let safe = entry.path.split('/').all(|it| it != ".." && it != ".");
            proptest::prop_assert!(safe && !entry.path.starts_with('/'));
        }
    }

    #[test]
    fn no_end_of_a_file_makes_the_index_panic(
        list in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        start in proptest::prelude::any::<u16>(),
    ) {
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, list);
        let start = u64::from(start);
        let mut record = format!("512 comment={}", ".".repeat(512));
        let end = format!("{text}.{start:016x}.pannier-index-1\n");
        record.truncate(512 - end.len().min(500));
        record += &end[end.len().saturating_sub(500)..];
        let mut bytes = vec![0; 3000];
        bytes.extend_from_slice(&stored_header(2048));
        bytes.extend_from_slice(record.as_bytes());
        bytes.resize(bytes.len() + 1536, 0);
        bytes.extend_from_slice(&LAST_BLOCK);
        bytes.extend_from_slice(&[0; 8]);
        proptest::prop_assert!(find(&bytes).is_err());
    }
}
