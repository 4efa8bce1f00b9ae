//! What the store promises, on a wheel that is made here.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;
use pannier_archive::wheel::{StubMetadata, stub};
use pannier_base::class::{Class, Classify};
use pannier_base::platform::Target;

struct Fixture {
    _folder: tempfile::TempDir,
    store: Store,
    root: PathBuf,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    Fixture {
        store: Store::open(&root).unwrap(),
        root,
        _folder: folder,
    }
}

fn care(it: &Fixture) -> Maintenance {
    Maintenance::open(&it.root).unwrap()
}

fn wheel_bytes() -> (WheelFilename, Vec<u8>) {
    let meta = StubMetadata {
        name: "demo".parse().unwrap(),
        version: "1.0".parse().unwrap(),
        requires_dist: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
    };
    ("demo-1.0-py3-none-any.whl".parse().unwrap(), stub(&meta))
}

fn admit(store: &Store) -> StoredWheel {
    let (filename, bytes) = wheel_bytes();
    let mut incoming = store.incoming().unwrap();
    incoming.write_all(&bytes).unwrap();
    store.admit_wheel(incoming, &filename, None.into()).unwrap()
}

#[test]
fn what_went_in_comes_out() {
    let it = fixture();
    let admitted = admit(&it.store);
    let found = it
        .store
        .wheel(&admitted.filename, &admitted.sha256)
        .unwrap()
        .unwrap();
    assert_eq!(found.wheel, admitted.wheel);
    assert_eq!(fs::read(&found.path).unwrap(), wheel_bytes().1);
    assert!(
        it.store
            .wheel(&admitted.filename, &Digest::of(b"other"))
            .unwrap()
            .is_none()
    );
    // A second time is no different.
    assert_eq!(admit(&it.store).sha256, admitted.sha256);
}

