//! git's smart HTTP protocol on our own client, for libgit2.
//!
//! libgit2 is built without a network of its own, so nothing here can bypass the client's timeouts, retries,
//! credentials and redaction. Answers are counted on their way to libgit2, which has few limits of its own. Never prompts for
//! credentials.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ConfigLevel, ObjectType, opts};
use tempfile::{SpooledData, SpooledTempFile};

use super::bounds::{self, Advertisement, Counter, Excess, Fetched};
use super::error::{GitError, name};
use crate::http::{Body, Call, Client, HttpError, Method, Repeat, Response};
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

/// Requests up to this size (in bytes) stay in memory.
const SPOOL: usize = 1 << 20;
/// Bytes of a pack that libgit2 maps at once; a multiple of twice the page size. It keeps eight of these windows at most.
const WINDOW: usize = 1 << 20;
/// Bytes of objects that libgit2 keeps, and hardly exceeds.
const CACHE: isize = 4 << 20;
/// Several servers give the git protocol only to what calls itself git.
const USER_AGENT: &str = concat!("git/2 (pannier/", env!("CARGO_PKG_VERSION"), ")");

/// What connections go through.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub client: &'a Client,
    /// The folder where large requests are spooled.
    pub scratch: &'a Path,
}

/// The connection of this thread, and how it failed.
struct Current {
    client: Client,
    repository: SafeUrl,
    scratch: PathBuf,
    failure: Option<GitError>,
}

thread_local! {
    /// libgit2 calls a transport on the thread that called libgit2, and transports are registered per process: the
    /// thread is what leads from one to the other.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Pushes with libgit2. A push that has begun finishes even if the run is cancelled meanwhile, so that its outcome is known.
///
/// # Errors
/// [`GitError`]; a push does not begin when the run is cancelled.
pub(super) fn pushing<T>(
    network: Network<'_>,
    repository: &SafeUrl,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, GitError> {
    let protected = network.client.cancel().protect();
    let _protected = protected.map_err(|_| GitError::Http {
        repository: name(repository),
        source: HttpError::Cancelled {
            url: name(repository),
        },
    })?;
    connected(network, repository, "pushing", work)
}

/// Runs `work`, whose calls of libgit2 reach the network through `network`, with the credentials of `repository`. An error of
/// the network comes first: libgit2's own error only repeats it.
pub(super) fn connected<T>(
    network: Network<'_>,
    repository: &SafeUrl,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, git2::Error>,
) -> Result<T, GitError> {
    struct Restore(Option<Current>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    set_up();
    let restore = Restore(CURRENT.replace(Some(Current {
        client: network.client.clone(),
        repository: repository.clone(),
        scratch: network.scratch.to_owned(),
        failure: None,
    })));
    let done = work();
    let failure = CURRENT.take().and_then(|current| current.failure);
    drop(restore);
    done.map_err(|source| failure.unwrap_or_else(|| GitError::library(repository, doing)(source)))
}

/// Prepares libgit2 once per process.
pub(super) fn set_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let done = set_up_once();
        done.expect("libgit2 takes its options before it is used");
    });
}

fn set_up_once() -> Result<(), git2::Error> {
    let levels = [
        ConfigLevel::System,
        ConfigLevel::Global,
        ConfigLevel::XDG,
        ConfigLevel::ProgramData,
    ];
    for level in levels {
        // SAFETY: these change global state of libgit2 without a lock. This room is the only one that uses libgit2,
        // every way into libgit2 passes `set_up` first, and `Once` lets no second thread pass before it is done.
        // The user's configuration is kept out because it must not change what a build sees.
        unsafe { opts::set_search_path(level, "")? };
    }
    // SAFETY: as above. The check protects programs that obey a foreign repository's configuration (hooks, filters,
    // pagers); libgit2 runs none of these, and a store that CI restored belongs to another user.
    unsafe { opts::set_verify_owner_validation(false)? };
    // SAFETY: as above. Packs are read through small windows: by default a whole pack may be mapped. Trees are read once or
    // twice, and in the cache they take many times the memory that is counted for them.
    unsafe {
        opts::set_cache_object_limit(ObjectType::Tree, 0)?;
        opts::set_cache_max_size(CACHE)?;
        opts::set_mwindow_size(WINDOW)?;
        opts::set_mwindow_mapped_limit(8 * WINDOW)?;
    }
    for scheme in ["http", "https"] {
        let factory = |remote: &git2::Remote<'_>| Transport::smart(remote, true, Smart::default());
        // SAFETY: registering must not run in parallel to the creation of transports; as above, nothing of libgit2 runs yet.
        unsafe { git2::transport::register(scheme, factory)? };
    }
    Ok(())
}

