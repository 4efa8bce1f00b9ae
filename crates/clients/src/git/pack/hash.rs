//! Ids of objects, taken while their bytes flow by. Refuses what was made to collide (git does as well).

use std::io::{self, Write};

use sha1_checked::{Digest as _, Sha1};

use super::{Id, Kind, PackError, hexadecimal};

/// The id of an object that is written here.
pub(super) struct ObjectHash(Sha1);

impl ObjectHash {
    /// For an object of `size` bytes.
    pub(super) fn new(kind: Kind, size: u64) -> Self {
        let mut sha1 = Sha1::new();
        sha1.update(format!("{} {size}\0", kind.name()));
        Self(sha1)
    }

    pub(super) fn finish(self) -> Result<Id, PackError> {
        finish(self.0)
    }
}

/// For checksums, which name nothing: without the search for collisions, which takes its time.
pub(super) fn checksum() -> Sha1 {
    Sha1::builder().detect_collision(false).build()
}

/// The digest of everything so far; an error where it was made to collide.
pub(super) fn finish(sha1: Sha1) -> Result<Id, PackError> {
    let result = sha1.try_finalize();
    let id: Id = (*result.hash()).into();
    match result.has_collision() {
        false => Ok(id),
        true => Err(PackError::Object {
            id: hexadecimal(&id),
            problem: "was made to have the same id as another one",
        }),
    }
}

impl Write for ObjectHash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
