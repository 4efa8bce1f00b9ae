//! Known secrets: whatever the text and the secrets, none is left, and what is left is stable.
#![no_main]

use pannier_base::secret::Exposed;
use pannier_base::secret::Secrets;
use pannier_base::secret::redact;
use pannier_base::secret::redact_input;

libfuzzer_sys::fuzz_target!(|input: (Vec<String>, String, usize)| {
    let (values, text, keep) = input;
    let secrets = Secrets::new(values.iter().map(|value| ("job".to_owned(), value.clone())));
    let shown = secrets.hide(&text);
    assert!(secrets.find(&shown).is_empty());
    assert_eq!(secrets.hide(&shown), shown);
    for value in values.iter().filter(|value| !secrets.find(value).is_empty()) {
        assert!(!shown.contains(value.as_str()), "{value:?} in {shown:?}");
    }
    assert!(secrets.find(&secrets.hide_end(&text, keep)).is_empty());
    assert_eq!(redact(&redact(&text)), redact(&text));
    assert_eq!(redact_input(&redact_input(&text)), redact_input(&text));
    let _ = Exposed::check("a text", &text);
});
