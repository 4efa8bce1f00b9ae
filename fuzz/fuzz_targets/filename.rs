//! Wheel file names: they print back, and the tags they stand for can be counted.
#![no_main]

use pannier_archive::wheel::WheelFilename;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<WheelFilename>() {
        assert_eq!(name.to_string(), text);
        assert!(!text.contains(['/', '\\', '\0', '\n']));
        assert!(name.tags().next().is_some());
        let tags: Vec<_> = name.tags().take(8).collect();
        assert!(name.rank(&tags).is_some());
    }
});
