//! The tree in the making: files and folders first, from several threads, links last.
//!
//! Everything happens below one private folder in which no link exists until all files are written, so nothing can be
//! written through one. Refuses whatever stands twice at one path, under any two kinds.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::error::UnpackError;
use super::links::{self, Link};
use crate::tarball::read::{Entry, EntryKind};
use pannier_base::paths::AbsoluteLinks;

/// The private folder that everything is written to.
pub(super) struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// Bits that the process's umask (or the folder's default ACL) takes from new files.
    masked: u32,
}

/// What one thread has met.
#[derive(Debug, Default)]
pub(super) struct Met {
    folders: Vec<Folder>,
    links: Vec<Link>,
    files: u64,
    bytes: u64,
}

/// A folder whose attributes are set when everything in it is there.
#[derive(Debug)]
struct Folder {
    path: String,
    mode: u32,
    mtime: (i64, u32),
}

/// Figures of a finished tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) links: u64,
    pub(super) bytes: u64,
}

/// One thread's hand at the tree.
pub(super) struct Hand<'a> {
    tree: &'a Tree,
    /// The folder that was written to last: entries come sorted, so most share it with the one before.
    folder: Option<(String, OwnedFd)>,
    pub(super) met: Met,
}

/// A file that is being written.
pub(super) struct Open {
    file: File,
    mode: u32,
    mtime: (i64, u32),
    chmod: bool,
}

impl Tree {
    /// A tree in the new folder `path`, which nobody else writes to; `masked` are the permission bits that new files there
    /// lose.
    pub(super) fn new(path: &Path, masked: u32) -> Result<Self, UnpackError> {
        let failed = |errno: Errno| UnpackError::write("create", path)(errno.into());
        rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let root = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
        if masked & 0o755 != 0 {
            rustix::fs::fchmod(&root, Mode::from_raw_mode(0o755)).map_err(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            root,
            masked,
        })
    }

    /// A hand for one thread.
    pub(super) fn hand(&self) -> Hand<'_> {
        Hand {
            tree: self,
            folder: None,
            met: Met::default(),
        }
    }

    /// Makes the links and sets the folders' attributes.
    pub(super) fn finish(
        &self,
        parts: impl IntoIterator<Item = Met>,
        absolute: AbsoluteLinks,
    ) -> Result<Figures, UnpackError> {
        let mut all = Met::default();
        for part in parts {
            all.folders.extend(part.folders);
            all.links.extend(part.links);
            all.files += part.files;
            all.bytes += part.bytes;
        }
        let figures = Figures {
            files: all.files,
            folders: all.folders.len() as u64,
            links: all.links.len() as u64,
            bytes: all.bytes,
        };
        let Met {
            mut links,
            mut folders,
            ..
        } = all;
        links.sort_by(|a, b| a.path.cmp(&b.path));
        links::check(&links, absolute)?;
        for link in &links {
            self.link(link)?;
        }
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        let mut pairs = folders.windows(2);
        if let Some(pair) = pairs.find(|pair| pair[0].path == pair[1].path) {
            return Err(UnpackError::refused(&pair[0].path, "it appears twice"));
        }
        // What a folder holds comes first: once it is read-only, nothing can be changed in it.
        for folder in folders.iter().rev() {
            self.settle(folder)?;
        }
        Ok(figures)
    }

    fn link(&self, link: &Link) -> Result<(), UnpackError> {
        rustix::fs::symlinkat(&link.target, &self.root, &link.path)
            .map_err(|errno| self.failed("create", &link.path, errno))?;
        let times = times(link.mtime);
        rustix::fs::utimensat(&self.root, &link.path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.failed("set the time of", &link.path, errno))
    }

    fn settle(&self, folder: &Folder) -> Result<(), UnpackError> {
        let failed = |errno| self.failed("set the attributes of", &folder.path, errno);
        if folder.mode != 0o755 || self.masked & 0o755 != 0 {
            let mode = Mode::from_raw_mode(folder.mode);
            rustix::fs::chmodat(&self.root, &folder.path, mode, AtFlags::empty())
                .map_err(failed)?;
        }
        let times = times(folder.mtime);
        rustix::fs::utimensat(&self.root, &folder.path, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed)
    }

    /// What an error of the system means in a folder that nobody else writes to.
    fn failed(&self, what: &'static str, path: &str, errno: Errno) -> UnpackError {
        match errno {
            Errno::EXIST => UnpackError::refused(path, "it appears twice"),
            Errno::NOTDIR => UnpackError::refused(path, "it is below a file"),
            Errno::NAMETOOLONG => UnpackError::refused(path, "its name is too long"),
            _ => UnpackError::write(what, &self.path.join(path))(errno.into()),
        }
    }

    /// Makes the folder `path` and those above it, where they are missing.
    fn make_folder(&self, path: &str) -> Result<(), UnpackError> {
        let failed = |errno| self.failed("create", path, errno);
        match rustix::fs::mkdirat(&self.root, path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(Errno::NOENT) => {
                let (above, _) = path.rsplit_once('/').ok_or_else(|| failed(Errno::NOENT))?;
                self.make_folder(above)?;
                match rustix::fs::mkdirat(&self.root, path, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => Ok(()),
                    Err(errno) => Err(failed(errno)),
                }
            }
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Opens the folder `path`, made if it is missing.
    fn open_folder(&self, path: &str) -> Result<OwnedFd, UnpackError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = |path: &str| {
            let path = if path.is_empty() { "." } else { path };
            rustix::fs::openat(&self.root, path, flags, Mode::empty())
        };
        match open(path) {
            Err(Errno::NOENT) => {
                self.make_folder(path)?;
                open(path).map_err(|errno| self.failed("open", path, errno))
            }
            other => other.map_err(|errno| self.failed("open", path, errno)),
        }
    }
}

