//! Overrides: what is read is printed and read as the same, is below its own server and nowhere else, and what is refused is
//! not repeated.
#![no_main]

use std::path::Path;

use pannier_core::request::overrides::OverrideName;
use pannier_core::request::overrides::OverrideValue;
use pannier_config::OverridesFile;
use pannier_core::request::overrides::Prefix;
use pannier_fuzz::SECRET;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let name = OverrideName::fold(text);
    assert_eq!(OverrideName::fold(name.as_str()), name);
    if let Err(error) = OverridesFile::parse(text, Path::new("o.yml")) {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
    match text.parse::<OverrideValue>() {
        Err(error) => assert!(!error.to_string().contains(SECRET), "{error}"),
        Ok(value) => {
            let printed = value.to_string();
            let again = printed.parse::<OverrideValue>();
            assert_eq!(again.as_ref(), Ok(&value), "{printed}");
            let url = match &value {
                OverrideValue::Git { repository, .. } => repository,
                OverrideValue::File { url, .. } => url,
                OverrideValue::Version(_) => return,
            };
            assert!(url.credentials().is_none(), "{printed}");
            let server = Prefix::server(url).expect("a server");
            assert!(server.covers(url), "{printed}");
            let path = url.expose().path();
            assert!(!path.split('/').any(|part| part == ".."), "{printed}");
            let elsewhere: Prefix = "https://other.example.org/g".parse().expect("a prefix");
            assert!(!elsewhere.covers(url) || url.host() == "other.example.org");
        }
    }
});
