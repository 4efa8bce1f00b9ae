//! Where the relay listens, and its secrets: the same in every run of one store, because uv keeps what it fetched by URL.
//!
//! The file is the user's alone. A port that is taken (by another Pannier on the same store) is passed over for the next one.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::address::Address;
use pannier_archive::limited;

/// Below the ports that Linux gives to connections by itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// Most ports that are remembered: as many runs find their cache at the same time.
const REMEMBERED: usize = 8;
/// How many free ports are tried before the system chooses one.
const TRIES: usize = 64;

#[derive(Serialize, Deserialize)]
struct State {
    secret: String,
    key: String,
    ports: Vec<u16>,
}

/// Opens the port of the state kept in `path`; makes the file where there is none.
pub(super) fn open(path: &Path) -> io::Result<(TcpListener, Address)> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        // A link would lead to someone else's file, and a pipe would be waited for.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.lock()?;
    let mut text = String::new();
    (&mut file).take(limited::SMALL).read_to_string(&mut text)?;
    let known = serde_json::from_str::<State>(&text).ok();
    let mut state = match known {
        Some(state) if state.secret.len() == 32 && state.key.len() == 64 => state,
        _ => State {
            secret: random::<16>()?,
            key: random::<32>()?,
            ports: Vec::new(),
        },
    };
    let (listener, port) = listen(&state.ports)?;
    if !state.ports.contains(&port) && state.ports.len() < REMEMBERED {
        state.ports.push(port);
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&state)?)?;
    }
    Ok((listener, Address::new(port, state.secret, state.key)))
}

fn listen(known: &[u16]) -> io::Result<(TcpListener, u16)> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    for port in known {
        if let Ok(listener) = bind(*port) {
            return Ok((listener, *port));
        }
    }
    for _ in 0..TRIES {
        let port = fastrand::u16(PORTS);
        if let Ok(listener) = bind(port) {
            return Ok((listener, port));
        }
    }
    let listener = bind(0)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// So many bytes that nobody can guess, in hexadecimal digits.
fn random<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pannier_base::url::SafeUrl;

    #[test]
    fn the_address_stays_and_is_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay");
        let url: SafeUrl = "https://example.org/a.whl".parse().unwrap();
        let (first, address) = open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let file = address.file(&url);
        // Another one at the same time gets another port, and the same one whenever the first is taken.
        let (second, other) = open(&path).unwrap();
        assert_ne!(other.file(&url), file);
        drop(second);
        let (second, again) = open(&path).unwrap();
        assert_eq!(again.file(&url), other.file(&url));
        drop((first, second));
        assert_eq!(open(&path).unwrap().1.file(&url), file);
    }

    #[test]
    fn a_file_that_says_something_else_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay");
        std::fs::write(&path, r#"{"secret": "", "key": "", "ports": []}"#).unwrap();
        let (_, address) = open(&path).unwrap();
        assert_eq!(address.target("//index/id/a/"), None);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(serde_json::from_str::<State>(&text).unwrap().secret.len() == 32);
    }
}
