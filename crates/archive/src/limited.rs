//! Files that someone else named or wrote, read with a limit: a file of any length, a device such as `/dev/zero` or a pipe
//! that never ends is an error soon. Pipes and process substitution (`<(command)`) are read to their end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest configuration file, in bytes.
pub const CONFIGURATION: u64 = 4 << 20;

/// Largest list of constraints or requirements, and largest packaging file, in bytes.
pub const LIST: u64 = 16 << 20;

/// Largest lock, in bytes.
pub const LOCK: u64 = 256 << 20;

/// Largest manifest, in bytes.
pub const MANIFEST: u64 = 64 << 20;

/// Largest file with a digest, and largest netrc, in bytes.
pub const SMALL: u64 = 1 << 20;

/// Largest file that the store keeps about another one, in bytes: the table of contents of a container of a million files.
pub const STORE: u64 = 2 << 30;

/// Largest file of certificates, in bytes.
pub const CERTIFICATES: u64 = 64 << 20;

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// What opening and reading give; [`io::ErrorKind::FileTooLarge`], with the limit in its text, for a longer one.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    if let Ok(meta) = file.metadata()
        && meta.is_file()
        && meta.len() <= limit
    {
        bytes.reserve_exact(usize::try_from(meta.len()).unwrap_or(0));
    }
    read_from(file, limit, &mut bytes)?;
    Ok(bytes)
}

/// Reads a UTF-8 text of at most `limit` bytes.
///
/// # Errors
/// Those of [`read`] and [`text`].
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read(path, limit)?)
}

/// The UTF-8 text of a file.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`], with the first line that is not UTF-8 in its text.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        let text = format!("it is not UTF-8 (line {line})");
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn read_from(input: impl Read, limit: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    input.take(limit + 1).read_to_end(bytes)?;
    if bytes.len() as u64 <= limit {
        return Ok(());
    }
    let text = match limit >> 20 {
        mib if mib << 20 == limit => format!("it is longer than {mib} MiB"),
        _ => format!("it is longer than {limit} bytes"),
    };
    Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all("ä12".as_bytes()).unwrap();
        assert_eq!(read_text(file.path(), 4).unwrap(), "ä12");
        let error = read(file.path(), 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is longer than 3 bytes");
        file.write_all(b"\n\xff").unwrap();
        let error = read_text(file.path(), 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "it is not UTF-8 (line 2)");
    }

    #[test]
    fn devices_and_folders_are_errors() {
        let error = read(Path::new("/dev/zero"), 2 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is longer than 2 MiB");
        assert!(read(Path::new("/dev/null"), 1).unwrap().is_empty());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read(folder.path(), 9).unwrap_err().kind(),
            io::ErrorKind::IsADirectory
        );
    }

    #[test]
    fn pipes_are_read_to_their_end_and_endless_ones_to_the_limit() {
        for (endless, expected) in [(false, Some(4)), (true, None)] {
            let (reader, mut writer) = io::pipe().unwrap();
            let path = format!("/dev/fd/{}", reader.as_raw_fd());
            let writing = std::thread::spawn(
                move || {
                    while writer.write_all(b"a>=1").is_ok() && endless {}
                },
            );
            let read = read(Path::new(&path), 1 << 16);
            // An endless writer stops when the reader is gone.
            drop(reader);
            writing.join().unwrap();
            assert_eq!(read.ok().map(|bytes| bytes.len()), expected);
        }
    }
}
