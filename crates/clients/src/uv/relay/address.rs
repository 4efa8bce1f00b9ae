//! The relay's own URLs: what stands for an index, a file, and how the real URLs come back out of a text.
//!
//! `http://127.0.0.1:PORT/SECRET/index/ID/PROJECT/` is a page, `…/SECRET/file/MAC/https/HOST/PATH` a file. The MAC says that
//! a page linked to the file, in this run or in an earlier one that uv remembers; nobody can make one for another URL.

use pannier_base::digest::{Digest, Hasher};
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;

/// Hexadecimal digits of names and MACs: 128 bits.
const DIGITS: usize = 32;

/// Where the relay is, and its secrets. Not to be shown.
pub(super) struct Address {
    /// `http://127.0.0.1:PORT/SECRET/`
    base: String,
    secret: String,
    key: String,
}

/// What is requested.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The page of a project.
    Page { index: String, project: PackageName },
    /// A file that a page linked to, or its metadata (PEP 658).
    File { url: SafeUrl },
}

/// What an index is called: the same in every run.
pub(super) fn id(index: &SafeUrl) -> String {
    short(&Digest::of(index.expose().as_str().as_bytes()))
}

/// A URL as it is signed: without credentials and fragment.
pub(super) fn bare(url: &SafeUrl) -> String {
    let mut bare = url.without_credentials().expose().clone();
    bare.set_fragment(None);
    bare.into()
}

impl Address {
    pub(super) fn new(port: u16, secret: String, key: String) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}/{secret}/"),
            secret,
            key,
        }
    }

    /// The URL of the index called `id`; `url` is its real one, whose end it shares.
    pub(super) fn index(&self, id: &str, url: &SafeUrl) -> String {
        let slash = match url.expose().path().ends_with('/') {
            true => "/",
            false => "",
        };
        format!("{}index/{id}{slash}", self.base)
    }

    /// The URL of a file; one that is not on an HTTP server stays as it is.
    pub(super) fn file(&self, url: &SafeUrl) -> String {
        let bare = bare(url);
        let Some((scheme @ ("http" | "https"), rest)) = bare.split_once("://") else {
            return url.without_credentials().to_string();
        };
        let fragment = url.expose().fragment();
        let fragment = fragment.map(|text| format!("#{text}")).unwrap_or_default();
        format!(
            "{}file/{}/{scheme}/{rest}{fragment}",
            self.base,
            self.mac(&bare)
        )
    }

    /// What the target of a request (`/SECRET/…`) means.
    pub(super) fn target(&self, target: &str) -> Option<Target> {
        let rest = target.strip_prefix('/')?.strip_prefix(&self.secret)?;
        if let Some(page) = rest.strip_prefix("/index/") {
            let (index, project) = page.trim_end_matches('/').split_once('/')?;
            let name: PackageName = project.parse().ok()?;
            return (name.as_str() == project).then(|| Target::Page {
                index: index.to_owned(),
                project: name,
            });
        }
        let (mac, rest) = rest.strip_prefix("/file/")?.split_once('/')?;
        let (scheme, rest) = rest.split_once('/')?;
        let url = format!("{scheme}://{rest}");
        let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
        let signed = path
            .strip_suffix(".metadata")
            .is_some_and(|file| self.mac(&format!("{file}{query}")) == mac)
            || self.mac(&url) == mac;
        let url = SafeUrl::of_server(&url).ok()?;
        signed.then_some(Target::File { url })
    }

    /// The text with real URLs in place of this address's. `real` knows the indexes.
    pub(super) fn restore(&self, text: &str, real: &dyn Fn(&str) -> Option<SafeUrl>) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut parts = text.split(&self.base);
        restored.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let known = self.restored_index(part, real).or_else(|| {
                let file = part.strip_prefix("file/")?.get(DIGITS + 1..)?;
                let (scheme, rest) = file.split_once('/')?;
                Some(format!("{scheme}://{rest}"))
            });
            restored.push_str(&known.unwrap_or_else(|| part.to_owned()));
        }
        restored.replace(&self.secret, "****")
    }

    fn restored_index(&self, part: &str, real: &dyn Fn(&str) -> Option<SafeUrl>) -> Option<String> {
        let part = part.strip_prefix("index/")?;
        let (id, rest) = part.split_at_checked(DIGITS)?;
        let real = real(id)?.to_string();
        Some(format!("{}{rest}", real.trim_end_matches('/')))
    }

    /// Of fixed length inside, so that nobody can lengthen it.
    fn mac(&self, url: &str) -> String {
        let mut hasher = Hasher::default();
        hasher.field(self.key.as_bytes());
        hasher.field(Digest::of(url.as_bytes()).as_bytes());
        short(&hasher.finish())
    }
}

