//! A small HTTP/1.1 server on loopback that can be told to misbehave: the ground of the git server, the package index and
//! the GitLab of the tests. One thread per connection, which is kept open as long as the client keeps it.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path without query, still percent-encoded.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `user:password` of Basic authorization.
    pub fn login(&self) -> Option<String> {
        let coded = self.header("authorization")?.strip_prefix("Basic ")?;
        String::from_utf8(STANDARD.decode(coded).ok()?).ok()
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What goes wrong with one answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This instead.
    Answer(Answer),
    /// The connection is closed, and nothing was done.
    Drop,
    /// What was asked for is done, and the connection closed before any answer.
    Lose,
    /// The whole length is announced, but only this many bytes of the body come.
    Truncate(usize),
    /// Nothing comes until the server goes.
    Stall,
    /// What was asked for is done, and nothing comes until the server goes.
    Hold,
}

/// Speed in bytes per second, and when what has been sent so far has gone through.
#[derive(Default)]
struct Network(Mutex<Option<(u64, Instant)>>);

impl Network {
    /// Returns when this many bytes have gone through.
    fn pass(&self, bytes: usize) {
        let until = {
            let mut network = self.0.lock().expect("no panic");
            let Some((speed, free)) = &mut *network else {
                return;
            };
            let time = Duration::from_secs_f64(bytes as f64 / *speed as f64);
            *free = (*free).max(Instant::now()) + time;
            *free
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;
type Act = Box<dyn FnOnce() + Send>;

struct State {
    handler: Box<Handler>,
    faults: Mutex<VecDeque<(String, Fault)>>,
    /// What goes wrong with the request of this number.
    numbered: Mutex<Option<(usize, Fault)>>,
    /// How many requests are kept waiting for an answer that does not come.
    kept: Mutex<usize>,
    keeping: Condvar,
    /// What happens after an answer has been found and before it is sent.
    acts: Mutex<Vec<(String, Act)>>,
    seen: Mutex<Vec<Request>>,
    /// What every answer waits, in milliseconds.
    latency: AtomicU64,
    /// Connections that are open, by number: they are shut when the server goes.
    open: Mutex<HashMap<u64, TcpStream>>,
    network: Network,
    over: Mutex<bool>,
    ended: Condvar,
}

/// A server that lives as long as this value.
pub struct Loopback {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

impl Loopback {
    pub fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            handler: Box::new(handler),
            faults: Mutex::default(),
            numbered: Mutex::default(),
            kept: Mutex::default(),
            keeping: Condvar::new(),
            acts: Mutex::default(),
            seen: Mutex::default(),
            latency: AtomicU64::new(0),
            open: Mutex::default(),
            network: Network::default(),
            over: Mutex::new(false),
            ended: Condvar::new(),
        });
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            for (number, stream) in (0..).zip(listener.incoming().flatten()) {
                if *shared.over.lock().expect("no panic") {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || converse(&shared, number, &stream));
            }
        });
        Self {
            address,
            state,
            acceptor: Some(acceptor),
        }
    }

    /// `http://127.0.0.1:port`, with `path` behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same with user information.
    pub fn url_as(&self, login: &str, path: &str) -> String {
        format!("http://{login}@{}{path}", self.address)
    }

    /// Lets the next answer to a request whose line (`GET /path?query`) contains `part` go wrong. Faults queue up.
    /// A `*` in `part` stands for anything, a `?` at its end for the end of the path.
    pub fn fault(&self, part: &str, fault: Fault) {
        let mut faults = self.state.faults.lock().expect("no panic");
        faults.push_back((part.to_owned(), fault));
    }

    /// Lets the answer to the request with this number go wrong, counted from now and from 0.
    pub fn fault_at(&self, number: usize, fault: Fault) {
        let at = self.count() + number;
        *self.state.numbered.lock().expect("no panic") = Some((at, fault));
    }

    /// Waits until a request is kept waiting for an answer that does not come; false: none is by then.
    pub fn keeps(&self, patience: Duration) -> bool {
        let kept = self.state.kept.lock().expect("no panic");
        let none = |kept: &mut usize| *kept == 0;
        let waited = self.state.keeping.wait_timeout_while(kept, patience, none);
        *waited.expect("no panic").0 > 0
    }

    /// Lets something happen once a request that fits has been answered, before its sender knows it; as for [`Self::fault`].
    pub fn after(&self, part: &str, act: impl FnOnce() + Send + 'static) {
        let mut acts = self.state.acts.lock().expect("no panic");
        acts.push((part.to_owned(), Box::new(act)));
    }

    /// How many faults have not happened yet.
    pub fn pending(&self) -> usize {
        self.state.faults.lock().expect("no panic").len()
    }

    /// Takes back the faults that have not happened.
    pub fn heal(&self) {
        self.state.faults.lock().expect("no panic").clear();
        *self.state.numbered.lock().expect("no panic") = None;
    }

    /// From now on every answer waits this long.
    pub fn delay(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).expect("a short time");
        self.state.latency.store(milliseconds, Ordering::Relaxed);
    }

    /// From now on all connections together get this many bytes per second: what benchmarks take for a network.
    pub fn limit(&self, bytes_per_second: Option<u64>) {
        let mut network = self.state.network.0.lock().expect("no panic");
        *network = bytes_per_second.map(|speed| (speed, Instant::now()));
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().expect("no panic").clone()
    }

    /// How many requests there have been.
    pub fn count(&self) -> usize {
        self.state.seen.lock().expect("no panic").len()
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        *self.state.over.lock().expect("no panic") = true;
        self.state.ended.notify_all();
        for stream in self.state.open.lock().expect("no panic").values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The acceptor waits in `accept`; one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn converse(state: &State, number: u64, stream: &TcpStream) {
    if let (Ok(copy), Ok(())) = (stream.try_clone(), stream.set_nodelay(true)) {
        state.open.lock().expect("no panic").insert(number, copy);
    }
    if let Ok(copy) = stream.try_clone() {
        let mut reader = BufReader::new(copy);
        while !*state.over.lock().expect("no panic")
            && serve(state, &mut reader, stream).is_ok_and(|more| more)
        {}
    }
    state.open.lock().expect("no panic").remove(&number);
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers one request; true when another one may follow on the same connection.
fn serve(
    state: &State,
    reader: &mut BufReader<TcpStream>,
    mut stream: &TcpStream,
) -> std::io::Result<bool> {
    if reader.fill_buf()?.is_empty() {
        return Ok(false);
    }
    let Ok(Some(request)) = read_request(reader, stream) else {
        stream.write_all(b"HTTP/1.1 400 Not HTTP\r\nconnection: close\r\n\r\n")?;
        return Ok(false);
    };
    let number = {
        let mut seen = state.seen.lock().expect("no panic");
        seen.push(request.clone());
        seen.len() - 1
    };
    std::thread::sleep(Duration::from_millis(state.latency.load(Ordering::Relaxed)));
    let line = format!("{} {}?{}", request.method, request.path, request.query);
    let numbered = {
        let mut numbered = state.numbered.lock().expect("no panic");
        numbered.take_if(|(at, _)| *at == number)
    };
    let fault = numbered.map(|(_, fault)| fault).or_else(|| {
        let mut faults = state.faults.lock().expect("no panic");
        let at = faults.iter().position(|(part, _)| fits(&line, part));
        at.and_then(|at| faults.remove(at)).map(|(_, fault)| fault)
    });
    match fault {
        None => {
            let answer = (state.handler)(&request);
            let act = {
                let mut acts = state.acts.lock().expect("no panic");
                let at = acts.iter().position(|(part, _)| fits(&line, part));
                at.map(|at| acts.remove(at).1)
            };
            if let Some(act) = act {
                act();
            }
            write_answer(state, stream, &request, &answer, usize::MAX)?;
        }
        Some(Fault::Answer(answer)) => write_answer(state, stream, &request, &answer, usize::MAX)?,
        Some(Fault::Truncate(bytes)) => {
            write_answer(state, stream, &request, &(state.handler)(&request), bytes)?;
            return Ok(false);
        }
        Some(Fault::Drop) => return Ok(false),
        Some(Fault::Lose) => {
            (state.handler)(&request);
            return Ok(false);
        }
        Some(fault @ (Fault::Stall | Fault::Hold)) => {
            if matches!(fault, Fault::Hold) {
                (state.handler)(&request);
            }
            *state.kept.lock().expect("no panic") += 1;
            state.keeping.notify_all();
            let mut over = state.over.lock().expect("no panic");
            while !*over {
                over = state.ended.wait(over).expect("no panic");
            }
            return Ok(false);
        }
    }
    Ok(request.header("connection") != Some("close"))
}

/// True when the pieces of `part` between its `*` stand in `line` one after another.
fn fits(line: &str, part: &str) -> bool {
    let mut rest = Some(line);
    for piece in part.split('*') {
        rest = rest
            .and_then(|text| text.split_once(piece))
            .map(|(_, after)| after);
    }
    rest.is_some()
}

fn read_request(
    reader: &mut BufReader<TcpStream>,
    stream: &TcpStream,
) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        request.headers.push(header);
    }
    if request.header("expect").is_some() {
        (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").is_some() {
        request.body = read_chunks(reader)?;
    } else if let Some(length) = request.header("content-length") {
        let length = length.parse().map_err(std::io::Error::other)?;
        reader.take(length).read_to_end(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        reader.take(length).read_to_end(&mut body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn write_answer(
    state: &State,
    mut stream: &TcpStream,
    request: &Request,
    answer: &Answer,
    most: usize,
) -> std::io::Result<()> {
    let mut bytes = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    // Answers that never have a body do not announce one (RFC 9110, 8.6).
    if ![204, 304].contains(&answer.status) {
        bytes.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(&answer.body[..answer.body.len().min(most)]);
    }
    for chunk in bytes.chunks(1 << 16) {
        state.network.pass(chunk.len());
        stream.write_all(chunk)?;
    }
    stream.flush()
}
