//! The HTTP door against a server that misbehaves.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use miette::Diagnostic;
use pannier_base::url::SafeUrl;
use pannier_clients::http::Client;
use pannier_clients::http::Clock;
use pannier_clients::http::Credentials;
use pannier_clients::http::HttpError;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_testkit::loopback::{Answer, Fault, Loopback};

/// A clock that stands still and remembers for how long it was asked to sleep.
#[derive(Debug, Default)]
struct Still(Mutex<Vec<Duration>>);

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, pause: Duration) {
        self.0.lock().unwrap().push(pause);
    }
}

struct Setup {
    server: Loopback,
    clock: Arc<Still>,
    client: Client,
}

fn setup(credentials: impl FnOnce(&Loopback) -> Credentials) -> Setup {
    let server = Loopback::start(|request| match request.path.as_str() {
        "/missing" => Answer::new(404, "").with("x-request-id", "r-17"),
        "/forbidden" => Answer::new(403, ""),
        "/loop" => Answer::new(302, "").with("location", "/loop"),
        "/nowhere" => Answer::new(302, ""),
        "/moved" => Answer::new(301, "").with("location", "file?signature=hush"),
        "/gzip" => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(b"zipped text").unwrap();
            Answer::new(200, encoder.finish().unwrap()).with("content-encoding", "gzip")
        }
        _ => Answer::new(200, "0123456789").with("content-type", "Text/HTML; charset=utf-8"),
    });
    let clock = Arc::new(Still::default());
    let client = client(&clock, credentials(&server));
    Setup {
        server,
        clock,
        client,
    }
}

fn client(clock: &Arc<Still>, credentials: Credentials) -> Client {
    Client::new(Options {
        credentials,
        clock: clock.clone(),
        retry: RetryPolicy {
            attempts: 3,
            ..RetryPolicy::default()
        },
        ..Options::default()
    })
}

fn plain() -> Setup {
    setup(|_| Credentials::default())
}

impl Setup {
    fn url(&self, path: &str) -> SafeUrl {
        self.server.url(path).parse().unwrap()
    }
    fn text(&self, path: &str) -> Result<String, HttpError> {
        self.client.text(&self.url(path), "text/html")
    }
    fn pauses(&self) -> usize {
        self.clock.0.lock().unwrap().len()
    }
}

/// Everything that a person would be shown.
fn told(error: &HttpError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!("\n{cause}"));
        next = cause.source();
    }
    text + &error
        .help()
        .map(|help| format!("\n{help}"))
        .unwrap_or_default()
}

#[test]
fn a_text_comes_with_its_address_and_type() {
    let setup = plain();
    let page = setup
        .client
        .page(&setup.url("/moved"), "text/html")
        .unwrap();
    assert_eq!(
        (page.text.as_str(), page.media_type.as_str()),
        ("0123456789", "text/html")
    );
    assert_eq!(page.url.expose().path(), "/file");
    assert_eq!(setup.text("/gzip").unwrap(), "zipped text");
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let setup = plain();
    let busy = Answer::new(429, "").with("retry-after", "7");
    setup.server.fault("/a", Fault::Answer(busy));
    let dated = Answer::new(503, "")
        .with("date", "Sun, 06 Nov 1994 08:49:30 GMT")
        .with("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT");
    setup.server.fault("/a", Fault::Answer(dated));
    assert_eq!(setup.text("/a").unwrap(), "0123456789");
    let expected = [7, 10].map(Duration::from_secs);
    assert_eq!(*setup.clock.0.lock().unwrap(), expected);
}

#[test]
fn attempts_are_limited() {
    let setup = plain();
    for _ in 0..3 {
        setup
            .server
            .fault("/a", Fault::Answer(Answer::new(500, "")));
    }
    assert_eq!(setup.text("/a").unwrap_err().status(), Some(500));
    assert_eq!((setup.server.count(), setup.pauses()), (3, 2));
}

#[test]
fn what_cannot_pass_is_asked_once() {
    let setup = plain();
    let error = setup.text("/missing").unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(
        told(&error).contains("404 Not Found (x-request-id: r-17)"),
        "{}",
        told(&error)
    );
    assert_eq!((setup.server.count(), setup.pauses()), (1, 0));
}

#[test]
fn a_download_that_breaks_off_starts_over() {
    let setup = plain();
    setup.server.fault("/a", Fault::Truncate(4));
    setup.server.fault("/a", Fault::Drop);
    let (mut sink, seen) = (Vec::new(), Cell::new(0));
    let progress = |bytes| seen.set(seen.get() + bytes);
    let length = setup
        .client
        .download(&setup.url("/a"), &mut sink, &progress)
        .unwrap();
    assert_eq!((length, sink.as_slice()), (10, &b"0123456789"[..]));
    assert!(seen.get() >= 10);
    assert_eq!((setup.server.count(), setup.pauses()), (3, 2));
}

