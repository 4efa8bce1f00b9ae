//! A project's page of a package index: JSON (PEP 691) or HTML (PEP 503), read for the URLs of files.
//!
//! Refuses to trust digests that a page states: the caller knows the digest of what it wants.

use crate::url::SafeUrl;

/// What to ask a server for: JSON if it has it.
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// The page of project `uv` on an index.
pub(super) fn page_of(index: &SafeUrl) -> Option<SafeUrl> {
    let mut url = index.expose().clone();
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(["uv", ""]);
    url.as_str().parse().ok()
}

/// The URL of the file called `name` on a page that came from `page`.
pub(super) fn file_url(page: &SafeUrl, text: &str, name: &str) -> Option<SafeUrl> {
    let mut urls = match text.trim_start().starts_with('{') {
        true => json_urls(text),
        false => html_urls(text),
    };
    urls.retain(|url| {
        url.split(['#', '?'])
            .next()
            .is_some_and(|path| path.ends_with(name))
    });
    urls.iter().find_map(|url| {
        let mut joined = page.expose().join(url).ok()?;
        joined.set_fragment(None);
        // The page's own credentials hold for files of the same server, as pip and uv have it.
        if joined.origin() == page.expose().origin()
            && joined.username().is_empty()
            && joined.password().is_none()
        {
            let _ = joined.set_username(page.expose().username());
            let _ = joined.set_password(page.expose().password());
        }
        let found: SafeUrl = joined.as_str().parse().ok()?;
        (found.file_name() == name).then_some(found)
    })
}

fn json_urls(text: &str) -> Vec<String> {
    let page: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let files = page["files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    files
        .iter()
        .filter_map(|file| Some(file["url"].as_str()?.to_owned()))
        .collect()
}

/// The `href`s of a page; enough of HTML for what PEP 503 allows to matter.
fn html_urls(text: &str) -> Vec<String> {
    let mut urls = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("href") {
        rest = &rest[at + 4..];
        let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else {
            continue;
        };
        let (value, end) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (&value[1..], value[1..].find(quote)),
            _ => (value, value.find([' ', '>', '\n', '\t'])),
        };
        if let Some(end) = end {
            urls.push(value[..end].replace("&amp;", "&"));
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "uv-1.0-py3-none-manylinux_2_17_x86_64.whl";

    fn page() -> SafeUrl {
        page_of(&"https://u:p@example.org/root/simple".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_page_lies_below_the_index_with_or_without_a_slash() {
        for index in ["https://example.org/simple", "https://example.org/simple/"] {
            assert_eq!(
                page_of(&index.parse().unwrap()).unwrap().to_string(),
                "https://example.org/simple/uv/"
            );
        }
    }

    #[test]
    fn json_and_html_pages_give_the_same_file() {
        let json = format!(
            r#"{{"files":[{{"url":"../../files/{NAME}.metadata"}},{{"url":"../../files/{NAME}"}}]}}"#
        );
        let html = format!(
            "<a href=\"../../files/old.whl\">x</a><a data-x=1 href='../../files/{NAME}#sha256=00'>y</a>"
        );
        for text in [json, html] {
            let url = file_url(&page(), &text, NAME).expect(&text);
            assert_eq!(
                url.without_credentials().to_string(),
                format!("https://example.org/root/files/{NAME}")
            );
            assert_eq!(url.credentials(), Some(("u".into(), "p".into())));
        }
    }

    #[test]
    fn another_server_gets_no_credentials() {
        let text = format!("<a href=\"https://files.example.com/{NAME}?a=1&amp;b=2\">");
        let url = file_url(&page(), &text, NAME).unwrap();
        assert_eq!(
            url.to_string(),
            format!("https://files.example.com/{NAME}?a=1&b=2")
        );
    }

    #[test]
    fn a_longer_name_is_not_the_file() {
        assert!(file_url(&page(), &format!("<a href=\"/evil-{NAME}\">"), NAME).is_none());
    }

    proptest! {
        #[test]
        fn any_page_is_read_without_panic(text in ".{0,200}", tail in "(<a href=['\"]?.{0,20}){0,4}") {
            let _ = file_url(&page(), &(text + &tail), NAME);
        }
    }
}
