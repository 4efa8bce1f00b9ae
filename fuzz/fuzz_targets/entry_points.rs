//! `entry_points.txt`: names stay in `bin/`, values are plain references, and what is printed is read as the same.
#![no_main]

use pannier_archive::wheel::EntryPoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(scripts) = EntryPoint::parse_all(bytes) else {
        return;
    };
    let mut text = "[console_scripts]\n".to_owned();
    for script in &scripts {
        let EntryPoint {
            name,
            module,
            attribute,
        } = script;
        for part in [name, module, attribute] {
            assert!(
                !part.is_empty() && !part.contains(|c: char| "/\\ '\"();#\n".contains(c)),
                "{part:?}"
            );
        }
        text.push_str(&format!("{name} = {module}:{attribute}\n"));
    }
    assert_eq!(
        EntryPoint::parse_all(text.as_bytes()).as_deref(),
        Ok(&scripts[..]),
        "{text:?}"
    );
});
