//! What several targets need: files in memory, containers and tarballs around given bytes, and a word that must not leak.
//!
//! Judges nothing: that is for the targets.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use pannier_base::digest::Digest;
use pannier_archive::entries::Content;
use pannier_archive::entries::Pack;
use pannier_archive::entries::Stream;
use pannier_archive::tarball::Container;
use pannier_archive::tarball::Contents;
use pannier_archive::tarball::Manifest;
use pannier_archive::tarball::ManifestImage;
use pannier_archive::tarball::ManifestTarget;
use pannier_archive::tarball::Mtime;
use pannier_archive::tarball::Part;
use pannier_archive::tarball::assemble;
use pannier_archive::tarball::read::gunzip;
use pannier_archive::venv::Item;
use pannier_archive::venv::ItemKind;
use pannier_archive::zip;

/// The password of the seeds. Where it stands in a URL's user information, no message may hold it.
pub const SECRET: &str = "s3cr3t";

/// A file with these bytes that has no name, in memory where the machine allows it.
pub fn file(bytes: &[u8]) -> File {
    let file = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile());
    let mut file = file.expect("a temporary file can be made");
    file.write_all(bytes).expect("there is room for it");
    file
}

/// Checks that no message repeats the secret, if it stands in `text` only where `redact` finds user information.
pub fn keeps_secret(text: &str, shown: &str) {
    if text.contains(SECRET) && !pannier_base::url::redact(text).contains(SECRET) {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

/// An error with its causes, as the log shows it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Every file of a verified container can be read, has the content that was verified, and has it again in a tarball.
pub fn check_pack(file: &File, pack: &Pack) {
    let mut carried = Vec::new();
    let mut contents = Vec::new();
    for (entry, it) in pack.iter().enumerate() {
        assert!(!it.path.is_empty() && !it.path.starts_with('/') && !it.path.ends_with('/'));
        assert!(
            it.path
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
        );
        let Content::File { stream, .. } = it.content else {
            continue;
        };
        if stream.size > 1 << 20 {
            continue;
        }
        let content = zip::read_entry(file, &stream).expect("what is verified can be read");
        assert_eq!(Digest::of(&content), stream.sha256);
        check_raw(file, &stream, &content);
        let kind = ItemKind::Carried {
            pack: 0,
            stream,
            executable: false,
        };
        carried.push(Item {
            path: format!("venv/{entry}"),
            kind,
        });
        contents.push(content);
    }
    let plain = plain(&tarball(file, pack, carried)).expect("the tarball is whole");
    let mut entries =
        pannier_archive::tarball::read::Entries::new(&plain[..], pannier_archive::tarball::read::Extent::Whole);
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().expect("the tarball can be read") {
        let mut content = Vec::new();
        let take = |bytes: &[u8]| {
            content.extend_from_slice(bytes);
            Ok::<(), pannier_archive::tarball::read::ReadError>(())
        };
        entries.content(take).expect("the tarball can be read");
        if entry.path.starts_with("venv/") {
            found.push(content);
        }
    }
    assert!(
        found == contents,
        "the tarball holds other bytes than the container"
    );
}

fn check_raw(file: &File, stream: &Stream, content: &[u8]) {
    let mut raw = vec![0; stream.compressed as usize];
    file.read_exact_at(&mut raw, stream.offset)
        .expect("the stream lies in the file");
    if stream.coding == pannier_archive::entries::Coding::Stored {
        assert!(raw == content);
    }
}

/// A tarball of files that are carried from one container.
pub fn tarball(file: &File, pack: &Pack, items: Vec<Item>) -> Vec<u8> {
    let contents = Contents {
        manifest: &manifest(),
        head: None,
        mtime: Mtime::default(),
        packing: pannier_archive::tarball::Packing::default(),
        cache: None,
    };
    let file = file.try_clone().expect("a descriptor is free");
    let container = Container {
        file: &Arc::new(file),
        pack,
        origin: None,
    };
    let part = Part {
        containers: vec![container],
        items,
    };
    let out = Shared::default();
    assemble(&contents, &[part], out.clone()).expect("it is written to memory");
    std::mem::take(&mut *out.0.lock().expect("nobody has panicked"))
}

/// An output in memory that is looked at when it is complete.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody has panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn manifest() -> Manifest {
    Manifest {
        format: Manifest::FORMAT,
        pannier: "0".into(),
        lock: Digest::of(b""),
        image: ManifestImage {
            name: "a".parse().expect("a name"),
            reference: None,
        },
        target: ManifestTarget {
            python: "3.13".parse().expect("a Python"),
            platform: "x86_64-manylinux_2_41".parse().expect("a platform"),
            interpreter: "/usr/bin/python3".into(),
            bytecode: None,
        },
        packages: Vec::new(),
        data: Vec::new(),
        fallback: None,
        overrides: Vec::new(),
    }
}

/// What a gzip file inflates to; at most 16 MiB are looked at.
pub fn plain(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    gunzip(bytes).take(16 << 20).read_to_end(&mut plain)?;
    Ok(plain)
}

/// A container of one deflated entry with these sizes and this CRC, of this raw data.
pub fn container(raw: &[u8], size: u32, crc32: u32) -> Vec<u8> {
    const NAME: &[u8] = b"a";
    let mut both = Vec::new();
    both.extend(20u16.to_le_bytes());
    both.extend([0, 0, 8, 0, 0, 0, 0x21, 0]);
    both.extend(crc32.to_le_bytes());
    both.extend((raw.len() as u32).to_le_bytes());
    both.extend(size.to_le_bytes());
    both.extend([NAME.len() as u8, 0, 0, 0]);
    let mut bytes = [b"PK\x03\x04", &both[..], NAME, raw].concat();
    let start = bytes.len() as u32;
    bytes.extend(b"PK\x01\x02\x14\x03");
    bytes.extend(&both);
    bytes.extend([0; 6]);
    bytes.extend(0o100_644u32.wrapping_shl(16).to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(NAME);
    let length = bytes.len() as u32 - start;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}
