//! Taking a pack into a repository: what the pack leaves out because the repository has it is looked up there.

use std::io::Read;
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Repository};

use super::pack::{self, Content, Id, Kind, PackError, Packs, Scratch};

/// Reads a pack to its end and puts it into the bare repository at `into`.
pub(super) fn take(pack: &mut dyn Read, into: &Path) -> Result<(), PackError> {
    let folder = into.join("objects/pack");
    std::fs::create_dir_all(&folder)?;
    let mut known = None;
    let mut bases = |id: &Id, scratch: &mut Scratch| {
        let known = match &mut known {
            Some(known) => known,
            none => none.insert(Known::open(into, &folder)?),
        };
        known.object(id, scratch)
    };
    pack::take(pack, &folder, &mut bases)?;
    Ok(())
}

/// The objects of a repository.
struct Known {
    packs: Packs,
    repository: Repository,
}

impl Known {
    fn open(into: &Path, folder: &Path) -> Result<Self, PackError> {
        Ok(Self {
            packs: Packs::open(folder, folder)?,
            repository: Repository::open_bare(into).map_err(|error| library(&error))?,
        })
    }

    fn object(&self, id: &Id, scratch: &mut Scratch) -> Result<Option<(Kind, Content)>, PackError> {
        if let Some(mut object) = self.packs.object(id)? {
            let content = scratch.keep_all(object.size, &mut object)?;
            return Ok(Some((object.kind, content)));
        }
        // What is in no pack was made here, and is small.
        let read = || {
            self.repository.odb()?.read(Oid::from_bytes(id)?).map(|it| {
                let kind = match it.kind() {
                    ObjectType::Commit => Kind::Commit,
                    ObjectType::Tree => Kind::Tree,
                    ObjectType::Tag => Kind::Tag,
                    _ => Kind::Blob,
                };
                (kind, it.data().to_vec())
            })
        };
        match read() {
            Ok((kind, bytes)) => {
                let content = scratch.keep_all(bytes.len() as u64, &mut bytes.as_slice())?;
                Ok(Some((kind, content)))
            }
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(library(&error)),
        }
    }
}

fn library(error: &git2::Error) -> PackError {
    PackError::Repository(error.message().to_owned())
}
