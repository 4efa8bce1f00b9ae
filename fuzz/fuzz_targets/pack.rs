//! Packs as a server sends them, with the checksum put right: what is taken in can be opened, what is refused leaves nothing.
#![no_main]

use std::fs;

use pannier_clients::git::pack::Packs;
use pannier_clients::git::pack::take;
use sha1_checked::{Digest, Sha1};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut pack = bytes.to_vec();
    pack.extend_from_slice(&Sha1::digest(bytes));
    let place = tempfile::tempdir_in("/dev/shm").expect("a folder can be made");
    let taken = take(&mut &pack[..], place.path(), &mut |_, _| Ok(None));
    let files = fs::read_dir(place.path()).expect("it is there").count();
    let expected = if matches!(taken, Ok(Some(_))) { 2 } else { 0 };
    assert_eq!(files, expected, "{taken:?}");
    if expected > 0 {
        let packs = Packs::open(place.path(), place.path());
        assert!(packs.is_ok(), "what was taken in can be opened");
    }
});
