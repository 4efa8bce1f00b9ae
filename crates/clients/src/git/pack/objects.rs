//! Objects straight from packs, piece by piece: libgit2 reads every object whole, and whole what it is a difference to.
//!
//! An object that lies there as itself is inflated while it is read; one that is a difference is made in a scratch file
//! first. Ids and lengths are checked. Trusts an index as far as finding goes: what it leads to has to have the id.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::Decompress;

use super::content::{Content, Scratch};
use super::delta::{Base, Delta};
use super::entry::{Form, Header, header};
use super::hash::ObjectHash;
use super::index::Index;
use super::inflate::{Inflated, inflater};
use super::window::Window;
use super::{Id, Kind, PackError, hexadecimal};

/// Longest chain of differences: git makes none beyond 4,095.
const LONGEST: usize = 1 << 14;

/// The packs of a repository, as they were when they were opened.
pub struct Packs {
    packs: Vec<(Index, Rc<File>)>,
    scratch: PathBuf,
}

impl Packs {
    /// Opens the packs in `folder` (`objects/pack` of a repository); scratch files are made in `scratch`.
    ///
    /// # Errors
    /// [`PackError`] for an index that is none.
    pub fn open(folder: &Path, scratch: &Path) -> Result<Self, PackError> {
        let mut packs = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "idx") {
                let index = Index::open(File::open(&path)?)?;
                match File::open(path.with_extension("pack")) {
                    Ok(pack) => packs.push((index, Rc::new(pack))),
                    // An index whose pack is gone serves nobody.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Self {
            packs,
            scratch: scratch.to_owned(),
        })
    }

    /// Whether a pack has the object of this id.
    ///
    /// # Errors
    /// [`PackError`] for an index that cannot be read.
    pub fn contains(&self, id: &Id) -> Result<bool, PackError> {
        for (index, _) in &self.packs {
            if index.find(id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The object of this id, to be read from front to back; `None` where no pack has it.
    ///
    /// # Errors
    /// [`PackError`] for a pack that is damaged.
    pub fn object(&self, id: &Id) -> Result<Option<Object>, PackError> {
        for (index, pack) in &self.packs {
            if let Some(at) = index.find(id)? {
                return self.make(index, pack, id, at).map(Some);
            }
        }
        Ok(None)
    }

    fn make(&self, index: &Index, pack: &Rc<File>, id: &Id, at: u64) -> Result<Object, PackError> {
        let mut window = Window::new(Rc::clone(pack));
        let mut differences = Vec::new();
        let mut at = at;
        let (kind, size) = loop {
            window.seek(at);
            let Header { form, size } = header(&mut window, at)?;
            let base = match form {
                Form::Whole(kind) => break (kind, size),
                Form::DeltaAt(base) => base,
                Form::DeltaTo(id) => index.find(&id)?.ok_or(PackError::NoBase { count: 1 })?,
            };
            if differences.len() == LONGEST {
                return Err(PackError::damaged(
                    at,
                    "a chain of differences that is too long",
                ));
            }
            differences.push(at);
            at = base;
        };
        let whole = Inflated::new(inflater(), window, size, at);
        let (size, bytes) = match differences.is_empty() {
            true => (size, Bytes::Packed(Box::new(whole))),
            false => self.differ(pack, whole, size, &differences)?,
        };
        Ok(Object {
            kind,
            size,
            bytes,
            left: size,
            hash: Some(ObjectHash::new(kind, size)),
            id: *id,
        })
    }

    /// What the differences (the last of them first) lead to, from the object on that they end at.
    fn differ(
        &self,
        pack: &Rc<File>,
        mut whole: impl Read,
        size: u64,
        differences: &[u64],
    ) -> Result<(u64, Bytes), PackError> {
        let mut scratch = Scratch::new(&self.scratch);
        let mut content = scratch.keep_all(size, &mut whole)?;
        let mut window = Window::new(Rc::clone(pack));
        let mut inflater = inflater();
        for at in differences.iter().rev() {
            window.seek(*at);
            let header = header(&mut window, *at)?;
            let input = Inflated::new(&mut inflater, &mut window, header.size, *at);
            let delta = Delta::new(input, *at)?;
            let made = scratch.keep(delta.size, |scratch, out| {
                let base = Base {
                    scratch,
                    content: &content,
                };
                delta.apply(base, out)
            });
            scratch.free(std::mem::replace(&mut content, made?.0));
        }
        let size = content.len();
        Ok((size, Bytes::Made(scratch, content)))
    }
}

/// An object that is read. It ends with an error when it is not what its id says.
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub size: u64,
    bytes: Bytes,
    left: u64,
    /// `None` once it was compared.
    hash: Option<ObjectHash>,
    id: Id,
}

enum Bytes {
    Packed(Box<Inflated<Decompress, Window<Rc<File>>>>),
    Made(Scratch, Content),
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.bytes {
            Bytes::Packed(input) => input.read(buffer)?,
            Bytes::Made(scratch, content) => {
                let length = self.left.min(buffer.len() as u64);
                let mut out = &mut buffer[..length as usize];
                scratch.copy(content, self.size - self.left, length, &mut out)?;
                length as usize
            }
        };
        self.left -= read as u64;
        if let Some(hash) = &mut self.hash {
            hash.write_all(&buffer[..read])?;
        }
        if read == 0
            && let Some(hash) = self.hash.take()
            && hash.finish()? != self.id
        {
            let problem = "is damaged: what is there has another id";
            let id = hexadecimal(&self.id);
            return Err(PackError::Object { id, problem }.into());
        }
        Ok(read)
    }
}