/// One connection of libgit2: a listing, then the requests that follow from it.
#[derive(Default)]
struct Smart {
    /// Where the listing came from after redirects; later requests go there at once.
    moved: Arc<Mutex<Option<SafeUrl>>>,
}

impl SmartSubtransport for Smart {
    fn action(
        &self,
        url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let current = CURRENT.with_borrow(|current| {
            let current = current.as_ref()?;
            Some((
                current.client.clone(),
                current.repository.clone(),
                current.scratch.clone(),
            ))
        });
        let Some((client, repository, scratch)) = current else {
            return Err(git2::Error::from_str(
                "a connection outside of the git room",
            ));
        };
        let moved = self
            .moved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let base = match moved {
            Some(base) => base,
            None => SafeUrl::of_server(url).map_err(|_| git2::Error::from_str("not a URL"))?,
        };
        Ok(Box::new(Stream {
            base: base.with_credentials_of(&repository),
            client,
            moved: Arc::clone(&self.moved),
            bound: Bound::of(&service),
            service,
            state: State::Asking(SpooledTempFile::new_in(SPOOL, scratch)),
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer.
struct Stream {
    client: Client,
    base: SafeUrl,
    service: Service,
    moved: Arc<Mutex<Option<SafeUrl>>>,
    bound: Bound,
    state: State,
}

/// How much of the answer has come, and may come.
enum Bound {
    /// References.
    Advertisement(Advertisement),
    /// A pack.
    Fetched(Fetched),
    /// What became of a push.
    Report(Counter),
}

impl Bound {
    fn of(service: &Service) -> Self {
        match service {
            Service::UploadPackLs | Service::ReceivePackLs => Self::Advertisement(
                Advertisement::new(bounds::REFERENCES, bounds::ADVERTISEMENT),
            ),
            Service::UploadPack => {
                Self::Fetched(Fetched::new(bounds::WORDS, bounds::PACK, bounds::OBJECTS))
            }
            Service::ReceivePack => {
                Self::Report(Counter::new(bounds::WORDS, "bytes in answer to a push"))
            }
        }
    }

    /// Counts the next bytes.
    fn pass(&mut self, bytes: &[u8]) -> Result<(), Excess> {
        match self {
            Self::Advertisement(counter) => counter.pass(bytes),
            Self::Fetched(counter) => counter.pass(bytes),
            Self::Report(counter) => counter.add(bytes.len()),
        }
    }

    /// Whether an answer must not end here.
    const fn is_cut_off(&self) -> bool {
        matches!(self, Self::Fetched(counter) if counter.is_cut_off())
    }
}

enum State {
    /// libgit2 writes the request.
    Asking(SpooledTempFile),
    /// libgit2 reads the answer.
    Answered(Box<Response>),
    /// There is none.
    Failed,
}

/// Path below the repository, what is sent and what comes back, by service (gitprotocol-http).
const fn protocol(service: Service) -> (&'static str, Option<&'static str>, &'static str) {
    match service {
        Service::UploadPackLs => (
            "/info/refs?service=git-upload-pack",
            None,
            "application/x-git-upload-pack-advertisement",
        ),
        Service::UploadPack => (
            "/git-upload-pack",
            Some("application/x-git-upload-pack-request"),
            "application/x-git-upload-pack-result",
        ),
        Service::ReceivePackLs => (
            "/info/refs?service=git-receive-pack",
            None,
            "application/x-git-receive-pack-advertisement",
        ),
        Service::ReceivePack => (
            "/git-receive-pack",
            Some("application/x-git-receive-pack-request"),
            "application/x-git-receive-pack-result",
        ),
    }
}

impl Stream {
    fn ask(&self, written: SpooledTempFile) -> Result<Response, GitError> {
        let http = |source| GitError::Http {
            repository: name(&self.base),
            source,
        };
        let (path, sent, expected) = protocol(self.service);
        let mut address = self.base.expose().clone();
        let folder = address.path().trim_end_matches('/').to_owned();
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        address.set_path(&format!("{folder}{path}"));
        address.set_query(query);
        let url = SafeUrl::of_server(address.as_str()).map_err(|_| {
            http(HttpError::Scheme {
                url: self.base.to_string(),
            })
        })?;
        let mut headers = vec![
            ("user-agent", USER_AGENT.to_owned()),
            ("accept", expected.to_owned()),
        ];
        headers.extend(sent.map(|sent| ("content-type", sent.to_owned())));
        let body = sent.map(|_| match written.into_inner() {
            SpooledData::InMemory(bytes) => Body::Bytes(bytes.into_inner()),
            SpooledData::OnDisk(file) => Body::File(file),
        });
        let call = Call {
            method: match body {
                Some(_) => Method::POST,
                None => Method::GET,
            },
            headers,
            body,
            // What has been pushed must not be pushed twice.
            repeat: match self.service {
                Service::ReceivePack => Repeat::Never,
                _ => Repeat::Harmless,
            },
            ..Call::get(&url)
        };
        let response = self.client.send(&call).map_err(http)?;
        let media_type = response
            .header("content-type")
            .unwrap_or("something without a type");
        if media_type != expected {
            return Err(GitError::NotGit {
                repository: name(&self.base),
                media_type: scrub(media_type).chars().take(60).collect(),
            });
        }
        self.remember_move(response.url());
        Ok(response)
    }

    fn remember_move(&self, answered: &SafeUrl) {
        let mut base = answered.expose().clone();
        let Some(folder) = base.path().strip_suffix("/info/refs").map(str::to_owned) else {
            return;
        };
        base.set_path(&folder);
        base.set_query(None);
        if let Ok(base) = SafeUrl::of_server(base.as_str()) {
            *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
        }
    }

    fn broken(&mut self, source: io::Error) -> io::Error {
        let State::Answered(response) = &self.state else {
            return source;
        };
        let error = GitError::Http {
            repository: name(&self.base),
            source: response.broken(source),
        };
        self.fail(error)
    }

    fn exceeded(&mut self, source: Excess) -> io::Error {
        let repository = name(&self.base);
        self.fail(GitError::Excess { repository, source })
    }

    fn fail(&mut self, error: GitError) -> io::Error {
        self.state = State::Failed;
        let told = io::Error::other(error.to_string());
        CURRENT.with_borrow_mut(|current| {
            if let Some(current) = current {
                current.failure = Some(error);
            }
        });
        told
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if matches!(self.state, State::Asking(_)) {
            let State::Asking(written) = std::mem::replace(&mut self.state, State::Failed) else {
                unreachable!("the line above has looked");
            };
            match self.ask(written) {
                Ok(response) => self.state = State::Answered(Box::new(response)),
                Err(error) => return Err(self.fail(error)),
            }
        }
        let State::Answered(response) = &mut self.state else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let read = match response.read(buffer) {
            // The end of a connection without a length: libgit2 does not tell it from a damaged pack.
            Ok(0) if !buffer.is_empty() && self.bound.is_cut_off() => {
                return Err(self.broken(io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(read) => read,
            Err(error) => return Err(self.broken(error)),
        };
        match self.bound.pass(&buffer[..read]) {
            Ok(()) => Ok(read),
            Err(excess) => Err(self.exceeded(excess)),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Asking(written) => written.write(bytes),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