#[test]
fn a_body_that_always_breaks_off_is_an_error() {
    let setup = plain();
    for _ in 0..3 {
        setup.server.fault("/a", Fault::Truncate(4));
    }
    let error = setup.text("/a").unwrap_err();
    assert!(
        told(&error).contains("broke after 4 bytes of 10"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_silent_server_is_left() {
    let setup = plain();
    setup.server.fault("/a", Fault::Stall);
    let client = Client::new(Options {
        read_timeout: Duration::from_millis(50),
        clock: setup.clock.clone(),
        ..Options::default()
    });
    // The second attempt is answered.
    assert_eq!(client.text(&setup.url("/a"), "*/*").unwrap(), "0123456789");
    assert_eq!(setup.pauses(), 1);
}

#[test]
fn redirects_end() {
    let setup = plain();
    let error = setup.text("/loop").unwrap_err();
    assert!(
        told(&error).contains("after 10 redirects"),
        "{}",
        told(&error)
    );
    assert_eq!(setup.server.count(), 11);
    let error = setup.text("/nowhere").unwrap_err();
    assert!(
        told(&error).contains("without a valid URL"),
        "{}",
        told(&error)
    );
}

#[test]
fn credentials_stay_with_their_origin() {
    let other = Loopback::start(|_| Answer::new(200, "there"));
    let target = other.url("/there");
    let setup = setup(|server| {
        let origin: SafeUrl = server.url("/").parse().unwrap();
        Credentials::default().with_entry(&origin, "ci", "hush")
    });
    let away = || Fault::Answer(Answer::new(302, "").with("location", target.clone()));
    setup.server.fault("/a", away());
    assert_eq!(setup.text("/a").unwrap(), "there");
    setup.server.fault("/b", away());
    let url: SafeUrl = setup.server.url_as("u:hush", "/b").parse().unwrap();
    assert_eq!(setup.client.text(&url, "*/*").unwrap(), "there");
    let logins: Vec<_> = setup
        .server
        .seen()
        .iter()
        .map(|request| request.login())
        .collect();
    assert_eq!(
        logins,
        [Some("ci:hush".to_owned()), Some("u:hush".to_owned())]
    );
    assert!(other.seen().iter().all(|request| request.login().is_none()));
}

#[test]
fn credentials_of_the_url_go_on_within_its_origin() {
    let setup = plain();
    let url: SafeUrl = setup.server.url_as("u:hush", "/moved").parse().unwrap();
    setup.client.text(&url, "*/*").unwrap();
    let logins: Vec<_> = setup
        .server
        .seen()
        .iter()
        .map(|request| request.login())
        .collect();
    assert_eq!(logins, vec![Some("u:hush".to_owned()); 2]);
}

#[test]
fn refused_credentials_are_named_by_their_source_only() {
    let setup =
        setup(|_| Credentials::default().with_netrc("machine 127.0.0.1 login hush password hush"));
    let error = setup.text("/forbidden").unwrap_err();
    assert!(
        told(&error).contains("credentials from netrc were refused"),
        "{}",
        told(&error)
    );
    let url = setup.server.url_as("hush:hush", "/missing?key=hush");
    let url = SafeUrl::of_server(&url).unwrap();
    let other = setup.client.text(&url, "*/*").unwrap_err();
    for error in [error, other] {
        assert!(
            !format!("{} {error:?}", told(&error)).contains("hush"),
            "{error:?}"
        );
    }
}

#[test]
fn a_dead_server_and_an_unknown_host_have_their_messages() {
    let setup = plain();
    let gone: SafeUrl = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://hush:hush@{}/x", listener.local_addr().unwrap())
            .parse()
            .unwrap()
    };
    let error = setup.client.text(&gone, "*/*").unwrap_err();
    assert!(
        told(&error).contains("the connection was refused"),
        "{}",
        told(&error)
    );
    let unknown: SafeUrl = "http://hush:hush@host.invalid/x?y=hush".parse().unwrap();
    let error = setup.client.text(&unknown, "*/*").unwrap_err();
    assert!(matches!(error, HttpError::Connection { .. }));
    assert!(
        !format!("{} {error:?}", told(&error)).contains("hush"),
        "{error:?}"
    );
    assert_eq!(setup.pauses(), 4);
    let tls: SafeUrl = setup
        .server
        .url("/x")
        .replace("http:", "https:")
        .parse()
        .unwrap();
    let error = setup.client.text(&tls, "*/*").unwrap_err();
    assert!(told(&error).contains("speaks no TLS"), "{}", told(&error));
}

#[test]
fn offline_and_other_schemes_connect_to_nothing() {
    let setup = plain();
    let offline = Client::new(Options {
        offline: true,
        ..Options::default()
    });
    let error = offline.text(&setup.url("/a"), "*/*").unwrap_err();
    assert!(told(&error).contains("--offline"), "{}", told(&error));
    let file: SafeUrl = "file:///etc/hostname".parse().unwrap();
    assert!(matches!(
        setup.client.text(&file, "*/*"),
        Err(HttpError::Scheme { .. })
    ));
    assert_eq!(setup.server.count(), 0);
}

#[test]
fn a_sink_that_fails_is_not_tried_again() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl pannier_clients::http::DownloadSink for Full {
        fn reset(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let setup = plain();
    let error = setup
        .client
        .download(&setup.url("/a"), &mut Full, &|_| ())
        .unwrap_err();
    assert!(matches!(error, HttpError::Sink { .. }));
    assert_eq!(setup.server.count(), 1);
}
