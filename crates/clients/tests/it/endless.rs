//! Servers that never end: whatever is asked of them is an error after a bounded amount, and the connection is closed.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use pannier_base::url::SafeUrl;
use pannier_clients::git::Git;
use pannier_clients::git::GitError;
use pannier_clients::http::Client;
use pannier_clients::http::Clock;
use pannier_clients::http::HttpError;
use pannier_clients::http::Options;

/// A clock that never sleeps.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) {}
}

/// A server for one connection, which sends a head and then pieces until there are no more or nobody reads them.
struct Server {
    url: SafeUrl,
    serving: JoinHandle<Sent>,
}

/// How sending has ended.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    All,
    UntilClosed,
}

impl Server {
    fn start(head: &'static str, pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/group/project.git",
            listener.local_addr().unwrap()
        );
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            match send(&stream, head, pieces) {
                Ok(()) => Sent::All,
                Err(_) => Sent::UntilClosed,
            }
        });
        let url = url.parse().unwrap();
        Self { url, serving }
    }

    fn endless(head: &'static str, piece: Vec<u8>) -> Self {
        Self::start(head, std::iter::repeat(piece))
    }

    /// Waits for the end, which comes only when the client has closed the connection or everything is sent.
    fn sent(self) -> Sent {
        self.serving.join().unwrap()
    }
}

fn send(
    mut stream: &TcpStream,
    head: &str,
    pieces: impl Iterator<Item = Vec<u8>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}connection: close\r\n\r\n").as_bytes())?;
    for piece in pieces {
        stream.write_all(&piece)?;
    }
    stream.shutdown(std::net::Shutdown::Write)
}

fn client() -> Client {
    Client::new(Options {
        longest: 1 << 20,
        clock: Arc::new(Still),
        ..Options::default()
    })
}

const REFERENCES: &str = "content-type: application/x-git-upload-pack-advertisement\r\n";

/// The first packets of an advertisement.
fn begin() -> Vec<u8> {
    let first = format!("{} HEAD\0symref=HEAD:refs/heads/main\n", "a".repeat(40));
    format!(
        "001e# service=git-upload-pack\n0000{:04x}{first}",
        first.len() + 4
    )
    .into_bytes()
}

/// A thousand references.
fn references(from: usize) -> Vec<u8> {
    let line = |number: usize| {
        let line = format!("{number:040x} refs/merge-requests/{number}/head\n");
        format!("{:04x}{line}", line.len() + 4)
    };
    (from..from + 1000)
        .map(line)
        .collect::<String>()
        .into_bytes()
}

/// Everything that a [`Git`] of its own knows of the server's references.
fn listed(server: &Server) -> Result<pannier_clients::git::Heads, GitError> {
    let folder = tempfile::tempdir().unwrap();
    Git::new(folder.path(), client()).heads(&server.url)
}

#[test]
fn four_hundred_thousand_references_are_listed() {
    let all = (0..400).map(|thousand| references(1 + thousand * 1000));
    let all = std::iter::once(begin()).chain(all);
    let server = Server::start(REFERENCES, all.chain([b"0000".to_vec()]));
    let heads = listed(&server).unwrap();
    assert_eq!(heads.default_branch(), Some("main"));
    let commit = format!("{:040x}", 400_000);
    assert_eq!(heads.merge_requests_at(&commit), [400_000]);
    assert_eq!(server.sent(), Sent::All);
}

#[test]
fn references_without_end_are_an_error_that_names_the_project() {
    let all = (0..).map(|thousand: usize| references(1 + thousand * 1000));
    let server = Server::start(REFERENCES, std::iter::once(begin()).chain(all));
    let error = listed(&server).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "the server sent more than 1000000 references");
    assert!(error.to_string().contains("/group/project.git"));
    assert!(matches!(error, GitError::Excess { .. }));
    assert_eq!(server.sent(), Sent::UntilClosed);
}

#[test]
fn long_packets_without_end_are_an_error() {
    let name = "x".repeat(65_000 - 4 - 41 - 11);
    let line = format!("{} refs/heads/{name}", "a".repeat(40));
    let packet = format!("{:04x}{line}", line.len() + 4).into_bytes();
    let all = std::iter::once(begin()).chain(std::iter::repeat(packet));
    let server = Server::start(REFERENCES, all);
    assert!(matches!(listed(&server), Err(GitError::Excess { .. })));
    assert_eq!(server.sent(), Sent::UntilClosed);
}

#[test]
fn what_is_no_advertisement_ends_soon() {
    for piece in [b"0000".as_slice(), b"<html>", b"0004", b"zzzz"] {
        let server = Server::endless(REFERENCES, piece.repeat(1000));
        assert!(listed(&server).is_err());
        assert_eq!(server.sent(), Sent::UntilClosed);
    }
}

#[test]
fn pages_and_files_without_end_are_errors() {
    let zeros = || vec![0; 1 << 16];
    let server = Server::endless("", zeros());
    let page = client().page(&server.url, "text/html");
    assert!(matches!(page, Err(HttpError::TooLarge { .. })));
    assert_eq!(server.sent(), Sent::UntilClosed);
    let server = Server::endless("", zeros());
    let mut sink = Vec::new();
    let file = client().download(&server.url, &mut sink, &|_| {});
    let limit = 1 << 20;
    assert!(matches!(file, Err(HttpError::TooLarge { limit: found, .. }) if found == limit));
    assert!(sink.len() as u64 <= limit);
    assert_eq!(server.sent(), Sent::UntilClosed);
}
