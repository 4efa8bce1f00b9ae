//! `pannier.yml`: errors name their place and no credentials.
#![no_main]

use std::path::Path;

use pannier_config::file::ConfigFile;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match ConfigFile::parse(text, Path::new("pannier.yml")) {
        Ok(file) => pannier_fuzz::keeps_secret(text, &format!("{file:?}")),
        Err(error) => pannier_fuzz::keeps_secret(text, &pannier_fuzz::chain(&error)),
    }
});
