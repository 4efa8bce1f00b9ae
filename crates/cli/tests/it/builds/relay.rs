//! What stands between uv and an index that needs credentials: what it serves, to whom, and what it leaves behind.

use std::io::{Read, Write};
use std::net::TcpStream;

use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::Client;
use pannier_clients::http::Credentials;
use pannier_clients::http::Options;
use pannier_clients::uv::Compile;
use pannier_clients::uv::Indexes;
use pannier_clients::uv::Relay;
use pannier_clients::uv::Surroundings;
use pannier_clients::uv::UvError;
use tempfile::TempDir;

use crate::builds::world::stub_of;
use pannier_base::class::{Class, Classify};
use pannier_testkit::index::{Index, IndexFile};
use pannier_testkit::loopback::{Answer, Fault, Loopback};

const LOGIN: &str = "reader:secret";

/// A private index, and uv with a relay to it.
struct World {
    index: Index,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            index: Index::start(),
            folder: TempDir::new().unwrap(),
        };
        world.index.protect(LOGIN);
        world.index.add(stub_of("leaf", "1.0"));
        world
    }

    fn around(&self, url: &str, login: &str) -> Surroundings {
        self.around_with(url, login, "")
    }

    /// The same with what netrc says.
    fn around_with(&self, url: &str, login: &str, netrc: &str) -> Surroundings {
        let url = url.replace("http://", &format!("http://{login}@"));
        let url = url.parse().unwrap();
        let client = Client::new(Options {
            credentials: Credentials::default().with_index(&url).with_netrc(netrc),
            ..Options::default()
        });
        Surroundings {
            variables: ChildEnvironment::new(&std::env::vars().collect(), &[]),
            cache: self.folder.path().join("cache"),
            index: Indexes {
                url: Some(url),
                extra: Vec::new(),
            },
            offline: false,
            relay: Some(Relay::new(client, self.folder.path().join("relay"))),
        }
    }

    fn lock(&self, around: &Surroundings, requirement: &str) -> Result<String, UvError> {
        let compile = Compile {
            requirements: &[requirement.to_owned()],
            python: "3.11",
            ..Compile::default()
        };
        let work = TempDir::new().unwrap();
        pannier_testkit::uv::uv().compile(&compile, work.path(), around)
    }
}

/// What was asked for since `before`.
fn since(index: &Index, before: usize) -> Vec<String> {
    let seen = index.http.seen();
    let seen = seen[before..].iter().map(|request| {
        let check = request.header("if-none-match").is_some();
        format!("{}{}", request.path, if check { " (changed?)" } else { "" })
    });
    seen.collect()
}

#[test]
fn a_lock_names_the_real_index_and_a_warm_one_fetches_nothing_again() {
    let world = World::new();
    world.index.last();
    let around = world.around(&world.index.url(), LOGIN);
    let cold = world.lock(&around, "leaf").unwrap();
    assert!(
        cold.contains(&world.index.http.url("/files/leaf-1.0")),
        "{cold}"
    );
    assert!(!cold.contains("secret"), "{cold}");
    drop(around);
    // Another run, with another relay at the same address.
    let before = world.index.http.count();
    let around = world.around(&world.index.url(), LOGIN);
    assert_eq!(world.lock(&around, "leaf").unwrap(), cold);
    assert_eq!(since(&world.index, before), ["/simple/leaf/ (changed?)"]);
    drop(around);
    let before = world.index.http.count();
    let around = Surroundings {
        offline: true,
        ..world.around(&world.index.url(), LOGIN)
    };
    assert_eq!(world.lock(&around, "leaf").unwrap(), cold);
    assert!(since(&world.index, before).is_empty());
}

