//! Data that is not what its entry says: each must fall to its rule.

use pannier_archive::zip::Rules;

use crate::zip::{TEXT, among, honest, refused, verdict};
use pannier_testkit::zip_forge::{Bits, Entry, Forge, deflate};

/// Own trailer, more members that hold an attacker's tar, then deflate again: valid gzip once its header is put before.
fn gzip_smuggling() -> Entry {
    let mut data = deflate(TEXT);
    data.extend(crc32fast::hash(TEXT).to_le_bytes());
    data.extend((TEXT.len() as u32).to_le_bytes());
    for content in [&b"injected"[..], TEXT] {
        data.extend(b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
        data.extend(deflate(content));
    }
    Entry::raw("mod.py", data, TEXT)
}

#[test]
fn streams() {
    let stream = |data: Vec<u8>| among(Entry::raw("mod.py", data, TEXT));
    let size =
        |change: i32| honest().both(|header| header.size = header.size.wrapping_add_signed(change));
    let mut short = deflate(TEXT);
    short.pop();
    let prefix = size(-5).both(|header| header.crc = crc32fast::hash(&TEXT[..TEXT.len() - 5]));
    let endless = Bits::default().fixed(false, TEXT);
    let halved = Bits::default().fixed(true, TEXT).bytes[..20].to_vec();
    // Length 3 (code 257), distance 1 (code 0), with nothing before it; then behind two literals distance 3 (code 2).
    let before = Bits::default()
        .number(1, 1)
        .number(1, 2)
        .code(1, 7)
        .code(0, 5)
        .code(0, 7);
    let beyond = Bits::default()
        .number(1, 1)
        .number(1, 2)
        .code(0x30, 8)
        .code(0x30, 8);
    let beyond = beyond.code(1, 7).code(2, 5).code(0, 7);
    let window_of_the_first = Entry::raw("mod.py", before.bytes, b"\n\n\n");
    let bad_length = b"\x01\x05\x00\x00\x00hello".to_vec();
    refused(vec![
        (
            "gzip members behind the end",
            among(gzip_smuggling()),
            "trailing-compressed-data",
        ),
        (
            "junk behind the end",
            stream([deflate(TEXT), vec![7; 9]].concat()),
            "trailing-compressed-data",
        ),
        (
            "a NUL behind the end",
            stream([deflate(TEXT), vec![0]].concat()),
            "trailing-compressed-data",
        ),
        (
            "second stream",
            stream([deflate(TEXT), deflate(TEXT)].concat()),
            "trailing-compressed-data",
        ),
        ("one byte short", stream(short), "truncated-stream"),
        ("cut in a block", stream(halved), "truncated-stream"),
        ("no data at all", stream(vec![]), "truncated-stream"),
        ("no final block", stream(endless.bytes), "truncated-stream"),
        (
            "smaller size, CRC of the prefix",
            among(prefix),
            "size-mismatch",
        ),
        ("smaller size", among(size(-1)), "size-mismatch"),
        ("larger size", among(size(1)), "size-mismatch"),
        (
            "wrong CRC",
            among(honest().both(|header| header.crc ^= 1)),
            "crc-mismatch",
        ),
        (
            "stored, wrong CRC",
            among(Entry::stored("x", TEXT).both(|header| header.crc ^= 1)),
            "crc-mismatch",
        ),
        (
            "stored, sizes differ",
            among(Entry::stored("x", TEXT).both(|header| header.size += 1)),
            "size-mismatch",
        ),
        (
            "distance before the start",
            among(window_of_the_first),
            "bad-deflate",
        ),
        (
            "distance beyond what is there",
            stream(beyond.bytes),
            "bad-deflate",
        ),
        ("reserved block type", stream(vec![7, 0, 0]), "bad-deflate"),
        (
            "stored block, wrong complement",
            stream(bad_length),
            "bad-deflate",
        ),
        (
            "stored content called deflated",
            stream(TEXT.to_vec()),
            "bad-deflate",
        ),
    ]);
}

#[test]
fn bombs() {
    let zeros = vec![0; 65 << 20];
    let bomb = Entry::deflated("zeros", &zeros);
    let small = bomb.clone().both(|header| header.size = 100);
    let huge = bomb.clone().both(|header| header.size = u32::MAX - 1);
    let many = (0..12).map(|i| huge.clone().both(|header| header.name.push(b'a' + i)));
    refused(vec![
        ("ratio of a thousand", among(bomb), "limit"),
        ("declared small", among(small), "size-mismatch"),
        ("declared huge", Forge::of(many).bytes(), "limit"),
    ]);
    let entries = Rules {
        entries: 2,
        ..Rules::default()
    };
    assert_eq!(verdict(&among(honest()), &entries), "limit");
    let total = Rules {
        total: 2 * TEXT.len() as u64,
        ..Rules::default()
    };
    assert_eq!(verdict(&among(honest()), &total), "limit");
}