#[test]
fn only_the_owner_can_read_a_store() {
    let it = fixture();
    let mode = fs::metadata(&it.root).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn another_file_than_expected_is_refused_and_leaves_nothing() {
    let it = fixture();
    let (filename, bytes) = wheel_bytes();
    let mut incoming = it.store.incoming().unwrap();
    incoming.write_all(&bytes).unwrap();
    let error = it
        .store
        .admit_wheel(incoming, &filename, Some(&Digest::of(b"other")).into())
        .unwrap_err();
    assert_eq!(error.class(), Class::Refused);
    assert!(
        error
            .to_string()
            .contains(&Digest::of(b"other").to_string())
    );
    assert!(
        it.store
            .wheel(&filename, &Digest::of(&bytes))
            .unwrap()
            .is_none()
    );
    assert!(!it.root.join("wheels").exists());
}

#[test]
fn a_wheel_of_other_metadata_than_listed_is_refused_and_leaves_nothing() {
    let it = fixture();
    let (filename, bytes) = wheel_bytes();
    let admit = |metadata: &str| {
        let mut incoming = it.store.incoming().unwrap();
        incoming.write_all(&bytes).unwrap();
        let expected = Expected {
            sha256: None,
            metadata: Some(metadata.as_bytes()),
        };
        it.store.admit_wheel(incoming, &filename, expected)
    };
    let own = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let error = admit(&format!("{own}Requires-Dist: evil\n")).unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
    assert!(!it.root.join("wheels").exists());
    admit("<html>").unwrap();
    admit(own).unwrap();
}

#[test]
fn bytes_that_are_no_wheel_are_refused() {
    let it = fixture();
    let (filename, mut bytes) = wheel_bytes();
    bytes.push(0);
    let mut incoming = it.store.incoming().unwrap();
    incoming.write_all(&bytes).unwrap();
    let error = it
        .store
        .admit_wheel(incoming, &filename, None.into())
        .unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
}

#[test]
fn a_replaced_file_does_not_inherit_the_verdict() {
    let it = fixture();
    let admitted = admit(&it.store);
    fs::write(&admitted.path, b"something else").unwrap();
    assert!(
        it.store
            .wheel(&admitted.filename, &admitted.sha256)
            .unwrap()
            .is_none()
    );
    assert!(!admitted.path.exists());
}

#[test]
fn a_restored_file_keeps_its_verdict_after_its_bytes_were_read_again() {
    let it = fixture();
    let admitted = admit(&it.store);
    let copy = admitted.path.with_extension("copy");
    fs::copy(&admitted.path, &copy).unwrap();
    fs::rename(&copy, &admitted.path).unwrap();
    let found = it
        .store
        .wheel(&admitted.filename, &admitted.sha256)
        .unwrap();
    assert!(found.is_some());
}

#[test]
fn a_lost_or_damaged_verdict_is_made_anew() {
    let it = fixture();
    let admitted = admit(&it.store);
    let verdict = admitted.path.with_file_name("verdict");
    for damage in [
        &b""[..],
        b"junk that is longer than a head of thirty-six bytes",
    ] {
        fs::write(&verdict, damage).unwrap();
        let found = it
            .store
            .wheel(&admitted.filename, &admitted.sha256)
            .unwrap()
            .unwrap();
        assert_eq!(found.wheel, admitted.wheel);
    }
    fs::remove_file(&verdict).unwrap();
    assert!(
        it.store
            .wheel(&admitted.filename, &admitted.sha256)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_folder_without_its_file_is_filled_again() {
    let it = fixture();
    let admitted = admit(&it.store);
    fs::remove_file(&admitted.path).unwrap();
    assert!(
        it.store
            .wheel(&admitted.filename, &admitted.sha256)
            .unwrap()
            .is_none()
    );
    assert!(admit(&it.store).path.exists());
}

#[test]
fn verification_removes_what_has_rotted() {
    let it = fixture();
    let admitted = admit(&it.store);
    assert_eq!(care(&it).verify().unwrap().good, 1);
    fs::write(&admitted.path, b"rotten").unwrap();
    let verified = care(&it).verify().unwrap();
    assert_eq!(verified.removed, ["demo-1.0-py3-none-any.whl"]);
    assert!(!admitted.path.exists());
}

#[test]
fn verification_reads_snapshots_too() {
    let it = fixture();
    let key = Digest::of(b"key");
    let snapshot = || {
        let mut writer = zip::Writer::new(Vec::new());
        writer.bytes("table", false, b"1,2,3").unwrap();
        let mut incoming = it.store.incoming().unwrap();
        incoming.write_all(&writer.finish().unwrap()).unwrap();
        it.store.admit_data(incoming, &key).unwrap()
    };
    let admitted = snapshot();
    assert_eq!(care(&it).verify().unwrap().good, 1);
    let mut bytes = fs::read(&admitted.path).unwrap();
    bytes[40] ^= 1;
    fs::write(&admitted.path, bytes).unwrap();
    let verified = care(&it).verify().unwrap();
    assert_eq!((verified.good, verified.removed.len()), (0, 1));
    assert!(!admitted.path.exists());
    assert!(snapshot().path.exists());
}

#[test]
fn what_cannot_be_read_is_told_and_stays() {
    let it = fixture();
    let admitted = admit(&it.store);
    fs::remove_file(&admitted.path).unwrap();
    fs::create_dir(&admitted.path).unwrap();
    let error = care(&it).verify().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }));
    assert!(admitted.path.exists());
}

#[test]
fn pruning_waits_for_nobody_and_keeps_what_is_named() {
    let it = fixture();
    let admitted = admit(&it.store);
    let keep = Keep {
        digests: BTreeSet::from([admitted.sha256]),
        ..Keep::default()
    };
    let pruned = |keep| care(&it).prune(keep, true);
    assert!(matches!(pruned(&keep), Err(StoreError::Busy(_))));
    drop(it.store);
    let pruned = |keep| Maintenance::open(&it.root).unwrap().prune(keep, true);
    assert_eq!(pruned(&keep).unwrap().entries, 0);
    assert_eq!(pruned(&Keep::default()).unwrap().entries, 1);
    assert!(!admitted.path.exists());
}