#[test]
fn a_lock_is_the_same_with_and_without_a_relay() {
    let world = World {
        index: Index::start(),
        folder: TempDir::new().unwrap(),
    };
    for version in ["1.0", "1.1+local.2", "2.0"] {
        world.index.add(IndexFile {
            requires_python: Some(">=3.8,<4".to_owned()),
            yanked: (version == "2.0").then(|| "it's <broken>".to_owned()),
            ..stub_of("leaf", version)
        });
    }
    let extra = Index::start();
    extra.add(stub_of("other", "1.0"));
    let lock = |around: Surroundings, cache: &str| {
        let mut around = Surroundings {
            cache: world.folder.path().join(cache),
            ..around
        };
        around.index.extra.push(extra.url().parse().unwrap());
        let compile = Compile {
            requirements: &["leaf".to_owned(), "other".to_owned()],
            python: "3.11",
            ..Compile::default()
        };
        let work = TempDir::new().unwrap();
        let uv = pannier_testkit::uv::uv();
        uv.compile(&compile, work.path(), &around).unwrap()
    };
    let direct = Surroundings {
        relay: None,
        ..world.around(&world.index.url(), LOGIN)
    };
    let direct = lock(direct, "direct");
    assert!(
        direct.contains("leaf-1.1") && direct.contains("other-1.0"),
        "{direct}"
    );
    world.index.protect(LOGIN);
    let relayed = lock(world.around(&world.index.url(), LOGIN), "relayed");
    assert_eq!(relayed, direct);
}

