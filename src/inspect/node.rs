//! What stands at a path of a tarball, and how it is packed.

use serde::Serialize;

use super::paths::{Value, WHOLE, pack_number, pack_text, unpack_number, unpack_text};
use crate::digest::Digest;

const FOLDER: u8 = 0;
const FILE: u8 = 1;
const EXECUTABLE: u8 = 2;
const LINK: u8 = 3;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Node {
    /// A folder.
    Folder,
    /// A regular file.
    File {
        /// Its length.
        bytes: u64,
        /// Its SHA-256.
        sha256: Digest,
        /// Whether it may be run.
        executable: bool,
    },
    /// A symbolic link.
    Link {
        /// What it says.
        target: String,
    },
}

impl Value for Node {
    fn pack(&self, run: &mut Vec<u8>) {
        match self {
            Self::Folder => run.push(FOLDER),
            Self::File {
                bytes,
                sha256,
                executable,
            } => {
                run.push(if *executable { EXECUTABLE } else { FILE });
                pack_number(*bytes, run);
                run.extend_from_slice(sha256.as_bytes());
            }
            Self::Link { target } => {
                run.push(LINK);
                pack_text(target, run);
            }
        }
    }

    fn unpack(run: &mut &[u8]) -> Self {
        let kind = *run.split_off_first().expect(WHOLE);
        match kind {
            FOLDER => Self::Folder,
            LINK => Self::Link {
                target: unpack_text(run).to_owned(),
            },
            _ => {
                let bytes = unpack_number(run);
                let (sha256, rest) = run.split_first_chunk().expect(WHOLE);
                *run = rest;
                Self::File {
                    bytes,
                    sha256: Digest::from_bytes(*sha256),
                    executable: kind == EXECUTABLE,
                }
            }
        }
    }

    fn beside(&self) -> usize {
        match self {
            Self::Link { target } => target.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let file = |bytes, executable| Node::File {
            bytes,
            sha256: Digest::of(b"x"),
            executable,
        };
        let link = |target: &str| Node::Link {
            target: target.to_owned(),
        };
        let nodes = [
            Node::Folder,
            file(u64::MAX, true),
            link("../ü"),
            file(0, false),
            link(""),
        ];
        let mut run = Vec::new();
        for node in &nodes {
            node.pack(&mut run);
        }
        let mut rest = run.as_slice();
        assert_eq!(nodes.clone().map(|_| Node::unpack(&mut rest)), nodes);
        assert!(rest.is_empty());
    }
}