/// Every file and folder below, with the content of files.
fn tree(root: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.push((path.clone(), fs::read(&path).ok()));
        }
    }
    found.sort();
    found
}

/// What is done to a folder that is no store leaves it as it was.
#[track_caller]
fn untouched(root: &Path) {
    let before = tree(root);
    assert!(matches!(Store::open(root), Err(StoreError::NotAStore(_))));
    assert!(matches!(
        Maintenance::open(root),
        Err(StoreError::NotAStore(_))
    ));
    assert_eq!(tree(root), before);
}

#[test]
fn nothing_is_made_or_removed_in_a_folder_that_is_no_store() {
    let digest = Digest::of(b"x").to_string();
    let group = &digest[..2];
    let cases: &[&[&str]] = &[
        &["notes.txt"],
        &["tmp/run-1/file"],
        &["tmp/.turnstile", "lock", "notes.txt"],
        &["tmp/.turnstile", "tmp/mine", "lock"],
        &["lock", "data/mine.csv", "tmp/.turnstile"],
        &["lock", "data/2024/mine.csv", "tmp/.turnstile"],
        &["lock", "git/project/README", "tmp/.turnstile"],
        &["lock", "uv-cache/mine", "tmp/.turnstile"],
        &["lock", "uv/mine", "tmp/.turnstile"],
        &["lock", "index-relay/mine", "tmp/.turnstile"],
        &["lock", "index-relay"],
        &["wheels/readme"],
        &["lock"],
        &[".pannier-store"],
        &[&format!("wheels/{group}/{digest}")],
        &[&format!("wheels/00/{digest}/x.whl")],
        &[&format!("wheels/{group}/{digest}/x.whl"), "src/main.py"],
    ];
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        for path in *case {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = match path.ends_with(".turnstile") || path.ends_with("lock") {
                true => "",
                false => "something else\n",
            };
            fs::write(path, text).unwrap();
        }
        untouched(folder.path());
    }
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    fs::write(&mine, "a file that a link leads to").unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink("../mine", root.join(".pannier-store")).unwrap();
    untouched(&root);
    assert_eq!(fs::read(mine).unwrap(), b"a file that a link leads to");
    // Empty folders of such names prove nothing, and neither does a lock that holds something.
    let folder = tempfile::tempdir().unwrap();
    for name in ["data", "git", "wheels/ab"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    untouched(folder.path());
    let it = fixture();
    admit(&it.store);
    let root = it.root.clone();
    drop(it.store);
    fs::remove_file(root.join(".pannier-store")).unwrap();
    fs::write(root.join("lock"), "4711").unwrap();
    untouched(&root);
}

#[test]
fn a_store_without_a_marker_is_known_by_its_layout() {
    let it = fixture();
    let admitted = admit(&it.store);
    for name in [
        "git/0123456789abcdef0123456789abcdef.git/HEAD",
        "git/0123456789abcdef0123456789abcdef.git.lock",
        "git/.half-0123456789abcdef0123456789abcdef.git-x1/HEAD",
        "uv/0.9.1/uv",
        "uv-cache/CACHEDIR.TAG",
        "uv-cache/archive-v0/x",
        "tmp/run-dead/x",
        "index-relay",
        "lost+found/x",
    ] {
        let path = it.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    drop(it.store);
    let marker = it.root.join(".pannier-store");
    let text = fs::read(&marker).unwrap();
    fs::remove_file(&marker).unwrap();
    // Looking at it writes nothing; the next one who writes marks it.
    let care = Maintenance::open(&it.root).unwrap();
    assert_eq!(care.info().unwrap().parts[0].1, 1);
    assert_eq!(care.verify().unwrap().good, 1);
    assert!(!marker.exists());
    drop(Store::open(&it.root).unwrap());
    assert_eq!(fs::read(&marker).unwrap(), text);
    fs::remove_file(&marker).unwrap();
    let care = Maintenance::open(&it.root).unwrap();
    // The wheel, the mirrors, uv's cache.
    assert_eq!(care.prune(&Keep::default(), true).unwrap().entries, 3);
    assert!(marker.exists() && !admitted.path.exists());
    // What is left of a store whose cache kept the wheels alone.
    let it = fixture();
    admit(&it.store);
    drop(it.store);
    for name in [".pannier-store", "lock"] {
        fs::remove_file(it.root.join(name)).unwrap();
    }
    fs::remove_dir_all(it.root.join("tmp")).unwrap();
    drop(Store::open(&it.root).unwrap());
}

#[test]
fn looking_after_nothing_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for root in [folder.path().to_owned(), folder.path().join("missing")] {
        let care = Maintenance::open(&root).unwrap();
        assert!(care.info().unwrap().parts.iter().all(|part| part.1 == 0));
        assert_eq!(care.verify().unwrap(), Verified::default());
        assert_eq!(
            care.prune(&Keep::default(), true).unwrap(),
            Pruned::default()
        );
    }
    assert_eq!(tree(folder.path()), []);
}

