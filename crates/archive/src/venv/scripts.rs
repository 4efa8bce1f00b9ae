//! Programs of a venv: those of entry points, and the shebangs of scripts that a wheel brings along.
//!
//! Every program finds the interpreter next to itself, whatever the folder is called and wherever it is moved.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use flate2::read::DeflateDecoder;

use crate::entries::{Coding, Stream};
use crate::wheel::EntryPoint;

/// The first lines of every program: valid for `sh`, which replaces itself with the Python next to the (resolved) script,
/// and for Python, which sees a string. No `--` for `realpath`: busybox does not know it.
const HEADER: &str = "#!/bin/sh\n\
    '''exec' \"$(dirname \"$(realpath \"$0\")\")/python\" \"$0\" \"$@\"\n\
    ' '''\n";

/// With this a script of a wheel asks for the interpreter of the venv (binary distribution format).
const PLACEHOLDER: &[u8] = b"#!python";

/// The program of one entry point.
pub fn entry_point(point: &EntryPoint) -> Vec<u8> {
    let EntryPoint {
        module, attribute, ..
    } = point;
    let import = attribute.split('.').next().unwrap_or(attribute);
    let body = format!(
        "import sys\n\nfrom {module} import {import}\n\nif __name__ == \"__main__\":\n    sys.exit({attribute}())\n"
    );
    format!("{HEADER}{body}").into_bytes()
}

/// Whether a script of a wheel starts with `#!python`. Reads no more of it than that takes: it may be a large program.
pub fn asks_for_python(file: &File, stream: &Stream) -> io::Result<bool> {
    if stream.size < PLACEHOLDER.len() as u64 {
        return Ok(false);
    }
    let section = Section {
        file,
        offset: stream.offset,
        left: stream.compressed,
    };
    let mut start = [0; PLACEHOLDER.len()];
    match stream.coding {
        Coding::Stored => { section }.read_exact(&mut start)?,
        Coding::Deflate { .. } => DeflateDecoder::new(section).read_exact(&mut start)?,
    }
    Ok(start == PLACEHOLDER)
}

/// The script with its first line, up to LF, CR or both, replaced by the header that finds the interpreter.
pub fn with_header(script: &[u8]) -> Vec<u8> {
    let end = script
        .iter()
        .position(|b| matches!(b, b'\n' | b'\r'))
        .unwrap_or(script.len());
    let rest = &script[end..];
    let rest = rest
        .strip_prefix(b"\r\n")
        .or_else(|| rest.get(1..))
        .unwrap_or_default();
    [HEADER.as_bytes(), rest].concat()
}

/// Whether a file of the wheel's scripts is only the launcher of an entry point, under one of the names that setuptools
/// gives it; the entry point is regenerated.
pub fn is_launcher_of(file_name: &str, points: &[EntryPoint]) -> bool {
    points.iter().any(|point| {
        file_name
            .strip_prefix(&point.name)
            .is_some_and(|rest| matches!(rest, "" | ".exe" | "-script.py" | ".pya"))
    })
}

/// A part of a file as a reader.
struct Section<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..most], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_replaced() {
        for (script, rest) in [
            ("#!python\nprint(1)\n", "print(1)\n"),
            ("#!pythonw -u\r\nprint(1)\r\n", "print(1)\r\n"),
            ("#!python\rprint(1)", "print(1)"),
            ("#!python", ""),
        ] {
            let text = String::from_utf8(with_header(script.as_bytes())).unwrap();
            assert_eq!(text.strip_prefix(HEADER), Some(rest), "{script:?}");
        }
    }

    #[test]
    fn nested_attributes_import_their_first_part() {
        let point = EntryPoint {
            name: "x".into(),
            module: "a.b".into(),
            attribute: "App.run".into(),
        };
        let text = String::from_utf8(entry_point(&point)).unwrap();
        assert!(text.contains("from a.b import App\n"));
        assert!(text.contains("sys.exit(App.run())\n"));
    }

    #[test]
    fn launchers_are_known_by_their_names() {
        let point = |name: &str| EntryPoint {
            name: name.into(),
            module: "m".into(),
            attribute: "f".into(),
        };
        let points = [point("tool")];
        for name in ["tool", "tool.exe", "tool-script.py", "tool.pya"] {
            assert!(is_launcher_of(name, &points), "{name}");
        }
        assert!(!is_launcher_of("tool2", &points));
        assert!(!is_launcher_of("too", &points));
    }
}
