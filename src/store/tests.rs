//! What the store promises, on a wheel that is made here.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::target::Target;
use crate::wheel::{StubMetadata, stub};

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
    store.admit_wheel(incoming, &filename, None).unwrap()
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
        .admit_wheel(incoming, &filename, Some(&Digest::of(b"other")))
        .unwrap_err();
    assert!(error.is_refusal());
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
fn bytes_that_are_no_wheel_are_refused() {
    let it = fixture();
    let (filename, mut bytes) = wheel_bytes();
    bytes.push(0);
    let mut incoming = it.store.incoming().unwrap();
    incoming.write_all(&bytes).unwrap();
    let error = it.store.admit_wheel(incoming, &filename, None).unwrap_err();
    assert!(error.is_refusal(), "{error}");
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
    assert_eq!(it.store.verify().unwrap().good, 1);
    fs::write(&admitted.path, b"rotten").unwrap();
    let verified = it.store.verify().unwrap();
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
    assert_eq!(it.store.verify().unwrap().good, 1);
    let mut bytes = fs::read(&admitted.path).unwrap();
    bytes[40] ^= 1;
    fs::write(&admitted.path, bytes).unwrap();
    let verified = it.store.verify().unwrap();
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
    let error = it.store.verify().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }));
    assert!(admitted.path.exists());
}

#[test]
fn pruning_waits_for_nobody_and_keeps_what_is_named() {
    let it = fixture();
    let admitted = admit(&it.store);
    let other = Store::open(&it.root).unwrap();
    let keep = Keep {
        digests: BTreeSet::from([admitted.sha256]),
        ..Keep::default()
    };
    assert!(matches!(
        it.store.prune(&keep, false),
        Err(StoreError::Busy(_))
    ));
    assert_eq!(other.prune(&keep, false).unwrap().entries, 0);
    let again = Store::open(&it.root).unwrap();
    assert_eq!(again.prune(&Keep::default(), true).unwrap().entries, 1);
    assert!(!admitted.path.exists());
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
    assert_eq!(it.store.built(&key).unwrap().wheels, [record]);
}
