//! The fake index itself: what the end-to-end tests stand on must be right.
#![allow(clippy::unwrap_used)]

use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;
use pannier_clients::http::Call;
use pannier_clients::http::Client;
use pannier_clients::http::Credentials;
use pannier_clients::http::Options;
use pannier_testkit::index::{Index, IndexFile};

const WHEEL: &str = "demo_pkg-1.0-py3-none-any.whl";

fn index() -> Index {
    let index = Index::start();
    index.add(IndexFile {
        metadata: Some(b"Name: demo-pkg\n".to_vec()),
        requires_python: Some(">=3.9".to_owned()),
        ..IndexFile::new("demo-pkg", WHEEL, b"0123456789".to_vec())
    });
    index
}

fn client(credentials: Credentials) -> Client {
    Client::new(Options {
        credentials,
        ..Options::default()
    })
}

fn url(text: &str) -> SafeUrl {
    text.parse().unwrap()
}

#[test]
fn pages_in_both_forms() {
    let index = index();
    let client = client(Credentials::default());
    let page = url(&index.http.url("/simple/demo-pkg/"));
    let html = client.text(&page, "text/html").unwrap();
    let link = format!("../../files/{WHEEL}#sha256={}", Digest::of(b"0123456789"));
    assert!(
        html.contains(&link) && html.contains("data-requires-python=\"&gt;=3.9\""),
        "{html}"
    );
    let json = client
        .page(&page, "application/vnd.pypi.simple.v1+json")
        .unwrap();
    assert_eq!(json.media_type, "application/vnd.pypi.simple.v1+json");
    let json: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    let file = &json["files"][0];
    let target = page.expose().join(file["url"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client
        .download(&url(target.as_str()), &mut bytes, &|_| ())
        .unwrap();
    assert_eq!(file["hashes"]["sha256"], Digest::of(&bytes).to_string());
    let metadata = client
        .text(&url(&format!("{target}.metadata")), "*/*")
        .unwrap();
    assert_eq!(metadata, "Name: demo-pkg\n");
    assert!(
        client
            .text(&url(&index.url()), "text/html")
            .unwrap()
            .contains("demo-pkg/")
    );
    let error = client
        .text(&url(&index.http.url("/simple/other/")), "*/*")
        .unwrap_err();
    assert_eq!(error.status(), Some(404));
}

#[test]
fn parts_of_a_file() {
    let index = index();
    let client = client(Credentials::default());
    let file = url(&index.http.url(&format!("/files/{WHEEL}")));
    for (range, expected) in [
        ("bytes=2-4", "234"),
        ("bytes=-3", "789"),
        ("bytes=8-", "89"),
        ("bytes=8-99", "89"),
    ] {
        let call = Call {
            headers: vec![("range", range.to_owned())],
            ..Call::get(&file)
        };
        let response = client.send(&call).unwrap();
        assert_eq!(
            std::io::read_to_string(response).unwrap(),
            expected,
            "{range}"
        );
    }
}

#[test]
fn a_private_index_takes_its_token_for_files_too() {
    let index = index();
    index.protect("u:p");
    let credentials = Credentials::default().with_index(&url(&index.url_as("u:p")));
    let file = url(&index.http.url(&format!("/files/{WHEEL}")));
    assert_eq!(
        client(credentials).text(&file, "*/*").unwrap(),
        "0123456789"
    );
    let error = client(Credentials::default())
        .text(&file, "*/*")
        .unwrap_err();
    assert_eq!(error.status(), Some(401));
}
