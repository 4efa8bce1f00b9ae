//! What is made from a verified wheel or snapshot and cached because making it takes time: Zstandard frames.
//!
//! Cached below the digest of its origin, so that it is removed with the origin. A file that has changed since counts as missing.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::entry::{self, Found};
use super::incoming::Incoming;
use super::layout::Part;
use super::{Store, StoreError};
use pannier_archive::tarball::{Frame, FrameCache, FrameCacheError, NewRun, PackedRun};
use pannier_base::digest::Digest;

/// The file in each entry.
pub(super) const CONTENT: &str = "content";

/// The frames in such a file.
#[derive(Serialize, Deserialize)]
struct Frames(Vec<Frame>);

impl Found for Frames {}

/// A file on its way into the store.
struct Pending {
    store: Store,
    incoming: Incoming,
}

impl FrameCache for Store {
    fn load(&self, origin: &Digest, key: &Digest) -> Result<Option<PackedRun>, FrameCacheError> {
        let folder = self.derived_folder(origin, key);
        let unknown = |_: &File| {
            Err(StoreError::io("read", &folder)(
                io::ErrorKind::InvalidData.into(),
            ))
        };
        let found = entry::load_any::<Frames>(&folder, CONTENT, unknown)?;
        let Some((path, _, Frames(frames))) = found else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Some(PackedRun { file, frames }))
    }

    fn create(&self) -> Result<Box<dyn NewRun>, FrameCacheError> {
        Ok(Box::new(Pending {
            store: self.clone(),
            incoming: self.incoming()?,
        }))
    }
}

impl NewRun for Pending {
    fn save(
        self: Box<Self>,
        origin: &Digest,
        key: &Digest,
        frames: Vec<Frame>,
    ) -> Result<PackedRun, FrameCacheError> {
        let arrived = self.incoming.finish()?;
        let folder = self.store.derived_folder(origin, key);
        let frames = Frames(frames);
        let scratch = self.store.scratch.path();
        let path = entry::save(arrived, &folder, CONTENT, &frames, scratch)?;
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let Frames(frames) = frames;
        Ok(PackedRun { file, frames })
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.incoming.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.incoming.flush()
    }
}

impl Store {
    fn derived_folder(&self, origin: &Digest, key: &Digest) -> PathBuf {
        self.entry_folder(Part::Derived, origin)
            .join(key.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;
    use crate::store::Maintenance;

    #[test]
    fn cached_frames_come_back_until_their_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (origin, key, other) = (Digest::of(b"wheel"), Digest::of(b"key"), Digest::of(b"x"));
        let frames = vec![Frame {
            compressed: 6,
            size: 512,
        }];
        let save = || {
            let mut new = store.create().unwrap();
            new.write_all(b"frames").unwrap();
            new.save(&origin, &key, frames.clone()).unwrap()
        };
        let read = |mut run: PackedRun| {
            let mut bytes = Vec::new();
            run.file.read_to_end(&mut bytes).unwrap();
            (bytes, run.frames)
        };
        let expected = (b"frames".to_vec(), frames.clone());
        assert!(store.load(&origin, &key).unwrap().is_none());
        assert_eq!(read(save()), expected);
        assert_eq!(read(store.load(&origin, &key).unwrap().unwrap()), expected);
        assert!(store.load(&origin, &other).unwrap().is_none());
        let care = Maintenance::open(folder.path()).unwrap();
        assert_eq!(care.verify().unwrap().removed, [""; 0]);
        let path = store.derived_folder(&origin, &key).join(CONTENT);
        fs::write(&path, b"not a frame").unwrap();
        assert!(store.load(&origin, &key).unwrap().is_none());
        assert_eq!(read(save()), expected);
        assert_eq!(read(store.load(&origin, &key).unwrap().unwrap()), expected);
    }
}
