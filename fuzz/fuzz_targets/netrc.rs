//! netrc: read without complaint, asked by host, shown never.
#![no_main]

use pannier_clients::http::Credentials;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let url = "https://git.example.org/x".parse().expect("a URL");
    let known = Credentials::default().with_netrc(text);
    if let Some(login) = known.for_url(&url) {
        assert!(!login.password().is_empty());
    }
    let shown = format!("{known:?}");
    assert!(!shown.contains(pannier_fuzz::SECRET), "{shown}");
});
