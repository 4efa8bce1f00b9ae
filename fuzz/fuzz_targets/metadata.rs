//! `METADATA` and `WHEEL`: no field holds a line end, and one kind of line end is as good as the other.
#![no_main]

use pannier_archive::wheel::Metadata;
use pannier_archive::wheel::WheelFile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = WheelFile::parse(bytes);
    let Ok(mut metadata) = Metadata::parse(bytes) else {
        return;
    };
    // A folded value may end with an empty line, which stays as a blank.
    let lines = [&mut metadata.name, &mut metadata.version].into_iter();
    let lines = lines
        .chain(&mut metadata.requires_dist)
        .chain(&mut metadata.extras);
    for line in lines.chain(&mut metadata.requires_python) {
        *line = line.trim().to_owned();
    }
    let mut text = format!(
        "Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
        metadata.name, metadata.version
    );
    for line in &metadata.requires_dist {
        text.push_str(&format!("Requires-Dist: {line}\n"));
    }
    for line in &metadata.extras {
        text.push_str(&format!("Provides-Extra: {line}\n"));
    }
    if let Some(line) = &metadata.requires_python {
        text.push_str(&format!("Requires-Python: {line}\n"));
    }
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let again = Metadata::parse(text.as_bytes()).expect("what is printed can be read");
        assert_eq!(
            again,
            Metadata {
                warnings: Vec::new(),
                ..metadata.clone()
            },
            "{text:?}"
        );
    }
});
