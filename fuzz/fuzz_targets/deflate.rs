//! Deflate streams in a right container: accepted only if another inflater reads all of it, and to the same bytes.
#![no_main]

use flate2::{Decompress, FlushDecompress, Status};
use pannier_archive::zip::Rules;
use pannier_archive::zip::verify;

const LARGEST: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| {
    let mut inflate = Decompress::new(false);
    let mut plain = Vec::with_capacity(LARGEST);
    let status = inflate.decompress_vec(raw, &mut plain, FlushDecompress::Finish);
    if plain.len() == LARGEST {
        return;
    }
    let whole = matches!(status, Ok(Status::StreamEnd)) && inflate.total_in() == raw.len() as u64;
    let crc32 = crc32fast::hash(&plain);
    let file = pannier_fuzz::file(&pannier_fuzz::container(raw, plain.len() as u32, crc32));
    // The ratio is not this target's affair.
    match verify(
        &file,
        &Rules {
            ratio: u64::MAX,
            ..Rules::default()
        },
    ) {
        Ok(pack) => {
            assert!(whole, "another inflater refuses it");
            pannier_fuzz::check_pack(&file, &pack);
        }
        Err(error) => assert!(!whole, "another inflater takes it: {error:?}"),
    }
});
