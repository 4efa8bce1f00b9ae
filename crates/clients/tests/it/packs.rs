//! Packs that git makes, taken in and read by our own reader; git is the judge of both.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use pannier_clients::git::pack::Content;
use pannier_clients::git::pack::Id;
use pannier_clients::git::pack::Kind;
use pannier_clients::git::pack::PackError;
use pannier_clients::git::pack::Packs;
use pannier_clients::git::pack::Scratch;
use pannier_clients::git::pack::take;
use pannier_testkit::git_http::{git, sealed};
use proptest::prelude::*;
use sha1_checked::{Digest as _, Sha1};
use tempfile::TempDir;

/// How git packs.
#[derive(Debug, Clone, Copy)]
struct Packing {
    window: u32,
    depth: u32,
    /// Whether differences name their bases by distance, or by id.
    by_distance: bool,
}

/// A repository with `commits` commits of files of all sizes; each commit changes some of them a little.
fn repository(seed: u64, commits: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut draw = fastrand::Rng::with_seed(seed);
    git(folder.path(), &["init", "-q", "-b", "main"]);
    // The last two do not fit what is kept in memory.
    let lengths = [0, 1, 70, 5_000, 70_000, 1_100_000, 1_500_000];
    let mut files: Vec<Vec<u8>> = lengths
        .iter()
        .map(|length| (0..*length).map(|_| draw.u8(b'a'..=b'z')).collect())
        .collect();
    for commit in 0..commits {
        for (number, bytes) in files.iter_mut().enumerate() {
            for _ in 0..draw.usize(0..3) {
                let at = draw.usize(..=bytes.len());
                let new = (0..draw.usize(..200)).map(|_| draw.u8(..));
                bytes.splice(at..at, new.collect::<Vec<u8>>());
            }
            let place = folder.path().join(format!("folder/{number}.bin"));
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, bytes).unwrap();
        }
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "x"]);
        let tag = format!("v{commit}");
        git(folder.path(), &["tag", "-a", "-m", "t", &tag]);
    }
    folder
}

impl Packing {
    /// Puts everything into one pack and gives its path.
    fn repack(self, repository: &Path) -> PathBuf {
        let offsets = format!("repack.useDeltaBaseOffset={}", self.by_distance);
        let window = format!("--window={}", self.window);
        let depth = format!("--depth={}", self.depth);
        let pack = ["-c", &offsets, "repack", "-adfq", &window, &depth];
        git(repository, &pack);
        let found = fs::read_dir(repository.join(".git/objects/pack")).unwrap();
        let mut found = found.map(|it| it.unwrap().path());
        found
            .find(|it| it.extension().is_some_and(|it| it == "pack"))
            .unwrap()
    }
}

/// Takes a pack that needs nothing else.
fn take_whole(mut pack: &[u8], into: &Path) -> Result<Option<PathBuf>, PackError> {
    take(&mut pack, into, &mut |_, _| Ok(None))
}