#[test]
fn files_that_a_store_does_not_have_are_not_removed_from_it() {
    let it = fixture();
    admit(&it.store);
    drop(it.store);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("file"), "mine").unwrap();
    let digest = Digest::of(b"x").to_string();
    let foreign = [
        "notes.txt".to_owned(),
        "wheels/notes.txt".to_owned(),
        "wheels/ab/notes.txt".to_owned(),
        "wheels/project/src/main.py".to_owned(),
        format!("wheels/00/{digest}/x.whl"),
        "data/2024/january/table.csv".to_owned(),
        "built/ab/notes.txt".to_owned(),
    ];
    for name in &foreign {
        let path = it.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    std::os::unix::fs::symlink(elsewhere.path(), it.root.join("git")).unwrap();
    let care = || Maintenance::open(&it.root).unwrap();
    assert_eq!(care().verify().unwrap().good, 1);
    // The wheel, and the link.
    assert_eq!(care().prune(&Keep::default(), true).unwrap().entries, 2);
    for name in &foreign {
        assert_eq!(fs::read(it.root.join(name)).unwrap(), b"mine", "{name}");
    }
    assert!(elsewhere.path().join("file").exists() && !it.root.join("git").exists());
}

#[test]
fn a_marker_that_was_not_written_to_its_end_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join(".pannier-store");
    for half in ["", "pannier-st"] {
        fs::write(&marker, half).unwrap();
        drop(Store::open(folder.path()).unwrap());
        let text = fs::read_to_string(&marker).unwrap();
        assert!(text.starts_with("pannier-store 1\n"), "{text}");
    }
    fs::write(&marker, "pannier-store 2\n").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("has format 2"), "{error}");
    assert!(error.class() == Class::Usage && Maintenance::open(folder.path()).is_err());
}

#[test]
fn processes_that_make_a_store_together_all_have_it() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| admit(&Store::open(&root).unwrap()));
            }
        });
    }
}

#[test]
fn built_wheels_are_remembered_by_key() {
    let it = fixture();
    let record = BuiltRecord {
        filename: "demo-1.0-py3-none-any.whl".to_owned(),
        sha256: Digest::of(b"wheel"),
        source: "git 0123".to_owned(),
        tags: "v1-0-g0123".to_owned(),
        machine: Target {
            python: "3.11".parse().unwrap(),
            platform: "x86_64-manylinux_2_36".parse().unwrap(),
        },
    };
    let key = Digest::of(b"key");
    assert!(it.store.built(&key).unwrap().wheels.is_empty());
    it.store.remember_built(&key, record.clone()).unwrap();
    it.store.remember_built(&key, record.clone()).unwrap();
    let source = "https://h/of-the-store-tests/x.git".to_owned();
    pannier_base::secret::know("of-the-store-tests");
    let exposed = BuiltRecord {
        source,
        ..record.clone()
    };
    let error = it.store.remember_built(&key, exposed).unwrap_err();
    assert!(
        error.to_string().contains("https://h/****/x.git"),
        "{error}"
    );
    assert_eq!(it.store.built(&key).unwrap().wheels, [record]);
}
