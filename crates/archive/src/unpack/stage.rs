//! A private folder next to the target, and the renames that put a finished tree in its place.
//!
//! ```text
//! BASE/.NAME.pannier-RANDOM/   .alive   locked while its owner lives
//!                              new/     the tree in the making
//!                              old/     what the new entries replace, while they are moved
//!                              moving   names of the entries that are being moved: there until all are
//! ```
//! The next run with the same target undoes the renames of a killed owner and removes its folder. Never
//! touches a folder whose owner lives, or that belongs to another user.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::limited;

use super::error::UnpackError;
use crate::abort::{self, Listed};
use crate::atomic::remove_folder;

const ALIVE: &str = ".alive";
const NEW: &str = "new";
const OLD: &str = "old";
const MOVING: &str = "moving";

/// Where a tree goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The tree becomes this folder, which is missing or empty.
    Folder(PathBuf),
    /// The tree's top entries are put into this folder, next to its contents.
    Inside(PathBuf),
}

/// The private folder; removed when dropped.
pub(super) struct Stage {
    folder: PathBuf,
    /// The folder that entries are moved to.
    base: PathBuf,
    /// The one entry to be moved, or `None` for all of the tree's.
    name: Option<String>,
    masked: u32,
    _alive: File,
    /// Until the tree is put in place.
    listed: Option<Listed>,
}

impl Stage {
    /// Sweeps away what killed runs left and makes the folder.
    ///
    /// # Errors
    /// [`UnpackError::Occupied`] when it shows already that the tree has no place, unless `force`d.
    pub(super) fn new(target: &Target, force: bool) -> Result<Self, UnpackError> {
        let (base, name) = base_of(target)?;
        let prefix = match &name {
            Some(name) => format!(".{name}.pannier-"),
            None => ".pannier-unpack-".to_owned(),
        };
        let failed = |what| UnpackError::write(what, &base);
        // One at a time, so that nobody sweeps a folder between its making and its locking.
        let turnstile = File::open(&base).map_err(failed("open"))?;
        turnstile.lock().map_err(failed("lock"))?;
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&base)
            .map_err(failed("create a folder in"))?;
        sweep(&base, &prefix, folder.path()).map_err(failed("tidy up"))?;
        let (alive, masked) =
            alive(folder.path()).map_err(UnpackError::write("lock", folder.path()))?;
        let folder = folder.keep();
        let listed = Some(abort::list(&folder));
        let stage = Self {
            folder,
            base,
            name,
            masked,
            _alive: alive,
            listed,
        };
        let new = stage.folder.join(NEW);
        if let Some(name) = &stage.name {
            fs::create_dir(&new).map_err(UnpackError::write("create", &new))?;
            let target = stage.base.join(name);
            if !force && !is_free(&target).map_err(UnpackError::write("read", &target))? {
                return Err(UnpackError::Occupied { path: target });
            }
        }
        Ok(stage)
    }

    /// Where the tree is to be made; it does not exist yet.
    pub(super) fn tree(&self) -> PathBuf {
        let new = self.folder.join(NEW);
        self.name
            .as_ref()
            .map_or(new.clone(), |name| new.join(name))
    }

    /// Permission bits that new files lose here.
    pub(super) const fn masked(&self) -> u32 {
        self.masked
    }

    /// Puts the finished tree in its place; after an error everything is as it was.
    pub(super) fn place(&mut self, force: bool) -> Result<(), UnpackError> {
        // What was there before may be in the folder from now on.
        self.listed = None;
        if let Some(name) = &self.name {
            let target = self.base.join(name);
            if place_at_once(&self.tree(), &target, force)? {
                return Ok(());
            }
        }
        let names = self.names(force)?;
        let moving = self.folder.join(MOVING);
        let old = self.folder.join(OLD);
        fs::create_dir(&old).map_err(UnpackError::write("create", &old))?;
        fs::write(&moving, names.join("\n")).map_err(UnpackError::write("write", &moving))?;
        let moved = names
            .iter()
            .try_for_each(|name| self.move_one(name, force))
            .and_then(|()| {
                // From here on nobody takes anything back.
                fs::remove_file(&moving).map_err(UnpackError::write("remove", &moving))
            });
        if let Err(error) = moved {
            take_back(&self.folder, &self.base)
                .map_err(UnpackError::write("restore", &self.base))?;
            return Err(error);
        }
        Ok(())
    }

    /// The names of the entries to be moved, all of which must be free unless `force`d.
    fn names(&self, force: bool) -> Result<Vec<String>, UnpackError> {
        let new = self.folder.join(NEW);
        let failed = || UnpackError::write("read", &new);
        let mut names = Vec::new();
        for entry in fs::read_dir(&new).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            names.push(
                name.into_string()
                    .map_err(|_| UnpackError::refused("", "its name is not UTF-8"))?,
            );
        }
        names.sort();
        for name in names.iter().filter(|_| !force) {
            let path = self.base.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(UnpackError::Occupied { path });
            }
        }
        Ok(names)
    }

    fn move_one(&self, name: &str, force: bool) -> Result<(), UnpackError> {
        let place = self.base.join(name);
        if force && place.symlink_metadata().is_ok() {
            let aside = self.folder.join(OLD).join(name);
            fs::rename(&place, aside).map_err(UnpackError::write("move away", &place))?;
        }
        match rename_new(&self.folder.join(NEW).join(name), &place) {
            Err(error) if is_taken(&error) => Err(UnpackError::Occupied { path: place }),
            other => other.map_err(UnpackError::write("put in place", &place)),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.folder.join(MOVING).exists() {
            // Taking back has failed: what was moved away lies in here. The next run tries again.
            return;
        }
        // What cannot be removed now is swept by the next run.
        let _ = remove_folder(&self.folder, ALIVE);
    }
}

