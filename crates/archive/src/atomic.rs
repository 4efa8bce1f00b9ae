//! Files that appear under their names whole, and leave nothing behind when their writer is killed.
//!
//! A file has no name while it is written (`O_TMPFILE`, <https://man7.org/linux/man-pages/man2/open.2.html>). A new file then
//! takes its place in one system call. To replace a file takes two, because `linkat` replaces nothing: in between the new
//! file has a temporary name. Small files can have that name in another folder ([`write`]). What a killed writer left under
//! a temporary name, there or on file systems without nameless files, is removed by the next writer of the same file.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// What new files may be, before the umask.
const MODE: u32 = 0o666;

/// Ends temporary names.
const TEMPORARY: &str = ".tmp";

/// Random letters and digits of a temporary name.
const RANDOM: usize = 6;

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    path: PathBuf,
    /// Its name meanwhile, if it has one.
    temporary: Option<PathBuf>,
}

impl AtomicFile {
    /// Begins the file that will be at `path`. Removes what killed writers of this path left next to it.
    ///
    /// # Errors
    /// What the file system gives.
    pub fn new(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        // Keeps a file from being swept between its making and its locking; without it nothing is swept.
        let turnstile = turnstile(folder)?;
        if turnstile.is_some() {
            sweep(folder, path)?;
        }
        let (file, temporary) = match nameless(folder) {
            Some(file) => (file, None),
            None => named(path).map(|(file, name)| (file, Some(name)))?,
        };
        // Where this lock fails, those of other writers fail too, and nothing is swept.
        let _ = file.lock();
        Ok(Self {
            file,
            path: path.to_owned(),
            temporary,
        })
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Puts the file in its place. Syncs nothing.
    ///
    /// # Errors
    /// What the file system gives; what was there before is untouched then.
    pub fn place(mut self) -> io::Result<()> {
        if self.temporary.is_none() {
            match link(&self.file, &self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done,
            }
        }
        let temporary = match &self.temporary {
            Some(name) => name,
            None => {
                let name = free_name(&self.path, |name| link(&self.file, name))?.1;
                self.temporary.insert(name)
            }
        };
        fs::rename(temporary, &self.path)?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(name) = &self.temporary {
            // What cannot be removed now is swept by the next writer.
            let _ = fs::remove_file(name);
        }
    }
}

/// Writes a file: after a kill at any moment it is the old one or the new one. A link stays a link, and a file that is
/// replaced keeps its mode. Where `path` is no regular file (a terminal, a pipe), it is written to as it is.
///
/// With `staging`, a folder that its owner sweeps, the new file has no name next to `path` at any moment, if both are on one
/// file system.
///
/// # Errors
/// What the file system gives.
pub fn write(path: &Path, bytes: &[u8], staging: Option<&Path>) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return fs::write(path, bytes);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let fill = |mut file: &File| {
        file.write_all(bytes)?;
        if let Some(there) = &there {
            file.set_permissions(there.permissions())?;
        }
        file.sync_all()
    };
    if let Some(staging) = staging {
        let staged = tempfile::Builder::new()
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(staging)?;
        fill(staged.as_file())?;
        match staged.persist(&path) {
            Err(failed) if failed.error.kind() == io::ErrorKind::CrossesDevices => {}
            done => return done.map(drop).map_err(|failed| failed.error),
        }
    }
    let file = AtomicFile::new(&path)?;
    fill(file.file())?;
    file.place()
}

/// Removes a folder, and after everything else in it the file called `last`, which marks its owner: what a killed
/// removal leaves is still known.
///
/// # Errors
/// What the file system gives.
pub fn remove_folder(folder: &Path, last: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false if entry.file_name() != last => fs::remove_file(entry.path())?,
            false => {}
        }
    }
    fs::remove_dir_all(folder)
}

/// The folder's own lock, for the moments in which only one writer may be busy there; `None` where the file system has no
/// locks for folders (NFS).
///
/// # Errors
/// When the folder cannot be opened.
pub fn turnstile(folder: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder)?;
    Ok(folder.lock().is_ok().then_some(folder))
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().unwrap_or(Path::new("."));
    match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    }
}