fn short(digest: &Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address() -> Address {
        Address::new(20_000, "0f".repeat(16), "key".to_owned())
    }

    fn path(url: &str) -> &str {
        url.strip_prefix("http://127.0.0.1:20000").unwrap()
    }

    fn url(text: &str) -> SafeUrl {
        SafeUrl::of_server(text).unwrap()
    }

    #[test]
    fn pages_and_files_are_found_again() {
        let address = address();
        for index in [
            "https://u:p@example.org/simple/",
            "https://example.org/simple",
        ] {
            let index = url(index).without_credentials();
            let id = id(&index);
            let relayed = address.index(&id, &index);
            assert_eq!(relayed.ends_with('/'), index.to_string().ends_with('/'));
            let page = format!("{}/job-lib/", relayed.trim_end_matches('/'));
            let found = address.target(path(&page));
            let project = "job-lib".parse().unwrap();
            assert_eq!(found, Some(Target::Page { index: id, project }));
            let text = address.restore(&format!("a `{relayed}` b"), &|_| Some(index.clone()));
            assert_eq!(text, format!("a `{index}` b"));
        }
        let file = "https://example.org:8443/f/a-1%2Bx.whl?t=1&u=/&X-Amz-Signature=00";
        let relayed = address.file(&url(&file.replace("//", "//u:p@")));
        assert_eq!(
            address.target(path(&relayed)),
            Some(Target::File { url: url(file) })
        );
        let metadata = relayed.replace(".whl", ".whl.metadata");
        let found = address.target(path(&metadata));
        let file = file.replace(".whl", ".whl.metadata");
        assert_eq!(found, Some(Target::File { url: url(&file) }));
        assert_eq!(address.restore(&metadata, &|_| None), file);
    }

    #[test]
    fn what_no_page_linked_to_is_not_found() {
        let address = address();
        let file = address.file(&url("https://example.org/a.whl"));
        let other = Address::new(20_000, "0f".repeat(16), "other".to_owned());
        for target in [
            path(&file).replace("a.whl", "b.whl"),
            path(&file).replace("https", "http"),
            path(&file).replace("example.org", "127.0.0.1"),
            path(&file).replace("0f0f", "0e0f"),
            path(&file).replace("a.whl", "a.whl?x"),
            path(&other.file(&url("https://example.org/a.whl"))).to_owned(),
            path(&address.index("id", &url("https://example.org/"))).to_owned(),
            format!("/{}/index/id/../secrets/", address.secret),
            format!("/{}/index/id/a/b/", address.secret),
            format!("/{}/index/id/A/", address.secret),
            "/".to_owned(),
        ] {
            assert_eq!(address.target(&target), None, "{target}");
        }
    }

    #[test]
    fn no_secret_stays_in_a_text() {
        let address = address();
        let text = format!(
            "{}other {} {}index/{}",
            address.base,
            address.secret,
            address.base,
            "a".repeat(32)
        );
        let restored = address.restore(&text, &|_| None);
        assert!(!restored.contains(&address.secret), "{restored}");
    }

    proptest! {
        #[test]
        fn any_target_and_text_is_survived(text in "(/|0f|file|index|https|http://127.0.0.1:20000/|é|\\?|.metadata){0,12}") {
            let address = address();
            let _ = address.target(&text);
            let _ = address.target(&format!("/{}{text}", address.secret));
            let _ = address.restore(&text.replace("20000/", &format!("20000/{}/", address.secret)), &|_| None);
        }
    }
}
