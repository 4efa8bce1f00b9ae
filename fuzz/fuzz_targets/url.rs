//! URLs of indexes and git projects: what stands for user and password is shown nowhere, and what is shown is read again.
#![no_main]

use pannier_base::url::GitUrl;
use pannier_base::url::SafeUrl;
use pannier_base::url::redact;
use pannier_fuzz::SECRET;

libfuzzer_sys::fuzz_target!(|text: &str| {
    assert_eq!(redact(&redact(text)), redact(text));
    let plain = text.strip_prefix("git+").unwrap_or(text);
    let hidden = |url: &url::Url| {
        let shown = [
            url.host_str().unwrap_or(""),
            url.path(),
            url.query().unwrap_or(""),
            url.fragment().unwrap_or(""),
        ];
        let login = [url.username(), url.password().unwrap_or("")];
        login.iter().any(|it| it.contains(SECRET)) && !shown.iter().any(|it| it.contains(SECRET))
    };
    let hidden = url::Url::parse(plain).is_ok_and(|url| hidden(&url));
    let check = |shown: String| assert!(!hidden || !shown.contains(SECRET), "{text:?}: {shown}");
    match plain.parse::<SafeUrl>() {
        Ok(url) => {
            check(format!("{url} {url:?}"));
            check(redact(url.expose().as_str()));
            let bare = url.without_credentials();
            assert!(bare.credentials().is_none());
            assert_eq!(SafeUrl::of_server(&bare.to_string()).as_ref(), Ok(&bare));
            assert!(
                !url.same_origin(&bare)
                    || bare.with_credentials_of(&url).credentials() == url.credentials()
            );
        }
        Err(error) => check(format!("{error} {error:?}")),
    }
    match text.parse::<GitUrl>() {
        Ok(url) => {
            check(format!("{url} {url:?}"));
            let revision = url.revision.as_deref().unwrap_or("");
            assert!(!revision.contains(char::is_control));
            // What is shown is for people: signs that stand percent-encoded in a URL are shown as they are.
            // A password that is known now may stand in the query too, which is refused the second time.
            if url.repository.expose().query().is_some() {
                return;
            }
            let plain = |text: &str| {
                text.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
            };
            let folder = url.subdirectory.as_deref().unwrap_or("");
            if !plain(revision) || !plain(folder) || url.repository.expose().path().contains('@') {
                return;
            }
            let bare = GitUrl {
                repository: url.repository.without_credentials(),
                ..url
            };
            let again = bare.to_string().parse::<GitUrl>();
            let again = again.unwrap_or_else(|error| panic!("{bare}: {error}"));
            assert_eq!(again.to_string(), bare.to_string());
        }
        Err(error) => check(format!("{error} {error:?}")),
    }
});