#[test]
fn a_wrong_password_is_told_with_the_real_index() {
    let world = World::new();
    let error = world
        .lock(&world.around(&world.index.url(), "reader:wrong"), "leaf")
        .unwrap_err();
    let text = error.to_string();
    let text = text.replace(&world.index.http.url(""), "http://INDEX");
    insta::assert_snapshot!(text, @r"
    uv could not resolve the requirements:
    No solution found when resolving dependencies
      cause: Because leaf was not found in the package registry and you require leaf, we can conclude that your requirements are unsatisfiable.

    hint: An index URL (http://INDEX/simple/) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
    http://INDEX/simple/leaf/ answered 401 Unauthorized
    hint: the credentials from the URL were refused for 127.0.0.1: check that they are valid and may read this project
    ");
    assert_eq!(error.class(), Class::Upstream, "{error}");
}

#[test]
fn an_index_that_is_not_there_is_told_as_such() {
    let world = World::new();
    let error = world
        .lock(&world.around("http://127.0.0.1:9/simple/", LOGIN), "leaf")
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("http://127.0.0.1:9/simple/leaf/ cannot be reached"),
        "{text}"
    );
    assert_eq!(error.class(), Class::Upstream, "{error}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_file_that_breaks_off_is_fetched_again() {
    let world = World::new();
    // Without metadata of its own, uv reads it out of the wheel.
    world
        .index
        .http
        .fault("GET /files/leaf", Fault::Truncate(20));
    let around = world.around(&world.index.url(), LOGIN);
    let lock = world.lock(&around, "leaf").unwrap();
    assert!(lock.contains("leaf"), "{lock}");
    assert_eq!(world.index.http.pending(), 0);
}

#[test]
fn a_request_that_was_repeated_is_not_what_a_collision_is_blamed_on() {
    let world = World::new();
    let broken = Fault::Answer(Answer::new(503, ""));
    world.index.http.fault("GET /simple/leaf/", broken);
    let around = world.around(&world.index.url(), LOGIN);
    let error = world.lock(&around, "leaf==7").unwrap_err();
    assert_eq!(world.index.http.pending(), 0);
    assert_eq!(error.class(), Class::Unsatisfiable, "{error}");
    assert!(!error.to_string().contains("503"), "{error}");
}

#[test]
fn files_of_another_server_get_no_password_of_the_index() {
    let world = World::new();
    let files = Index::start();
    files.add(stub_of("other", "1.0"));
    let wheel = stub_of("other", "1.0");
    let page = serde_json::json!({
        "meta": { "api-version": "1.0" }, "name": "other",
        "files": [{ "filename": wheel.name, "url": files.http.url(&format!("/files/{}", wheel.name)), "hashes": {} }],
    });
    let pages = Loopback::start(move |request| match request.login().as_deref() {
        Some(LOGIN) => Answer::new(200, page.to_string())
            .with("content-type", "application/vnd.pypi.simple.v1+json"),
        _ => Answer::new(401, ""),
    });
    let around = world.around(&pages.url("/simple/"), LOGIN);
    let lock = world.lock(&around, "other").unwrap();
    assert!(lock.contains(&files.http.url("/files/other-1.0")), "{lock}");
    let seen = files.http.seen();
    assert!(!seen.is_empty() && seen.iter().all(|request| request.login().is_none()));
}

/// A login for every server of this machine, whatever its port.
const NETRC: &str = "machine 127.0.0.1 login netrc password hush";
const JSON: &str = "application/vnd.pypi.simple.v1+json";

#[test]
fn a_page_gets_nothing_of_another_server_with_a_login_of_the_user() {
    let world = World::new();
    let files = Index::start();
    files.add(stub_of("other", "1.0"));
    let name = stub_of("other", "1.0").name;
    let link = |url: String| {
        serde_json::json!({
            "meta": { "api-version": "1.0" }, "name": "other",
            "files": [{ "filename": name, "url": url, "hashes": {} }],
        })
    };
    let elsewhere = files.http.url(&format!("/files/{name}"));
    let direct = link(elsewhere.clone()).to_string();
    let page = files.http.url("/simple/other/");
    let moved = link(format!("/pypi/moved/{name}")).to_string();
    let pages = Loopback::start(move |request| match request.login().as_deref() {
        Some(LOGIN) if request.path.starts_with("/pypi/moved/") => {
            Answer::new(302, "").with("location", elsewhere.clone())
        }
        Some(LOGIN) if request.path.starts_with("/pypi/away/") => {
            Answer::new(302, "").with("location", page.clone())
        }
        Some(LOGIN) if request.path.starts_with("/pypi/direct/") => {
            Answer::new(200, direct.clone()).with("content-type", JSON)
        }
        Some(LOGIN) => Answer::new(200, moved.clone()).with("content-type", JSON),
        _ => Answer::new(401, ""),
    });
    for index in ["/pypi/direct/", "/pypi/redirected/", "/pypi/away/"] {
        let before = files.http.count();
        let around = world.around_with(&pages.url(index), LOGIN, NETRC);
        let lock = world.lock(&around, "other").unwrap();
        assert!(lock.contains("other-1.0"), "{lock}");
        let seen = files.http.seen().split_off(before);
        assert!(!seen.is_empty(), "{index}");
        assert!(seen.iter().all(|request| request.login().is_none()));
    }
}

#[test]
fn a_file_that_the_user_named_is_asked_for_with_the_login_of_its_server() {
    let world = World::new();
    let files = Index::start();
    files.add(stub_of("other", "1.0"));
    files.protect("netrc:hush");
    let around = world.around_with(&world.index.url(), LOGIN, NETRC);
    let url = files
        .http
        .url(&format!("/files/{}", stub_of("other", "1.0").name));
    let lock = world.lock(&around, &format!("other @ {url}")).unwrap();
    assert!(lock.contains(&url), "{lock}");
}

#[test]
fn a_signed_link_goes_through_the_relay_like_any_other() {
    let wheel = stub_of("signed", "1.0");
    let path = format!("/files/{}?X-Amz-Signature=0123abcd", wheel.name);
    let json = serde_json::json!({
        "meta": { "api-version": "1.0" }, "name": "signed",
        "files": [{ "filename": wheel.name, "url": path, "hashes": {} }],
    });
    let html = format!("<a href=\"{path}\">{}</a>", wheel.name);
    for (kind, page) in [(JSON, json.to_string()), ("text/html", html)] {
        let world = World::new();
        let bytes = wheel.bytes.clone();
        let pages = Loopback::start(move |request| match request.login().as_deref() {
            Some(LOGIN) if request.path.starts_with("/files/") => Answer::new(200, bytes.clone()),
            Some(LOGIN) => Answer::new(200, page.clone()).with("content-type", kind),
            _ => Answer::new(401, ""),
        });
        let around = world.around(&pages.url("/simple/"), LOGIN);
        let lock = world.lock(&around, "signed").unwrap();
        assert!(lock.contains(&pages.url(&path)), "{lock}");
        let seen = pages.seen();
        let mut asked = seen.iter().filter(|it| it.path.starts_with("/files/"));
        assert!(
            asked.any(|it| it.query == "X-Amz-Signature=0123abcd"),
            "{seen:?}"
        );
    }
}

/// What the relay answers to a request line.
fn asked(url: &str, line: &str) -> String {
    let host = url.split('/').nth(2).unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().trim().to_owned()
}

#[test]
fn it_serves_nobody_who_does_not_know_its_path_and_nothing_but_pages_and_linked_files() {
    let world = World::new();
    let around = world.around(&world.index.url(), LOGIN);
    // A requirement by URL is handed over with the relay's own URL, which the error of a missing file does not show: a
    // backend would see it in its environment. Here uv's own words are asked for it.
    let folder = TempDir::new().unwrap();
    let told = pannier_testkit::uv::uv()
        .default_index(folder.path(), &around)
        .unwrap()
        .unwrap();
    assert_eq!(told.to_string(), world.index.url());
    let state = std::fs::read_to_string(world.folder.path().join("relay")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let base = format!("http://127.0.0.1:{}/", state["ports"][0]);
    let secret = state["secret"].as_str().unwrap();
    let before = world.index.http.count();
    for line in [
        "GET /".to_owned(),
        "GET /index/x/leaf/".to_owned(),
        format!("GET /{}/index/x/leaf/", "0".repeat(32)),
        format!("GET /{secret}/index/x/leaf/"),
        format!(
            "GET /{secret}/file/{}/http/{}/files/x",
            "0".repeat(32),
            &world.index.http.url("")[7..]
        ),
        format!("GET {}", world.index.url()),
    ] {
        assert_eq!(asked(&base, &line), "HTTP/1.1 404", "{line}");
    }
    assert_eq!(
        asked(&base, &format!("POST /{secret}/index/x/leaf/")),
        "HTTP/1.1 405"
    );
    assert_eq!(
        asked(&base, "no request at all, and a long one"),
        "HTTP/1.1 400"
    );
    assert_eq!(world.index.http.count(), before);
    drop(around);
    assert!(TcpStream::connect(&base[7..base.len() - 1]).is_err());
}

#[test]
fn html_pages_are_served_and_their_files() {
    let world = World::new();
    let wheel = stub_of("paged", "1.0");
    let link = format!(
        "<a href=\"../../files/{}#sha256={}\" data-requires-python=\"&gt;=3.8\">{}</a>",
        wheel.name, wheel.sha256, wheel.name
    );
    let bytes = wheel.bytes.clone();
    let pages = Loopback::start(move |request| match request.login().as_deref() {
        Some(LOGIN) if request.path.starts_with("/files/") => Answer::new(200, bytes.clone()),
        Some(LOGIN) => Answer::new(200, link.clone()).with("content-type", "text/html"),
        _ => Answer::new(401, ""),
    });
    let around = world.around(&pages.url("/simple/"), LOGIN);
    let lock = world.lock(&around, "paged").unwrap();
    assert!(
        lock.contains(&pages.url(&format!("/files/{}", wheel.name)))
            && lock.contains(&wheel.sha256),
        "{lock}"
    );
}

#[test]
fn uv_reads_the_metadata_of_a_wheel_by_ranges() {
    let world = World::new();
    let around = world.around(&world.index.url(), LOGIN);
    world.lock(&around, "leaf").unwrap();
    let seen = world.index.http.seen();
    assert!(
        seen.iter().any(|request| request.header("range").is_some()),
        "{seen:?}"
    );
}

#[test]
fn a_requirement_by_url_needs_no_password_in_any_file_of_uv() {
    let world = World::new();
    let around = world.around(&world.index.url(), LOGIN);
    let wheel = format!("/files/{}", stub_of("leaf", "1.0").name);
    let requirement = format!("leaf @ {}", world.index.http.url_as(LOGIN, &wheel));
    let compile = Compile {
        requirements: &[requirement],
        python: "3.11",
        ..Compile::default()
    };
    let work = TempDir::new().unwrap();
    let lock = pannier_testkit::uv::uv()
        .compile(&compile, work.path(), &around)
        .unwrap();
    assert!(lock.contains(&world.index.http.url(&wheel)), "{lock}");
    let given = std::fs::read_to_string(work.path().join("requirements.in")).unwrap();
    assert!(!given.contains("secret"), "{given}");
}
