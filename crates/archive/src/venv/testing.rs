//! Containers and wheels made by hand, for the tests of this room and of those above it.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use crate::entries::{Coding, Content, Pack, PackEntry, Stream};
use crate::venv::{Installed, VenvOptions};
use crate::wheel::{EntryPoint, Wheel};
use pannier_base::digest::Digest;

/// A container in the making: raw streams one behind the other, with some bytes between them that are nobody's.
#[derive(Default)]
pub(crate) struct Packer {
    bytes: Vec<u8>,
    pub(crate) pack: Pack,
}

impl Packer {
    pub(crate) fn raw(&mut self, path: &str, content: &[u8], raw: &[u8], coding: Coding) {
        self.bytes.extend_from_slice(b"gap");
        let stream = Stream {
            offset: self.bytes.len() as u64,
            compressed: raw.len() as u64,
            size: content.len() as u64,
            crc32: crc32fast::hash(content),
            sha256: Digest::of(content),
            coding,
        };
        self.bytes.extend_from_slice(raw);
        let executable = path.contains("exec");
        self.entry(path, Content::File { executable, stream });
    }

    /// A file as it is; executable when its path says `exec`.
    pub(crate) fn stored(&mut self, path: &str, content: &[u8]) {
        self.raw(path, content, content, Coding::Stored);
    }

    /// A deflated file; executable when its path says `exec`.
    pub(crate) fn deflated(&mut self, path: &str, content: &[u8]) {
        let (raw, coding) = deflate(content);
        self.raw(path, content, &raw, coding);
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        let target = target.to_owned();
        self.entry(path, Content::Symlink { target });
    }

    pub(crate) fn entry(&mut self, path: &str, content: Content) {
        let path = path.to_owned();
        self.pack.push(PackEntry { path, content });
    }

    pub(crate) fn finish(self) -> (Arc<File>, Pack) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&self.bytes).unwrap();
        (Arc::new(file), self.pack)
    }
}

/// Raw deflate whose last block is an empty one behind a sync flush, so that its place is known.
pub(crate) fn deflate(content: &[u8]) -> (Vec<u8>, Coding) {
    let mut raw = Vec::with_capacity(content.len() + content.len() / 100 + 64);
    let mut compress = Compress::new(Compression::new(6), false);
    compress
        .compress_vec(content, &mut raw, FlushCompress::Sync)
        .unwrap();
    assert!(raw.len() < raw.capacity());
    let last_block = raw.len() as u64 * 8;
    raw.extend_from_slice(&[0x03, 0x00]);
    let end = last_block + 10;
    (raw, Coding::Deflate { last_block, end })
}

/// A wheel with its container.
pub(crate) struct TestWheel {
    pub(crate) file: Arc<File>,
    pub(crate) wheel: Wheel,
}

/// A pure wheel `NAME` 1.0 with METADATA, WHEEL and RECORD in addition to what `fill` adds, and the given entry points
/// (`NAME=MODULE:ATTRIBUTE`).
pub(crate) fn wheel(name: &str, points: &[&str], fill: impl FnOnce(&mut Packer)) -> TestWheel {
    let mut packer = Packer::default();
    fill(&mut packer);
    let dist_info = format!("{}-1.0.dist-info", name.replace('-', "_"));
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    packer.deflated(&format!("{dist_info}/METADATA"), metadata.as_bytes());
    packer.deflated(&format!("{dist_info}/WHEEL"), b"Wheel-Version: 1.0\n");
    packer.deflated(&format!("{dist_info}/RECORD"), b"of the wheel\n");
    let (file, pack) = packer.finish();
    let point = |text: &&str| {
        let (name, rest) = text.split_once('=').unwrap();
        let (module, attribute) = rest.split_once(':').unwrap();
        EntryPoint {
            name: name.to_owned(),
            module: module.to_owned(),
            attribute: attribute.to_owned(),
        }
    };
    let wheel = Wheel {
        pack,
        name: name.parse().unwrap(),
        version: "1.0".into(),
        dist_info,
        data: Some(format!("{}-1.0.data", name.replace('-', "_"))),
        purelib: true,
        requires_dist: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
        scripts: points.iter().map(point).collect(),
        warnings: Vec::new(),
    };
    TestWheel { file, wheel }
}

impl TestWheel {
    pub(crate) fn installed(&self) -> Installed<'_> {
        Installed {
            wheel: &self.wheel,
            file: &self.file,
            requested: false,
            direct_url: None,
            bytecode: None,
        }
    }
}

/// Python 3.13.2 at `interpreter` on x86-64.
pub(crate) fn options(interpreter: &str) -> VenvOptions {
    VenvOptions {
        target: pannier_base::platform::Target {
            python: "3.13.2".parse().unwrap(),
            platform: "x86_64-manylinux_2_41".parse().unwrap(),
        },
        interpreter: interpreter.into(),
        python_link: crate::venv::PythonLink::Absolute,
        small: crate::venv::SMALL_FILE,
    }
}
