//! Containers as they come: what is accepted can be read and carried.
#![no_main]

use pannier_archive::zip::Rules;
use pannier_archive::zip::verify;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let file = pannier_fuzz::file(bytes);
    let wheel = verify(&file, &Rules::default());
    let snapshot = verify(&file, &Rules::snapshot());
    if let Ok(pack) = &wheel {
        assert_eq!(
            snapshot.as_ref().ok(),
            Some(pack),
            "a snapshot may be more, not less"
        );
        pannier_fuzz::check_pack(&file, pack);
    }
});
