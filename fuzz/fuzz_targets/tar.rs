//! Tar archives, with checksums put right: entries stay in the tree, and an archive is unpacked as it is read.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::Corpus;
use pannier_archive::tarball::read::Entries;
use pannier_archive::tarball::read::EntryKind;
use pannier_archive::tarball::read::Extent;
use pannier_archive::tarball::read::ReadError;
use pannier_archive::unpack::Input;
use pannier_archive::unpack::Options;
use pannier_archive::unpack::Target;
use pannier_archive::unpack::unpack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> Corpus {
    let mut bytes = bytes.to_vec();
    mend(&mut bytes);
    let _ = read(&bytes, Extent::Run);
    let tree = read(&bytes, Extent::Whole);
    if tree.as_ref().is_ok_and(|tree| tree.len() > 64) {
        return Corpus::Reject;
    }
    let place = tempfile::tempdir_in("/dev/shm").expect("a folder can be made");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&bytes).expect("it is written to memory");
    let gzip = gzip.finish().expect("it is written to memory");
    let options = Options {
        jobs: NonZeroUsize::MIN,
        expected: None,
        manifest: None,
        absolute_links: pannier_base::paths::AbsoluteLinks::Refuse,
        force: false,
    };
    let target = place.path().join("tree");
    let unpacked = unpack(
        Input::Stream(Box::new(&gzip[..])),
        &Target::Folder(target.clone()),
        &options,
    );
    let beside: Vec<_> = fs::read_dir(place.path()).expect("it is there").collect();
    assert_eq!(
        beside.len(),
        usize::from(unpacked.is_ok()),
        "{unpacked:?}: {beside:?}"
    );
    if unpacked.is_ok() {
        let tree = tree.expect("what is unpacked can be read");
        let mut files = BTreeMap::new();
        walk(&target, "", &mut files);
        for (path, content) in tree {
            assert_eq!(files.get(&path), Some(&content), "{path:?}");
        }
    }
    Corpus::Keep
});

/// Gives every header that a reader would come to its checksum.
fn mend(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.len() >= 512 {
        let (block, behind) = rest.split_at_mut(512);
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&block[124..135]).ok();
        let size = size
            .and_then(|size| usize::from_str_radix(size, 8).ok())
            .unwrap_or(0);
        let passed = size.next_multiple_of(512).min(behind.len());
        rest = &mut behind[passed..];
    }
}

/// Files and links with their content.
fn read(bytes: &[u8], extent: Extent) -> Result<BTreeMap<String, Vec<u8>>, ReadError> {
    let mut entries = Entries::new(bytes, extent);
    let mut tree = BTreeMap::new();
    while let Some(entry) = entries.next_entry()? {
        let parts = entry.path.split('/');
        assert!(
            entry.path.is_empty()
                || parts
                    .into_iter()
                    .all(|part| !matches!(part, "" | "." | ".."))
        );
        assert!(!entry.path.contains('\0') && entry.mode <= 0o777 && entry.mtime.1 < 1_000_000_000);
        let mut content = Vec::new();
        entries.content(|bytes| {
            content.extend_from_slice(bytes);
            Ok::<(), ReadError>(())
        })?;
        match entry.kind {
            EntryKind::Directory => continue,
            EntryKind::File(size) => assert_eq!(size, content.len() as u64),
            EntryKind::Symlink(target) => content = target.into_bytes(),
        }
        tree.insert(entry.path, content);
    }
    Ok(tree)
}

fn walk(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{name}{}", entry.file_name().to_str().expect("UTF-8"));
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), files);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            files.insert(name, target.into_os_string().into_encoded_bytes());
        } else {
            files.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
}
