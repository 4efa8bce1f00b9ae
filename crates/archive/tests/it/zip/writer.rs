//! What the writer writes: readable, the same every time, and accepted by the reader.

use std::fs::File;
use std::io::{self, Cursor, Read};

use pannier_archive::entries::Coding;
use pannier_archive::entries::Content;
use pannier_archive::entries::Pack;
use pannier_archive::entries::PackEntry;
use pannier_archive::zip::Rule;
use pannier_archive::zip::Rules;
use pannier_archive::zip::Writer;
use pannier_archive::zip::open_entry;
use pannier_archive::zip::read_entry;
use pannier_archive::zip::verify;
use proptest::prelude::*;

use pannier_testkit::zip_forge::file;

/// What an archive is made of.
#[derive(Debug, Clone)]
enum Item {
    File(bool, Vec<u8>),
    Symlink(String),
    Directory,
}

fn write(items: &[(String, Item)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (path, item) in items {
        match item {
            Item::File(executable, bytes) => writer.bytes(path, *executable, bytes),
            Item::Symlink(target) => writer.symlink(path, target),
            Item::Directory => writer.directory(path),
        }
        .unwrap();
    }
    writer.finish().unwrap()
}

fn verified(bytes: &[u8]) -> (File, Pack) {
    let file = file(bytes);
    let pack = verify(&file, &Rules::snapshot()).unwrap();
    (file, pack)
}

fn read(file: &File, entry: &PackEntry) -> Item {
    match &entry.content {
        Content::File { executable, stream } => {
            Item::File(*executable, read_entry(file, stream).unwrap())
        }
        Content::Symlink { target } => Item::Symlink(target.clone()),
        Content::Directory => Item::Directory,
    }
}

/// Bytes that no deflater shrinks.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Gives a few bytes at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(997);
        self.0.read(&mut buffer[..room])
    }
}

#[test]
fn large_files_take_one_form_however_they_are_read() {
    let text: Vec<u8> = (0..700_000_u32)
        .flat_map(|i| format!("{} ", i % 977).into_bytes())
        .collect();
    for content in [
        text,
        noise(6 << 20),
        vec![0; 1 << 20],
        vec![7; (1 << 20) - 1],
    ] {
        let whole = write(&[("f".into(), Item::File(true, content.clone()))]);
        let mut writer = Writer::new(Vec::new());
        writer.file("f", true, &mut Dribble(&content)).unwrap();
        assert!(writer.finish().unwrap() == whole, "the cuts show");
        let (file, pack) = verified(&whole);
        let Content::File {
            stream,
            executable: true,
        } = pack.get(0).unwrap().content
        else {
            panic!("{pack:?}");
        };
        let mut read = Vec::new();
        open_entry(&file, &stream).read_to_end(&mut read).unwrap();
        assert!(read == content);
    }
}

#[test]
fn a_file_does_not_depend_on_the_ones_before() {
    let content = noise(3000).repeat(5);
    let alone = write(&[("f".into(), Item::File(false, content.clone()))]);
    let before = ("e".to_owned(), Item::File(false, content.repeat(100)));
    let second = write(&[before, ("f".into(), Item::File(false, content))]);
    let raw = |bytes: &[u8]| {
        let (_, pack) = verified(bytes);
        let Content::File { stream, .. } = pack.iter().last().unwrap().content else {
            panic!("no file");
        };
        bytes[stream.offset as usize..][..stream.compressed as usize].to_vec()
    };
    assert!(raw(&alone) == raw(&second));
}

#[test]
fn stored_when_deflate_does_not_help() {
    let items = ["", "a", "aaaaaaaaaaaaaaaaaaaaaaaa"]
        .map(|text| (format!("f{text}"), Item::File(false, text.into())));
    let (_, pack) = verified(&write(&items));
    let stored: Vec<_> = pack
        .iter()
        .map(|entry| matches!(entry.content, Content::File { stream, .. } if stream.coding == Coding::Stored))
        .collect();
    assert_eq!(stored, [true, true, false]);
}

/// The bytes of a small container, so that a change of the format or of the deflater is noticed.
#[test]
fn the_bytes_stay() {
    let items = [
        ("d".to_owned(), Item::Directory),
        (
            "d/é".to_owned(),
            Item::File(true, b"text text text text text text".to_vec()),
        ),
        ("l".to_owned(), Item::Symlink("d/é".into())),
    ];
    let digest = pannier_base::digest::Digest::of(&write(&items));
    insta::assert_snapshot!(digest, @"ff0fd05bf18b6af010b59a54e22545a095d6721f58632c57cab378baf7323ad8");
}

