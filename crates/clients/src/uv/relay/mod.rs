//! A small HTTP server on loopback between uv and the indexes that need credentials: it adds them, so that neither uv nor
//! the build backends that uv starts hold any.
//!
//! Serves the pages of configured indexes and the files that these pages link to, and nothing else; refuses clients that do not
//! know its secret path, and to send credentials to servers that only a page named. Its own URLs reach no lock and no message: [`Relay::restore`] puts the real ones in their place.

mod address;
mod page;
mod server;
mod state;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::UvError;
use super::simple;
use crate::http::{Client, Forwarded, HttpError, Method, text_of};
use pannier_base::url::SafeUrl;

use address::{Address, Target};
use server::{Reply, Request, Server};

/// Headers of a request that go on to the index.
const ASKED: [&str; 5] = [
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "cache-control",
];

/// Headers of an answer that go back.
const ANSWERED: [&str; 11] = [
    "etag",
    "last-modified",
    "cache-control",
    "expires",
    "age",
    "date",
    "vary",
    "retry-after",
    "accept-ranges",
    "content-range",
    "content-encoding",
];

/// The server, started when it is first needed. Clones share it; it ends with the last of them.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    client: Client,
    state: PathBuf,
    running: Mutex<Option<Arc<Running>>>,
}

struct Running {
    shared: Arc<Shared>,
    _server: Server,
}

/// What the threads that answer need.
struct Shared {
    client: Client,
    address: Address,
    /// Indexes by what the address calls them.
    indexes: Mutex<HashMap<String, SafeUrl>>,
    /// Files that the user named, some with credentials of their own, by their URLs without them.
    files: Mutex<HashMap<String, SafeUrl>>,
    /// What went wrong last.
    problem: Mutex<Option<String>>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Relay")
    }
}

impl Relay {
    /// A relay that asks indexes through `client`. `state` is the file that keeps its secrets and its port, so that uv finds
    /// in its cache what it fetched in an earlier run.
    #[must_use]
    pub fn new(client: Client, state: PathBuf) -> Self {
        Self(Arc::new(Inner {
            client,
            state,
            running: Mutex::default(),
        }))
    }

    /// Whether credentials are known for `url`.
    pub(super) fn knows_login(&self, url: &SafeUrl) -> bool {
        self.0.client.knows_login(url)
    }

    /// The URL under which uv finds the index.
    pub(super) fn index(&self, url: &SafeUrl) -> Result<String, UvError> {
        let shared = self.shared()?;
        let bare = url.without_credentials();
        let id = address::id(&bare);
        let relayed = shared.address.index(&id, &bare);
        hold(&shared.indexes).insert(id, url.clone());
        Ok(relayed)
    }

    /// The URL under which uv finds the file.
    pub(super) fn file(&self, url: &SafeUrl) -> Result<String, UvError> {
        let shared = self.shared()?;
        let relayed = shared.address.file(url);
        let mut files = hold(&shared.files);
        let bare = address::bare(url);
        match url.credentials() {
            Some(_) => files.insert(bare, url.clone()),
            // The same file may have been named with credentials before.
            None => Some(files.entry(bare).or_insert_with(|| url.clone()).clone()),
        };
        Ok(relayed)
    }

    /// The text with the real URLs in place of the relay's.
    pub(super) fn restore(&self, text: &str) -> String {
        match &*hold(&self.0.running) {
            None => text.to_owned(),
            Some(running) => {
                let indexes = hold(&running.shared.indexes);
                let real = |id: &str| indexes.get(id).map(SafeUrl::without_credentials);
                running.shared.address.restore(text, &real)
            }
        }
    }

    /// What went wrong last between here and an index, once.
    pub(super) fn problem(&self) -> Option<String> {
        let running = hold(&self.0.running);
        running
            .as_ref()
            .and_then(|it| hold(&it.shared.problem).take())
    }