/// The folder in which entries are renamed, and the name of the target in it.
fn base_of(target: &Target) -> Result<(PathBuf, Option<String>), UnpackError> {
    let path = match target {
        Target::Inside(path) => return Ok((path.clone(), None)),
        Target::Folder(path) => path,
    };
    // A link to a folder is not replaced: what it leads to is the target.
    let path = path.canonicalize().unwrap_or_else(|_| path.clone());
    let (Some(base), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok((path, None));
    };
    let base = match base.as_os_str().is_empty() {
        true => Path::new("."),
        false => base,
    };
    fs::create_dir_all(base).map_err(UnpackError::write("create", base))?;
    let device = |path: &Path| path.metadata().map(|meta| meta.dev()).ok();
    if device(&path).is_some_and(|it| Some(it) != device(base)) {
        // The root of a file system cannot be renamed.
        return Ok((path, None));
    }
    Ok((base.to_owned(), Some(name.to_string_lossy().into_owned())))
}

/// The locked file that says that the owner lives, and what the umask or the folder's ACL takes from its permissions.
fn alive(folder: &Path) -> io::Result<(File, u32)> {
    let file = File::options()
        .create_new(true)
        .write(true)
        .mode(0o777)
        .open(folder.join(ALIVE))?;
    file.lock()?;
    let masked = 0o777 & !file.metadata()?.mode();
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok((file, masked))
}

fn is_free(target: &Path) -> io::Result<bool> {
    match fs::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(target.symlink_metadata().is_err())
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// One rename, after which the tree stands at `target` or nothing has changed. False where the file system cannot.
fn place_at_once(tree: &Path, target: &Path, force: bool) -> Result<bool, UnpackError> {
    let failed = || UnpackError::write("put in place", target);
    match fs::rename(tree, target) {
        Ok(()) => return Ok(true),
        Err(error) if !is_taken(&error) => return Err(failed()(error)),
        Err(_) if !force => {
            let path = target.to_owned();
            return Err(UnpackError::Occupied { path });
        }
        Err(_) => {}
    }
    match rustix::fs::renameat_with(CWD, tree, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(errno) => Err(failed()(errno.into())),
    }
}

/// Renames to a name that must be free.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        other => other.map_err(io::Error::from),
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
    )
}

/// Takes back the moves that `folder` tells of: every name stands in `new` or was moved to `base`.
fn take_back(folder: &Path, base: &Path) -> io::Result<()> {
    let moving = folder.join(MOVING);
    let names = match limited::read_text(&moving, limited::MANIFEST) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names
        .lines()
        .filter(|name| !name.contains('/') && *name != "..")
    {
        let (new, old) = (folder.join(NEW).join(name), folder.join(OLD).join(name));
        let place = base.join(name);
        if new.symlink_metadata().is_err() && place.symlink_metadata().is_ok() {
            fs::rename(&place, new)?;
        }
        if old.symlink_metadata().is_ok() {
            fs::rename(old, &place)?;
        }
    }
    fs::remove_file(moving)
}

/// Takes back and removes what owners left that no longer hold their lock; `own` is the caller's.
fn sweep(base: &Path, prefix: &str, own: &Path) -> io::Result<()> {
    let user = own.metadata()?.uid();
    for entry in fs::read_dir(base)?.flatten() {
        let folder = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(prefix);
        let Ok(meta) = folder.symlink_metadata() else {
            continue;
        };
        if !ours || folder == own || !meta.is_dir() || meta.uid() != user {
            continue;
        }
        match File::open(folder.join(ALIVE)) {
            Ok(alive) if alive.try_lock().is_ok() => {
                take_back(&folder, base)?;
                // A failure leaves it for the next sweep.
                let _ = remove_folder(&folder, ALIVE);
            }
            // Its owner was killed before it put anything there, or it is not one of ours.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = fs::remove_dir(&folder);
            }
            _ => {}
        }
    }
    Ok(())
}