/// A file without a name that can get one; `None` where the system has none.
fn nameless(folder: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, folder, flags, Mode::from_raw_mode(MODE)).ok()?;
    let file = File::from(file);
    // Without /proc, as in some chroots, it would stay nameless.
    fs::symlink_metadata(descriptor(&file))
        .is_ok()
        .then_some(file)
}

/// Gives a nameless file a name that must be free.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let flags = AtFlags::SYMLINK_FOLLOW;
    rustix::fs::linkat(CWD, descriptor(file), CWD, path, flags).map_err(io::Error::from)
}

fn descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// A file with a temporary name.
fn named(path: &Path) -> io::Result<(File, PathBuf)> {
    use std::os::unix::fs::OpenOptionsExt;
    free_name(path, |name| {
        File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(name)
    })
}

/// Makes something under a temporary name for the file at `path`.
fn free_name<T>(
    path: &Path,
    mut make: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<(T, PathBuf)> {
    loop {
        let random: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(RANDOM)
            .collect();
        let name = folder_of(path).join(format!("{}{random}{TEMPORARY}", prefix(path)));
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|made| (made, name)),
        }
    }
}

/// How temporary names of the file at `path` begin.
fn prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.pannier-")
}

/// Removes the files under temporary names whose writers are gone. Touches no other names.
fn sweep(folder: &Path, path: &Path) -> io::Result<()> {
    let prefix = prefix(path);
    let is_temporary = |name: &str| {
        let random = name.strip_prefix(&prefix);
        let random = random.and_then(|it| it.strip_suffix(TEMPORARY));
        random.is_some_and(|it| it.len() == RANDOM && it.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    for entry in fs::read_dir(folder)?.flatten() {
        // A pipe would have to be waited for, and a link leads to someone else's file.
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        if regular && entry.file_name().to_str().is_some_and(is_temporary) {
            let orphaned = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
            if orphaned {
                // One that cannot be removed now is left to the next run.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_not_there_before_it_is_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        for content in ["first", "second"] {
            let before = names(folder.path());
            let file = AtomicFile::new(&path).unwrap();
            file.file().write_all(content.as_bytes()).unwrap();
            assert_eq!(names(folder.path()), before, "nothing next to it");
            drop(AtomicFile::new(&path).unwrap());
            file.place().unwrap();
            assert_eq!(names(folder.path()), ["a.txt"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn files_with_a_temporary_name_do_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let begin = || {
            let (file, name) = named(&path).unwrap();
            file.lock().unwrap();
            AtomicFile {
                file,
                path: path.clone(),
                temporary: Some(name),
            }
        };
        let (kept, dropped) = (begin(), begin());
        assert_eq!(names(folder.path()).len(), 2);
        sweep(folder.path(), &path).unwrap();
        assert_eq!(names(folder.path()).len(), 2, "their writers live");
        drop(dropped);
        kept.file().write_all(b"whole").unwrap();
        kept.place().unwrap();
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn only_what_killed_writers_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let foreign = [
            ".a.txt.backup.tmp",
            ".a.txt.pannier-12345.tmp",
            ".a.txt.pannier-12-456.tmp",
            ".a.txt.pannier-123456.old",
            ".b.txt.pannier-123456.tmp",
            "a.txt.pannier-123456.tmp",
        ];
        for name in foreign {
            fs::write(place(name), "mine").unwrap();
        }
        fs::create_dir(place(".a.txt.pannier-folder.tmp")).unwrap();
        symlink(
            "a.txt.pannier-123456.tmp",
            place(".a.txt.pannier-linked.tmp"),
        )
        .unwrap();
        let before = names(folder.path());
        fs::write(place(".a.txt.pannier-dead01.tmp"), "half").unwrap();
        drop(AtomicFile::new(&place("a.txt")).unwrap());
        assert_eq!(names(folder.path()), before);
    }

    #[test]
    fn a_written_file_keeps_its_mode_and_a_link_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        let staging = tempfile::tempdir().unwrap();
        for staging in [None, Some(staging.path()), Some(Path::new("/dev/shm"))] {
            write(&link, b"new", staging).unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read(&file).unwrap(), b"new");
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o640);
            assert_eq!(names(folder.path()), ["file", "link"]);
        }
        assert_eq!(names(staging.path()), [""; 0]);
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        write(Path::new("/dev/null"), b"x", None).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), b"x", None).is_err());
        assert!(write(&folder.path().join("missing/x"), b"x", None).is_err());
    }
}