    fn shared(&self) -> Result<Arc<Shared>, UvError> {
        let mut running = hold(&self.0.running);
        if let Some(running) = &*running {
            return Ok(Arc::clone(&running.shared));
        }
        let failed = |source| UvError::Relay {
            path: self.0.state.clone(),
            source,
        };
        let (listener, address) = state::open(&self.0.state).map_err(failed)?;
        let shared = Arc::new(Shared {
            client: self.0.client.clone(),
            address,
            indexes: Mutex::default(),
            files: Mutex::default(),
            problem: Mutex::default(),
        });
        let answering = Arc::clone(&shared);
        let handler = move |request: &Request| answering.answer(request);
        let server = Server::start(listener, Arc::new(handler)).map_err(failed)?;
        *running = Some(Arc::new(Running {
            shared: Arc::clone(&shared),
            _server: server,
        }));
        Ok(shared)
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Reply {
        let answer = match self.address.target(&request.target) {
            Some(Target::Page { index, project }) if request.method == Method::GET => {
                let index = hold(&self.indexes).get(&index).cloned();
                match index.and_then(|index| simple::page_of(&index, &project)) {
                    Some(page) => self.page(request, &page),
                    None => return Reply::empty(404),
                }
            }
            Some(Target::File { url }) => {
                let named = hold(&self.files).get(url.expose().as_str()).cloned();
                self.file(request, &named.unwrap_or(url))
            }
            _ => return Reply::empty(404),
        };
        answer.unwrap_or_else(|error| {
            self.note(&error);
            Reply::empty(502)
        })
    }

    fn page(&self, request: &Request, page: &SafeUrl) -> Result<Reply, HttpError> {
        let mut headers = passed_on(request);
        headers.push(("accept", simple::ACCEPT.to_owned()));
        headers.push(("accept-encoding", "gzip".to_owned()));
        let mut answer = self.forward(&Method::GET, page, headers)?;
        let mut reply = Reply::empty(answer.status);
        reply.headers = passed_back(&answer);
        // The text goes back as it is read.
        reply
            .headers
            .retain(|(name, _)| *name != "content-encoding");
        if answer.status != 200 {
            return Ok(reply);
        }
        let text = text_of(&mut answer.response)?;
        let link = |url: &SafeUrl| self.address.file(url);
        let Some(text) = page::rewritten(&text, answer.response.url(), &link) else {
            *hold(&self.problem) = Some(format!("{page} is incomplete JSON"));
            return Ok(Reply::empty(502));
        };
        let kind = answer.response.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().to_owned();
        reply.headers.push(("content-type", kind));
        Ok(reply.with_body(Some(text.len() as u64), std::io::Cursor::new(text)))
    }

    fn file(&self, request: &Request, url: &SafeUrl) -> Result<Reply, HttpError> {
        let mut headers = passed_on(request);
        headers.push(("accept-encoding", "identity".to_owned()));
        let answer = self.forward(&request.method, url, headers)?;
        let mut reply = Reply::empty(answer.status);
        reply.headers = passed_back(&answer);
        let header = |name| answer.response.header(name).map(str::to_owned);
        reply
            .headers
            .extend(header("content-type").map(|kind| ("content-type", kind)));
        if request.method == Method::HEAD {
            reply.length = header("content-length").and_then(|length| length.parse().ok());
            return Ok(reply);
        }
        if answer.problem.is_some() || answer.status == 304 {
            return Ok(reply);
        }
        Ok(reply.with_body(answer.response.expected(), answer.response))
    }

    fn forward(
        &self,
        method: &Method,
        url: &SafeUrl,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Forwarded, HttpError> {
        let trusts = |url: &SafeUrl| self.trusts(url);
        let answer = self.client.forward(method, url, headers, &trusts)?;
        // A project that an index does not have is nothing to tell of.
        if let Some(problem) = &answer.problem
            && !matches!(answer.status, 404 | 410 | 416)
        {
            self.note(problem);
        }
        Ok(answer)
    }

    /// Whether `url` is on a server that the user named: of an index, or of a file. A page may link to any server, and must
    /// not get at another one's files with credentials that were never meant for it.
    fn trusts(&self, url: &SafeUrl) -> bool {
        let named = |known: &SafeUrl| known.same_origin(url) || is_upgrade(known, url);
        hold(&self.indexes).values().any(named) || hold(&self.files).values().any(named)
    }

    fn note(&self, error: &HttpError) {
        let help = miette::Diagnostic::help(error).map(|help| format!("\nhint: {help}"));
        *hold(&self.problem) = Some(format!("{error}{}", help.unwrap_or_default()));
    }
}

/// Whether `url` is on the same host as `known`, with the protection that `known` lacks: servers redirect so.
fn is_upgrade(known: &SafeUrl, url: &SafeUrl) -> bool {
    let (known, url) = (known.expose(), url.expose());
    let schemes = (known.scheme(), url.scheme()) == ("http", "https");
    let ports = known.port().is_none() && url.port().is_none();
    schemes && ports && known.host() == url.host()
}

fn passed_on(request: &Request) -> Vec<(&'static str, String)> {
    let named = ASKED.iter();
    named
        .filter_map(|name| Some((*name, request.header(name)?.to_owned())))
        .collect()
}

fn passed_back(answer: &Forwarded) -> Vec<(&'static str, String)> {
    let named = ANSWERED.iter();
    named
        .filter_map(|name| Some((*name, answer.response.header(name)?.to_owned())))
        .collect()
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
