//! A proxy on loopback that resets connections in the middle of a push.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Where a push is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// When its first bytes have come, before the server sees any.
    Before,
    /// When the server has it and answers.
    After,
}

/// Passes everything on, but for the pushes that are to be cut. Ends with the process.
pub struct Proxy {
    pub address: SocketAddr,
    cuts: Arc<Mutex<Vec<Cut>>>,
    made: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn before(server: &str) -> Self {
        let server: SocketAddr = server.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            cuts: Arc::default(),
            made: Arc::default(),
        };
        let (cuts, made) = (Arc::clone(&proxy.cuts), Arc::clone(&proxy.made));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (cuts, made) = (Arc::clone(&cuts), Arc::clone(&made));
                std::thread::spawn(move || pass(client, server, &cuts, &made));
            }
        });
        proxy
    }

    /// The next push is cut so.
    pub fn cut(&self, cut: Cut) {
        self.cuts.lock().unwrap().push(cut);
    }

    /// How many were.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

fn pass(client: TcpStream, server: SocketAddr, cuts: &Mutex<Vec<Cut>>, made: &AtomicUsize) {
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let cutting = Arc::new(Mutex::new(false));
    let back = {
        let (server, client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let cutting = Arc::clone(&cutting);
        std::thread::spawn(move || pump(server, client, |_| *cutting.lock().unwrap()))
    };
    pump(client, server, |bytes| {
        let head = String::from_utf8_lossy(bytes);
        if !(head.starts_with("POST ") && head.contains("/git-receive-pack ")) {
            return false;
        }
        let cut = cuts.lock().unwrap().pop();
        made.fetch_add(usize::from(cut.is_some()), Ordering::SeqCst);
        *cutting.lock().unwrap() = cut == Some(Cut::After);
        cut == Some(Cut::Before)
    });
    let _ = back.join();
}

/// Passes bytes on until they end or `stop` wants an end. What is unread when a socket is closed makes that a reset.
fn pump(mut from: TcpStream, mut to: TcpStream, mut stop: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 1 << 14];
    loop {
        match from.read(&mut buffer) {
            Ok(n) if n > 0 && !stop(&buffer[..n]) && to.write_all(&buffer[..n]).is_ok() => {}
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
