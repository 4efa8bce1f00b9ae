//! `RECORD`: what is printed is read as the same rows.
#![no_main]

use pannier_archive::wheel::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut record) = Record::parse(bytes) {
        let text = record.to_text();
        let again = Record::parse(text.as_bytes()).expect("what is printed can be read");
        record.rows.sort();
        assert_eq!(again, record);
        assert_eq!(again.to_text(), text);
    }
});