#[test]
fn what_would_be_refused_is_not_written() {
    let mut writer = Writer::new(io::sink());
    for name in ["", "..", "/a", "a\\b", "a\n", "a/"] {
        assert_eq!(
            writer.bytes(name, false, b"").unwrap_err().kind(),
            io::ErrorKind::InvalidInput,
            "{name:?}"
        );
    }
    for target in ["", "a\0b", &"x/".repeat(2048), &"x".repeat(256)] {
        assert_eq!(
            writer.symlink("l", target).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
    writer.bytes("a", false, b"").unwrap();
    writer.directory("a").unwrap();
    assert_eq!(
        writer.finish().unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}

#[test]
fn names_of_snapshots_need_only_differ() {
    let bytes = write(&[
        ("README".to_owned(), Item::File(false, vec![])),
        ("readme".to_owned(), Item::Symlink("README".into())),
    ]);
    assert_eq!(verified(&bytes).1.len(), 2);
    let links = Rules {
        symlinks: true,
        ..Rules::default()
    };
    let error = verify(&file(&bytes), &links).unwrap_err();
    assert_eq!(error.rule(), Some(Rule::Collision));
    assert_eq!(
        error.to_string(),
        "entry `readme`: it conflicts with `README` [collision]"
    );
}

#[test]
fn the_targets_of_all_links_are_bounded_together() {
    let target = "x/".repeat(1024);
    for (count, expected) in [(8192, None), (8193, Some(Rule::Limit))] {
        let links = (0..count).map(|i| (i.to_string(), Item::Symlink(target.clone())));
        let bytes = write(&links.collect::<Vec<_>>());
        let found = verify(&file(&bytes), &Rules::snapshot());
        assert_eq!(
            found.err().and_then(|error| error.rule()),
            expected,
            "{count}"
        );
    }
}

#[test]
fn many_entries_need_zip64() {
    for count in [65_534, 65_536] {
        let mut writer = Writer::new(Cursor::new(Vec::new()));
        for i in 0..count {
            writer.directory(&i.to_string()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert_eq!(verified(&bytes).1.len(), count);
    }
}

/// Sizes beyond 32 bits: the writer's ZIP64 fields and the reader's.
#[test]
#[ignore = "deflates and inflates 4 GiB: ten seconds"]
fn four_gibibytes() {
    let size = (4 << 30) + 100;
    let mut writer = Writer::new(tempfile::tempfile().unwrap());
    writer
        .file("zeros", false, &mut io::repeat(0).take(size))
        .unwrap();
    writer.bytes("behind", false, b"behind").unwrap();
    let file = writer.finish().unwrap();
    let pack = verify(&file, &Rules::snapshot()).unwrap();
    assert!(
        matches!(pack.get(0).unwrap().content, Content::File { stream, .. } if stream.size == size)
    );
    assert!(
        matches!(read(&file, pack.get(1).unwrap()), Item::File(false, bytes) if bytes == b"behind")
    );
}

#[test]
fn a_changed_container_is_noticed_while_reading() {
    let bytes = write(&[("f".into(), Item::File(false, noise(5000)))]);
    let (_, pack) = verified(&bytes);
    let Content::File { stream, .. } = pack.get(0).unwrap().content else {
        panic!("no file");
    };
    let mut changed = bytes.clone();
    changed[stream.offset as usize + 100] ^= 1;
    let cut = &bytes[..stream.offset as usize + 4000];
    for bytes in [&changed[..], cut] {
        assert_eq!(
            read_entry(&file(bytes), &stream).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
    let large = pannier_archive::entries::Stream {
        size: 1 << 40,
        ..stream
    };
    assert_eq!(
        read_entry(&file(&bytes), &large).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
}

fn any_item() -> impl Strategy<Value = Item> {
    prop_oneof![
        (any::<bool>(), prop::collection::vec(any::<u8>(), 0..600))
            .prop_map(|(x, bytes)| Item::File(x, bytes)),
        (any::<bool>(), prop::collection::vec(0..3_u8, 0..9000))
            .prop_map(|(x, bytes)| Item::File(x, bytes)),
        "[a-z./é]{1,30}".prop_map(Item::Symlink),
        Just(Item::Directory),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(items in prop::collection::btree_map("[a-m]{1,8}(/[n-zé日]{1,3}){0,3}", any_item(), 0..12)) {
        // The first components are lower case and unlike the others, so only files above files can conflict.
        let items: Vec<_> = items.into_iter().collect();
        let above = |path: &str| items.iter().any(|(other, item)| {
            !matches!(item, Item::Directory) && path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
        });
        prop_assume!(!items.iter().any(|(path, _)| above(path)));
        let bytes = write(&items);
        prop_assert!(bytes == write(&items));
        let (file, pack) = verified(&bytes);
        let read: Vec<_> = pack.iter().map(|entry| (entry.path.clone(), read(&file, entry))).collect();
        prop_assert_eq!(format!("{read:?}"), format!("{items:?}"));
    }
}
