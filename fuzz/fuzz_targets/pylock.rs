//! `pylock.toml`: what is read can be written and is then read as the same; credentials come out nowhere.
#![no_main]

use pannier_core::lock::pylock::read;
use pannier_core::lock::pylock::read_document;
use pannier_core::lock::pylock::write;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match read_document(text) {
        Ok(document) => pannier_fuzz::keeps_secret(text, &format!("{document:?}")),
        Err(error) => pannier_fuzz::keeps_secret(text, &pannier_fuzz::chain(&error)),
    }
    if let Ok(lock) = read(text) {
        let written = write(&lock.lock);
        let again = read(&written).expect("what is written can be read");
        assert_eq!(write(&again.lock), written);
    }
});