impl Hand<'_> {
    /// Takes an entry: a folder or link is dealt with, a file comes back to be written to.
    pub(super) fn take(&mut self, entry: Entry) -> Result<Option<Open>, UnpackError> {
        match entry.kind {
            EntryKind::File(size) => {
                self.met.files += 1;
                self.met.bytes += size;
                self.open(&entry).map(Some)
            }
            EntryKind::Directory => {
                if !entry.path.is_empty() {
                    self.tree.open_folder(&entry.path)?;
                    self.met.folders.push(Folder {
                        path: entry.path,
                        mode: entry.mode,
                        mtime: entry.mtime,
                    });
                }
                Ok(None)
            }
            EntryKind::Symlink(target) => {
                let (parent, _) = entry.path.rsplit_once('/').unwrap_or_default();
                self.enter(parent)?;
                self.met.links.push(Link {
                    path: entry.path,
                    target,
                    mtime: entry.mtime,
                });
                Ok(None)
            }
        }
    }

    fn open(&mut self, entry: &Entry) -> Result<Open, UnpackError> {
        let tree = self.tree;
        let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let folder = self.enter(parent)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(entry.mode);
        let file = rustix::fs::openat(folder, name, flags, mode)
            .map_err(|errno| tree.failed("create", &entry.path, errno))?;
        Ok(Open {
            file: file.into(),
            mode: entry.mode,
            mtime: entry.mtime,
            chmod: entry.mode & tree.masked != 0,
        })
    }

    fn enter(&mut self, path: &str) -> Result<&OwnedFd, UnpackError> {
        let here = self.folder.take().filter(|(open, _)| open == path);
        let folder = match here {
            Some(here) => here,
            None => (path.to_owned(), self.tree.open_folder(path)?),
        };
        Ok(&self.folder.insert(folder).1)
    }

    /// For errors while a file's content is written.
    pub(super) fn failed(&self, path: &str) -> impl FnOnce(io::Error) -> UnpackError + use<> {
        UnpackError::write("write", &self.tree.path.join(path))
    }
}

impl Open {
    /// Adds content.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Sets the attributes, when all content is there.
    pub(super) fn finish(self) -> io::Result<()> {
        if self.chmod {
            rustix::fs::fchmod(self.file.as_fd(), Mode::from_raw_mode(self.mode))?;
        }
        rustix::fs::futimens(self.file.as_fd(), &times(self.mtime))?;
        Ok(())
    }
}

fn times((tv_sec, nanos): (i64, u32)) -> Timestamps {
    let time = Timespec {
        tv_sec,
        tv_nsec: nanos.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
