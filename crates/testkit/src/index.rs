//! A package index on loopback: the simple repository API as HTML (PEP 503) and JSON (PEP 691), digests in the links,
//! metadata files (PEP 658 / 714), ranges, and Basic authorization where wanted. Its faults are those of [`Loopback`].

use std::sync::{Arc, Mutex};

use pannier_base::digest::Digest;

use super::loopback::{Answer, Loopback, Request};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// A file that the index serves.
#[derive(Clone)]
pub struct IndexFile {
    /// Normalised name of its project.
    pub project: String,
    /// File name of the wheel or source archive.
    pub name: String,
    pub bytes: Vec<u8>,
    /// `METADATA` of a wheel: served next to it when given.
    pub metadata: Option<Vec<u8>>,
    /// Whether resolvers alone are shown the metadata, and Pannier is not.
    pub two_faced: bool,
    pub requires_python: Option<String>,
    /// Why it was taken back (PEP 592), if it was.
    pub yanked: Option<String>,
    /// The digest that the index states; the right one unless the test lets the index lie.
    pub sha256: String,
}

impl IndexFile {
    pub fn new(project: &str, name: &str, bytes: Vec<u8>) -> Self {
        Self {
            project: project.to_owned(),
            name: name.to_owned(),
            sha256: Digest::of(&bytes).to_string(),
            bytes,
            metadata: None,
            two_faced: false,
            requires_python: None,
            yanked: None,
        }
    }
}

#[derive(Default)]
struct Content {
    files: Vec<IndexFile>,
    login: Option<String>,
    lasting: bool,
}

/// The index; it lives as long as this value.
pub struct Index {
    pub http: Loopback,
    content: Arc<Mutex<Content>>,
}

impl Index {
    pub fn start() -> Self {
        let content = Arc::new(Mutex::new(Content::default()));
        let shared = Arc::clone(&content);
        let http = Loopback::start(move |request| {
            let content = shared.lock().expect("no panic");
            let answer = answer(&content, request);
            match content.lasting && answer.status < 300 {
                true => lasting(answer, request),
                false => answer,
            }
        });
        Self { http, content }
    }

    /// The URL to give as index.
    pub fn url(&self) -> String {
        self.http.url("/simple/")
    }

    /// The same with `user:password` in it.
    pub fn url_as(&self, login: &str) -> String {
        self.http.url_as(login, "/simple/")
    }

    pub fn add(&self, file: IndexFile) {
        self.content.lock().expect("no panic").files.push(file);
    }

    /// From now on clients may keep files for a year, and ask whether a page has changed.
    pub fn last(&self) {
        self.content.lock().expect("no panic").lasting = true;
    }

    /// Serves another file under a name that there is.
    pub fn replace(&self, file: IndexFile) {
        let mut content = self.content.lock().expect("no panic");
        content.files.retain(|known| known.name != file.name);
        content.files.push(file);
    }

    /// From now on every request needs this `user:password`.
    pub fn protect(&self, login: &str) {
        self.content.lock().expect("no panic").login = Some(login.to_owned());
    }
}

/// The answer with what an HTTP cache needs to use it again.
fn lasting(answer: Answer, request: &Request) -> Answer {
    if request.path.starts_with("/files/") {
        return answer.with("cache-control", "max-age=31536000, immutable");
    }
    let tag = format!("\"{}\"", Digest::of(&answer.body));
    let answer = match request.header("if-none-match") == Some(&tag) {
        true => Answer::new(304, ""),
        false => answer,
    };
    answer
        .with("etag", tag)
        .with("cache-control", "max-age=0, must-revalidate")
}

fn answer(content: &Content, request: &Request) -> Answer {
    if content.login.is_some() && request.login() != content.login {
        return Answer::new(401, "who?").with("www-authenticate", "Basic realm=\"index\"");
    }
    if let Some(name) = request.path.strip_prefix("/files/") {
        return file(content, request, name);
    }
    let Some(rest) = request.path.strip_prefix("/simple/") else {
        return Answer::new(404, "no such page");
    };
    let project = rest.trim_end_matches('/');
    if project.is_empty() {
        return projects(content, request);
    }
    let files: Vec<_> = content
        .files
        .iter()
        .filter(|file| file.project == project)
        .collect();
    match files.as_slice() {
        [] => Answer::new(404, "no such project"),
        _ if wants_json(request) => json_page(project, &files),
        _ => html_page(&files),
    }
}

