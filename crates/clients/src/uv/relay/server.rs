//! HTTP/1.1 on loopback for one kind of client: GET and HEAD, one request per connection, bodies streamed.
//!
//! Refuses requests with a body and more connections at a time than it has threads for. A body whose source breaks off ends
//! the connection, so that nobody takes a part for the whole.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Method;

/// Most connections at a time; uv makes at most 50 unless it is told otherwise.
const CONNECTIONS: usize = 64;
/// Longest head of a request, in bytes.
const HEAD: usize = 64 << 10;
/// How long a client may take to send its request as a whole, and to read a part of the answer.
const READING: Duration = Duration::from_secs(30);
const WRITING: Duration = Duration::from_secs(300);
/// How long the connection that wakes the acceptor may take to be made.
const WAKING: Duration = Duration::from_secs(1);

/// A request.
pub(super) struct Request {
    /// GET or HEAD.
    pub method: Method,
    /// Path and query as they were sent.
    pub target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// An answer.
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// Length of the body where it is known.
    pub length: Option<u64>,
    body: Option<Box<dyn Read>>,
}

impl Reply {
    /// An answer without a body.
    pub(super) const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            length: Some(0),
            body: None,
        }
    }

    /// The same with a body.
    pub(super) fn with_body(mut self, length: Option<u64>, body: impl Read + 'static) -> Self {
        self.length = length;
        self.body = Some(Box::new(body));
        self
    }
}

pub(super) type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server that listens as long as this value lives. Nobody waits for the connections that there are then: they end by
/// themselves, or with the process.
pub(super) struct Server {
    address: SocketAddr,
    slots: Arc<Slots>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, handler: Arc<Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let slots = Arc::new(Slots::default());
        let shared = Arc::clone(&slots);
        let accept = move || {
            for stream in listener.incoming() {
                let Some(slot) = Slots::take(&shared) else {
                    return;
                };
                let Ok(stream) = stream else {
                    continue;
                };
                let handler = Arc::clone(&handler);
                let serve = move || {
                    let _slot = slot;
                    // A client that is gone needs no answer.
                    let _ = converse(&stream, &*handler);
                };
                // Without a thread the connection is closed, and uv tries again.
                let _ = std::thread::Builder::new()
                    .name("index-relay".to_owned())
                    .spawn(serve);
            }
        };
        let acceptor = std::thread::Builder::new()
            .name("index-relay".to_owned())
            .spawn(accept)?;
        Ok(Self {
            address,
            slots,
            acceptor: Some(acceptor),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.slots.end();
        // The acceptor may wait for a connection: this one wakes it. Where it cannot be made, nobody waits for the acceptor.
        let woken = TcpStream::connect_timeout(&self.address, WAKING).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
    }
}

/// How many connections there are, and whether there are to be more.
#[derive(Default)]
struct Slots {
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Default)]
struct Used {
    count: usize,
    over: bool,
}

struct Slot(Arc<Slots>);

impl Slots {
    /// Waits for a free slot; `None` once it is over.
    fn take(slots: &Arc<Self>) -> Option<Slot> {
        let full = |used: &mut Used| used.count >= CONNECTIONS && !used.over;
        let mut used = slots
            .freed
            .wait_while(slots.hold(), full)
            .unwrap_or_else(PoisonError::into_inner);
        if used.over {
            return None;
        }
        used.count += 1;
        Some(Slot(Arc::clone(slots)))
    }

    fn end(&self) {
        self.hold().over = true;
        self.freed.notify_all();
    }

    fn hold(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.hold().count -= 1;
        self.0.freed.notify_one();
    }
}

fn converse(stream: &TcpStream, handler: &Handler) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITING))?;
    stream.set_nodelay(true)?;
    let Some(request) = read(stream, READING)? else {
        return write(stream, Reply::empty(400), &Method::GET);
    };
    let reply = match request.method {
        Method::GET | Method::HEAD => handler(&request),
        _ => Reply::empty(405),
    };
    write(stream, reply, &request.method)
}

/// The head of a request, which has to be whole within `patience`; `None` if it is not a request.
fn read(mut stream: &TcpStream, patience: Duration) -> io::Result<Option<Request>> {
    let began = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let n = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..n]);
        match parse(&bytes) {
            Ok(Some(request)) => return Ok(Some(request)),
            Ok(None) if n > 0 && bytes.len() < HEAD => {}
            _ => return Ok(None),
        }
    }
}

/// The request whose head is whole; `Ok(None)`: there is more to come.
fn parse(bytes: &[u8]) -> Result<Option<Request>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    if head.parse(bytes)?.is_partial() {
        return Ok(None);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let method = head.method.unwrap_or_default().as_bytes();
    Ok(Some(Request {
        method: Method::from_bytes(method).map_err(|_| httparse::Error::Token)?,
        target: head.path.unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), text(header.value)))
            .collect(),
    }))
}

fn write(mut stream: &TcpStream, reply: Reply, method: &Method) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} \r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match reply.length {
        // An answer that never has a body announces none (RFC 9110, 8.6).
        _ if reply.status == 304 => {}
        Some(length) => head.push_str(&format!("content-length: {length}\r\n")),
        None if method == Method::HEAD => {}
        None => head.push_str("transfer-encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    let Some(mut body) = reply.body.filter(|_| method == Method::GET) else {
        return Ok(());
    };
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = body.read(&mut buffer)?;
        if reply.length.is_some() {
            stream.write_all(&buffer[..n])?;
        } else {
            write!(stream, "{n:x}\r\n")?;
            stream.write_all(&buffer[..n])?;
            stream.write_all(b"\r\n")?;
        }
        if n == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn it_ends_at_once_whoever_holds_connections() {
        let listener = listener();
        let address = listener.local_addr().unwrap();
        let handler = Arc::new(|_: &Request| Reply::empty(204));
        let server = Server::start(listener, handler).unwrap();
        // More than there are slots: the acceptor waits for a free one.
        let held: Vec<_> = (0..CONNECTIONS + 8)
            .map(|number| {
                let mut stream = TcpStream::connect(address).unwrap();
                if number % 2 == 0 {
                    stream.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
                }
                stream
            })
            .collect();
        let deadline = Instant::now() + READING / 2;
        while server.slots.hold().count < CONNECTIONS && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(server.slots.hold().count, CONNECTIONS);
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < READING / 3, "{:?}", began.elapsed());
        // The acceptor that waited for a slot closes its socket a moment later.
        while TcpStream::connect(address).is_ok() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(TcpStream::connect(address).is_err());
        drop(held);
    }

    #[test]
    fn a_head_that_drips_is_given_up() {
        let listener = listener();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let drip = std::thread::spawn(move || {
            while client.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let began = Instant::now();
        let given_up = read(&server, Duration::from_millis(300));
        assert!(given_up.is_err() && began.elapsed() < READING / 3);
        drop(server);
        drip.join().unwrap();
    }
}