fn id(hexadecimal: &str) -> Id {
    let digits = |at| u8::from_str_radix(&hexadecimal[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(digits)
}

/// Every object as `git cat-file` has it: its id, type and bytes.
fn objects(repository: &Path) -> Vec<(Id, String, Vec<u8>)> {
    let output = sealed(repository)
        .args(["cat-file", "--batch", "--batch-all-objects"])
        .output()
        .unwrap();
    let (mut rest, mut found) = (&output.stdout[..], Vec::new());
    while !rest.is_empty() {
        let line = rest.iter().position(|it| *it == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..line]).unwrap();
        let words: Vec<_> = head.split(' ').collect();
        let length: usize = words[2].parse().unwrap();
        let bytes = rest[line + 1..][..length].to_vec();
        found.push((id(words[0]), words[1].to_owned(), bytes));
        rest = &rest[line + 1 + length + 1..];
    }
    assert!(!found.is_empty());
    found
}

fn check_objects(packs: &Packs, expected: &[(Id, String, Vec<u8>)]) {
    for (id, kind, bytes) in expected {
        let mut object = packs.object(id).unwrap().expect("it is in the pack");
        assert_eq!(
            (object.kind.name(), object.size),
            (kind.as_str(), bytes.len() as u64)
        );
        let mut found = Vec::new();
        object.read_to_end(&mut found).unwrap();
        assert!(found == *bytes, "{id:x?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_pack_is_taken_in_and_read_as_git_does(
        seed: u64,
        window in prop::sample::select(vec![0_u32, 10, 50]),
        depth in prop::sample::select(vec![1_u32, 3, 50]),
        by_distance: bool,
    ) {
        let made = repository(seed, 5);
        let packing = Packing { window, depth, by_distance };
        let pack = packing.repack(made.path());
        let bytes = fs::read(&pack).unwrap();
        let folder = TempDir::new().unwrap();
        let taken = take_whole(&bytes, folder.path()).unwrap().unwrap();
        prop_assert_eq!(taken.file_name(), pack.file_name());
        prop_assert!(fs::read(&taken).unwrap() == bytes);
        let index = |pack: &Path| fs::read(pack.with_extension("idx")).unwrap();
        prop_assert!(index(&taken) == index(&pack), "git has another index");
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let packs = Packs::open(folder.path(), folder.path()).unwrap();
        check_objects(&packs, &objects(made.path()));
        prop_assert!(packs.object(&[1; 20]).unwrap().is_none());
    }

    #[test]
    fn a_thin_pack_is_made_whole(seed: u64, by_distance: bool) {
        let made = repository(seed, 4);
        let (old, new) = ("v1", "v3");
        let whole = take_thin(made.path(), old, new, by_distance);
        // What it lacked stands in it now, so that git finds it whole.
        git(made.path(), &["verify-pack", &whole.pack.to_string_lossy()]);
        let index = whole.pack.with_extension("idx");
        let ours = fs::read(&index).unwrap();
        git(made.path(), &["index-pack", "-o", &whole.place("git.idx"), &whole.pack.to_string_lossy()]);
        prop_assert!(fs::read(whole.place("git.idx")).unwrap() == ours);
        prop_assert!(whole.looked_up > 0, "nothing was left out");
        let packs = Packs::open(whole.folder.path(), whole.folder.path()).unwrap();
        let expected: Vec<_> = objects(made.path())
            .into_iter()
            .filter(|(id, ..)| packs.object(id).unwrap().is_some())
            .collect();
        check_objects(&packs, &expected);
    }

    #[test]
    fn whatever_was_changed_is_refused(at: prop::sample::Index, bit in 0_u32..8) {
        let mut pack = small_pack();
        let at = at.index(pack.len());
        pack[at] ^= 1 << bit;
        let folder = TempDir::new().unwrap();
        prop_assert!(take_whole(&pack, folder.path()).is_err());
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // With a checksum that fits, what is taken can be read.
        let body = pack.len() - 20;
        let sum = Sha1::digest(&pack[..body]);
        pack[body..].copy_from_slice(&sum);
        if let Ok(Some(taken)) = take_whole(&pack, folder.path()) {
            let index = folder.path().join("of-git.idx").display().to_string();
    git(folder.path(), &["index-pack", "-o", &index, &taken.to_string_lossy()]);
        }
    }

    #[test]
    fn whatever_was_cut_off_is_refused(length: prop::sample::Index) {
        let pack = small_pack();
        let folder = TempDir::new().unwrap();
        let cut = &pack[..length.index(pack.len())];
        prop_assert!(take_whole(cut, folder.path()).is_err());
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

struct Whole {
    folder: TempDir,
    pack: PathBuf,
    /// How many objects were asked for.
    looked_up: usize,
}

impl Whole {
    fn place(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

/// Takes what `new` has and `old` lacks, as differences to what `old` has.
fn take_thin(repository: &Path, old: &str, new: &str, by_distance: bool) -> Whole {
    Packing {
        window: 0,
        depth: 1,
        by_distance,
    }
    .repack(repository);
    let mut command = sealed(repository);
    command.args([
        "pack-objects",
        "-q",
        "--thin",
        "--stdout",
        "--revs",
        "--no-reuse-delta",
    ]);
    command.args(by_distance.then_some("--delta-base-offset"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let wish = format!("{new}\n^{old}\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(wish.as_bytes())
        .unwrap();
    let pack = child.wait_with_output().unwrap().stdout;
    let folder = TempDir::new().unwrap();
    let there = Packs::open(&repository.join(".git/objects/pack"), folder.path()).unwrap();
    let known = git(repository, &["rev-list", "--objects", old]);
    let known: HashSet<Id> = known.lines().map(|line| id(&line[..40])).collect();
    let mut looked_up = 0;
    let mut bases =
        |id: &Id, scratch: &mut Scratch| -> Result<Option<(Kind, Content)>, PackError> {
            looked_up += 1;
            if !known.contains(id) {
                return Ok(None);
            }
            let mut object = there.object(id)?.expect("it is there");
            let content = scratch.keep_all(object.size, &mut object)?;
            Ok(Some((object.kind, content)))
        };
    let taken = take(&mut &pack[..], folder.path(), &mut bases).unwrap();
    // Without what it lacks it is refused.
    let alone = TempDir::new().unwrap();
    let refused = take_whole(&pack, alone.path());
    assert!(matches!(refused, Err(PackError::NoBase { .. })));
    assert_eq!(fs::read_dir(alone.path()).unwrap().count(), 0);
    Whole {
        folder,
        pack: taken.unwrap(),
        looked_up,
    }
}

/// A pack of some small objects, with differences of both kinds.
fn small_pack() -> Vec<u8> {
    static PACK: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let make = || {
        let folder = TempDir::new().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        let text: String = (0..400).map(|n| format!("line {n}\n")).collect();
        for n in [7, 50, 300] {
            let changed = text.replace(&format!("line {n}\n"), "another\n");
            fs::write(folder.path().join(format!("{n}.txt")), changed).unwrap();
        }
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "-q", "-m", "x"]);
        let packing = Packing {
            window: 10,
            depth: 10,
            by_distance: true,
        };
        fs::read(packing.repack(folder.path())).unwrap()
    };
    PACK.get_or_init(make).clone()
}

/// A pack of these entries, each with its header in front.
fn forged(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut pack = [
        b"PACK\0\0\0\x02".as_slice(),
        &(entries.len() as u32).to_be_bytes(),
    ]
    .concat();
    for (header, content) in entries {
        pack.extend(*header);
        let level = flate2::Compression::default();
        let mut deflate = flate2::write::ZlibEncoder::new(&mut pack, level);
        deflate.write_all(content).unwrap();
        deflate.finish().unwrap();
    }
    let sum = Sha1::digest(&pack);
    pack.extend(sum);
    pack
}

/// What a forged pack is refused for.
fn refused(entries: &[(&[u8], &[u8])]) -> String {
    let folder = TempDir::new().unwrap();
    let error = take_whole(&forged(entries), folder.path()).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    error.to_string()
}

#[test]
fn forged_packs_are_refused_for_what_is_wrong() {
    const BLOB: &[u8] = &[0x33];
    let blob: (&[u8], &[u8]) = (BLOB, b"abc");
    let to = |id: u8| [[0x74].as_slice(), &[id; 20]].concat();
    let folder = TempDir::new().unwrap();
    assert!(
        take_whole(&forged(&[blob]), folder.path())
            .unwrap()
            .is_some()
    );
    insta::assert_snapshot!(
        [
            refused(&[(BLOB, b"abcd")]),
            refused(&[(BLOB, b"ab")]),
            refused(&[(&[0x53], b"abc")]),
            // A difference to nothing, to the middle of an entry, to the pack's head, and to an object that is not there.
            refused(&[(&[0x64, 0], &[3, 3, 0x90, 3])]),
            refused(&[blob, (&[0x64, 2], &[3, 3, 0x90, 3])]),
            refused(&[(&[0x64, 12], &[3, 3, 0x90, 3])]),
            refused(&[blob, (&to(7), &[3, 3, 0x90, 3])]),
            // A difference to something longer, one that copies too much, one without an instruction that is known.
            refused(&[blob, (&[0x64, 12], &[4, 3, 0x90, 3])]),
            refused(&[blob, (&[0x64, 12], &[3, 4, 0x90, 4])]),
            refused(&[blob, (&[0x64, 12], &[3, 3, 0, 3])]),
        ]
        .join("\n")
    );
}

#[test]
fn what_is_no_pack_is_refused_and_an_empty_one_not_kept() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(take_whole(&forged(&[]), folder.path()), Ok(None)));
    let whole = forged(&[(&[0x33], b"abc")]);
    let mut longer = whole.clone();
    longer.push(0);
    for pack in [&b""[..], b"PACK", b"<html>not found</html>", &longer] {
        assert!(take_whole(pack, folder.path()).is_err());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_object_that_is_there_twice_is_taken_as_git_takes_it() {
    let folder = TempDir::new().unwrap();
    let blob: (&[u8], &[u8]) = (&[0x33], b"abc");
    let pack = forged(&[blob, (&[0x32], b"ab"), blob]);
    let taken = take_whole(&pack, folder.path()).unwrap().unwrap();
    let index = folder.path().join("of-git.idx").display().to_string();
    git(
        folder.path(),
        &["index-pack", "-o", &index, &taken.to_string_lossy()],
    );
    let packs = Packs::open(folder.path(), folder.path()).unwrap();
    for content in ["abc", "ab"] {
        let id = Sha1::digest(format!("blob {}\0{content}", content.len()));
        let mut found = String::new();
        let mut object = packs.object(&id.into()).unwrap().unwrap();
        object.read_to_string(&mut found).unwrap();
        assert_eq!(found, content);
    }
}

#[test]
fn a_pack_that_was_damaged_later_is_noticed() {
    let folder = TempDir::new().unwrap();
    let pack = forged(&[(&[0x33], b"abc")]);
    let place = take_whole(&pack, folder.path()).unwrap().unwrap();
    let mut object = Sha1::new();
    object.update(b"blob 3\0abc");
    let id: Id = object.finalize().into();
    let read = |pack: &[u8]| {
        fs::remove_file(&place).unwrap();
        fs::write(&place, pack).unwrap();
        let packs = Packs::open(folder.path(), folder.path()).unwrap();
        let mut bytes = Vec::new();
        let read = packs.object(&id).unwrap().unwrap().read_to_end(&mut bytes);
        read.map(|_| bytes)
    };
    assert_eq!(read(&pack).unwrap(), b"abc");
    // Another file of the same length, in an entry that is well made.
    let error = read(&forged(&[(&[0x33], b"abd")])).unwrap_err();
    assert!(matches!(error.downcast(), Ok(PackError::Object { .. })));
    assert!(read(&forged(&[(&[0x34], b"abcd")])).is_err());
}
