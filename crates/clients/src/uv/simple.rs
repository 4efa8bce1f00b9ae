//! A project's page of a package index: JSON (PEP 691) or HTML (PEP 503), read for its files and which of them are yanked
//! (PEP 592).
//!
//! Refuses to trust digests that a page states: the caller knows the expected digest. Refuses to treat as a page what is
//! none: a sign-in form that a proxy answers with lists no files, and that says nothing about a project.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::http::{Client, DownloadSink, HttpError};
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;

/// A file that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its name, of a wheel or a source archive.
    pub name: String,
    /// Why it was taken back (PEP 592), which may be said without words; `None`: it was not.
    pub yanked: Option<String>,
    /// The Pythons that it allows (`Requires-Python`), as the index says it.
    pub requires_python: Option<String>,
}

/// Why an index does not tell the files of a project.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ListingError {
    /// It does not answer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Http(#[from] HttpError),
    /// It answers with something else.
    #[error("{url} is not the page of a project: {problem}")]
    #[diagnostic(help(
        "check the URL of the index; without credentials, some servers answer with a sign-in page"
    ))]
    NotAPage {
        /// The page's URL, without credentials.
        url: String,
        /// What is odd.
        problem: &'static str,
    },
}

/// The files of a project on an index (URL of its simple API); `None` when the index has no such project.
///
/// # Errors
/// [`ListingError`]
pub fn listing(
    client: &Client,
    index: &SafeUrl,
    project: &PackageName,
) -> Result<Option<Vec<ListedFile>>, ListingError> {
    let not_a_page = |problem| ListingError::NotAPage {
        url: index.without_credentials().to_string(),
        problem,
    };
    let page = page_of(index, project).ok_or_else(|| not_a_page("its URL has no path"))?;
    let text = match client.text(&page, ACCEPT) {
        Ok(text) => text,
        Err(error) if matches!(error.status(), Some(404 | 410)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match read(&text) {
        Ok(files) => Ok(Some(files)),
        Err(problem) => Err(ListingError::NotAPage {
            url: page.without_credentials().to_string(),
            problem,
        }),
    }
}

/// The metadata that an index has for the wheel at `wheel`, at most its first [`LONGEST`] bytes and one; `None` when it has none.
///
/// # Errors
/// [`HttpError`] when the index cannot be asked; that it refuses to answer means that it has none.
pub fn listed_metadata(client: &Client, wheel: &SafeUrl) -> Result<Option<Vec<u8>>, HttpError> {
    // https://peps.python.org/pep-0658/#specification
    let mut url = wheel.expose().clone();
    url.set_path(&format!("{}.metadata", wheel.expose().path()));
    url.set_fragment(None);
    let Ok(url) = SafeUrl::of_server(url.as_str()) else {
        return Ok(None);
    };
    let mut start = Start(Vec::new());
    match client.download(&url, &mut start, &|_| {}) {
        Ok(_) => Ok(Some(start.0)),
        // The rest cannot matter, and may have no end.
        Err(HttpError::Sink { .. }) if start.0.len() > LONGEST => Ok(Some(start.0)),
        Err(error) if error.status().is_some_and(|it| (400..500).contains(&it)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Longest metadata that a wheel may have, in bytes.
const LONGEST: usize = 8 << 20;

/// The first bytes of what is downloaded: enough to differ from any metadata that is not longer. Takes no more, which ends the
/// download.
struct Start(Vec<u8>);

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (LONGEST + 1).saturating_sub(self.0.len());
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DownloadSink for Start {
    fn reset(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// The files of a page.
fn read(text: &str) -> Result<Vec<ListedFile>, &'static str> {
    if !text.trim_start().starts_with('{') {
        let files: Vec<_> = tags(text, "a").iter().filter_map(html_file).collect();
        // An empty page and the page of someone else look the same.
        return match files.is_empty() {
            true => Err("it lists no files"),
            false => Ok(files),
        };
    }
    let page: serde_json::Value =
        serde_json::from_str(text).map_err(|_| "it is incomplete JSON")?;
    let files = page["files"].as_array().ok_or("it has no list of files")?;
    let listed = files.iter().map(|file| {
        let yanked = &file["yanked"];
        Some(ListedFile {
            name: file["filename"].as_str()?.to_owned(),
            yanked: match yanked.as_str() {
                Some(reason) => Some(reason.to_owned()),
                None => yanked.as_bool().unwrap_or(false).then(String::new),
            },
            requires_python: file["requires-python"].as_str().map(str::to_owned),
        })
    });
    let listed: Option<Vec<_>> = listed.collect();
    listed.ok_or("it lists files without names")
}

fn html_file(attributes: &BTreeMap<String, String>) -> Option<ListedFile> {
    let url = attributes.get("href")?;
    let path = url.split(['#', '?']).next()?;
    let name = path.rsplit('/').next()?;
    let archive = [".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".egg"];
    archive
        .iter()
        .any(|end| name.ends_with(end))
        .then(|| ListedFile {
            // The `+` of a local version is often written `%2B`.
            name: name.replace("%2B", "+").replace("%2b", "+"),
            yanked: attributes.get("data-yanked").cloned(),
            requires_python: attributes.get("data-requires-python").cloned(),
        })
}

/// What to ask a server for: JSON if it has it.
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// The page of a project on an index.
pub(super) fn page_of(index: &SafeUrl, project: &PackageName) -> Option<SafeUrl> {
    let mut url = index.expose().clone();
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend([project.as_str(), ""]);
    SafeUrl::of_server(url.as_str()).ok()
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
        let found = SafeUrl::of_server(joined.as_str()).ok()?;
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

/// The `href`s of a page.
fn html_urls(text: &str) -> Vec<String> {
    let urls = tags(text, "a")
        .into_iter()
        .filter_map(|mut tag| tag.remove("href"));
    urls.collect()
}

/// The attributes of each tag called `name` (in lower case); enough of HTML for what PEP 503 allows to matter.
pub(super) fn tags(text: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let is_it = rest
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if is_it && rest[name.len()..].starts_with(|c: char| c.is_ascii_whitespace()) {
            let (attributes, behind) = attributes(&rest[name.len()..]);
            found.push(attributes);
            rest = behind;
        }
    }
    found
}

/// Reads `name=value` until the `>` that ends a tag; gives what is behind it.
fn attributes(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'));
        let Some(end) = end else {
            return (found, "");
        };
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(behind) = rest.strip_prefix('=') {
            let behind = behind.trim_start();
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (start, end) = match quote {
                Some(quote) => (1, behind[1..].find(quote).map(|end| end + 1)),
                None => (0, behind.find(|c: char| c.is_whitespace() || c == '>')),
            };
            let Some(end) = end else {
                return (found, "");
            };
            value = unescaped(&behind[start..end]);
            rest = &behind[end + usize::from(quote.is_some())..];
        } else if let Some(behind) = rest.strip_prefix('>') {
            if !name.is_empty() {
                found.insert(name, value);
            }
            return (found, behind);
        }
        found.entry(name).or_insert(value);
    }
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &str = "uv-1.0-py3-none-manylinux_2_17_x86_64.whl";

    fn page() -> SafeUrl {
        let index = "https://u:p@example.org/root/simple".parse().unwrap();
        page_of(&index, &"uv".parse().unwrap()).unwrap()
    }

    #[test]
    fn the_page_lies_below_the_index_with_or_without_a_slash() {
        for index in ["https://example.org/simple", "https://example.org/simple/"] {
            assert_eq!(
                page_of(&index.parse().unwrap(), &"uv".parse().unwrap())
                    .unwrap()
                    .to_string(),
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

    fn listed(text: &str) -> Vec<(String, Option<String>)> {
        let files = read(text).unwrap();
        files
            .into_iter()
            .map(|file| (file.name, file.yanked))
            .collect()
    }

    #[test]
    fn yanked_files_are_known_in_both_forms() {
        let json = r#"{"files": [{"filename": "a-1-py3-none-any.whl", "yanked": false}, {"filename": "a-2.tar.gz"},
            {"filename": "a-3.zip", "yanked": "it's < broken"}, {"filename": "a-4.tar.gz", "yanked": true}]}"#;
        let html = "<a href='../a-1-py3-none-any.whl#sha256=0'>x</a><A\nHREF=a-2.tar.gz data-requires-python='&gt;=3'>y</A>\
            <a data-yanked=\"it's &lt; broken\" href=\"/x/a-3.zip?t=1\" >z</a><a href='a-4.tar.gz' data-yanked>z</a>\
            <abbr href='a-5.zip'><a href='/'>home</a>";
        let expected = [
            ("a-1-py3-none-any.whl", None),
            ("a-2.tar.gz", None),
            ("a-3.zip", Some("it's < broken")),
            ("a-4.tar.gz", Some("")),
        ];
        let expected = expected.map(|(name, yanked)| (name.to_owned(), yanked.map(str::to_owned)));
        assert_eq!(listed(json), expected);
        assert_eq!(listed(html), expected);
    }

    #[test]
    fn what_is_no_page_is_not_taken_for_an_empty_one() {
        for text in [
            "",
            "<html>Please sign in</html>",
            "{\"files\": [",
            "{}",
            "{\"files\": [{}]}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(listed("{\"files\": []}"), []);
    }

    #[test]
    fn metadata_without_end_is_read_as_far_as_it_matters() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/{NAME}?X-Amz-Signature=0",
            listener.local_addr().unwrap()
        );
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = [0; 1 << 12];
            let n = std::io::Read::read(&mut stream, &mut line).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
            String::from_utf8_lossy(&line[..n]).into_owned()
        });
        let client = Client::new(crate::http::Options::default());
        let url = SafeUrl::of_server(&url).unwrap();
        let found = listed_metadata(&client, &url).unwrap();
        assert_eq!(found.map(|it| it.len()), Some(LONGEST + 1));
        // The client has gone, or this would not end.
        let asked = server.join().unwrap();
        assert!(asked.starts_with(&format!("GET /{NAME}.metadata?X-Amz-Signature=0 ")));
    }

    proptest! {
        #[test]
        fn any_page_is_read_without_panic(text in ".{0,200}", tail in "(<a href=['\"]?.{0,20}){0,4}") {
            let page = text + &tail;
            let _ = file_url(&self::page(), &page, NAME);
            let _ = read(&page);
        }
    }
}