fn wants_json(request: &Request) -> bool {
    request
        .header("accept")
        .is_some_and(|accept| accept.contains(JSON))
}

fn projects(content: &Content, request: &Request) -> Answer {
    let mut names: Vec<_> = content
        .files
        .iter()
        .map(|file| file.project.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    if wants_json(request) {
        let projects: Vec<_> = names
            .iter()
            .map(|name| serde_json::json!({ "name": name }))
            .collect();
        let page = serde_json::json!({ "meta": { "api-version": "1.0" }, "projects": projects });
        return Answer::new(200, page.to_string()).with("content-type", JSON);
    }
    let links = names
        .iter()
        .map(|name| format!("<a href=\"{name}/\">{name}</a>\n"));
    html(links.collect())
}

fn json_page(project: &str, files: &[&IndexFile]) -> Answer {
    let files: Vec<_> = files
        .iter()
        .map(|file| {
            let metadata = file.metadata.as_ref();
            let metadata =
                metadata.map(|m| serde_json::json!({ "sha256": Digest::of(m).to_string() }));
            serde_json::json!({
                "filename": file.name,
                "url": format!("../../files/{}", file.name),
                "hashes": { "sha256": file.sha256 },
                "requires-python": file.requires_python,
                "yanked": file.yanked.clone().map_or(false.into(), serde_json::Value::from),
                "core-metadata": metadata.unwrap_or(false.into()),
            })
        })
        .collect();
    let page =
        serde_json::json!({ "meta": { "api-version": "1.0" }, "name": project, "files": files });
    Answer::new(200, page.to_string()).with("content-type", JSON)
}

fn html_page(files: &[&IndexFile]) -> Answer {
    let links = files.iter().map(|file| {
        let python = file.requires_python.as_ref();
        let python = python.map(|text| {
            format!(
                " data-requires-python=\"{}\"",
                text.replace('>', "&gt;").replace('<', "&lt;")
            )
        });
        let yanked = file.yanked.as_ref();
        let yanked = yanked.map(|reason| format!(" data-yanked=\"{reason}\""));
        let metadata = file.metadata.as_ref();
        let metadata =
            metadata.map(|m| format!(" data-core-metadata=\"sha256={}\"", Digest::of(m)));
        format!(
            "<a href=\"../../files/{name}#sha256={digest}\"{}{}{}>{name}</a><br>\n",
            python.unwrap_or_default(),
            metadata.unwrap_or_default(),
            yanked.unwrap_or_default(),
            name = file.name,
            digest = file.sha256,
        )
    });
    html(links.collect())
}

fn html(body: String) -> Answer {
    Answer::new(
        200,
        format!("<!DOCTYPE html><html><body>\n{body}</body></html>"),
    )
    .with("content-type", "text/html")
}

fn is_pannier(request: &Request) -> bool {
    let agent = request.header("user-agent");
    agent.is_some_and(|agent| agent.starts_with("pannier/"))
}

fn file(content: &Content, request: &Request, name: &str) -> Answer {
    let wheel = name.strip_suffix(".metadata");
    let found = content
        .files
        .iter()
        .find(|file| file.name == wheel.unwrap_or(name));
    let bytes = match (found, wheel) {
        (Some(file), None) => Some(&file.bytes),
        (Some(file), Some(_)) if file.two_faced && is_pannier(request) => None,
        (Some(file), Some(_)) => file.metadata.as_ref(),
        (None, _) => None,
    };
    let Some(bytes) = bytes else {
        return Answer::new(404, "no such file");
    };
    let whole = || Answer::new(200, bytes.clone()).with("accept-ranges", "bytes");
    let Some(range) = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes="))
    else {
        return whole();
    };
    let Some((first, last)) = bounds(range, bytes.len()) else {
        let length = format!("bytes */{}", bytes.len());
        return Answer::new(416, "").with("content-range", length);
    };
    Answer::new(206, &bytes[first..=last])
        .with("accept-ranges", "bytes")
        .with(
            "content-range",
            format!("bytes {first}-{last}/{}", bytes.len()),
        )
}

/// First and last byte of a single range (RFC 9110, 14.1.2).
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    let end = length.checked_sub(1)?;
    let found = match (first, last) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(end)),
    };
    (found.0 <= found.1).then_some(found)
}
