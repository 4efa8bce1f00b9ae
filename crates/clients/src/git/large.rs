//! Large files of a repository, piece by piece: libgit2 holds each file as a whole, and what it is a difference to as well.
//!
//! A checkout leaves them out at first; then they are written here, and put into the index as libgit2 would have them. Refuses
//! to write through a link or over what is there. What is to be converted (`eol`, `ident`), and what lies in no pack, is
//! left to libgit2.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use git2::build::{CheckoutBuilder, TreeUpdateBuilder};
use git2::{AttrCheckFlags, AttrValue, Commit, IndexEntry, IndexTime, Odb, Oid, Repository};

use super::error::GitError;
use super::pack::{Id, Kind, Object, PackError, Packs};
use super::tree::{self, Leaf, LeafKind, Names};
use pannier_base::url::SafeUrl;

/// From this length on (in bytes) a file is read piece by piece. git allows what it is a difference to to be 32 times as long.
const LARGE: usize = 128 << 10;

/// The large files that the packs of a repository hold.
pub(super) struct Large<'a> {
    mirror: &'a Repository,
    packs: Packs,
    headers: Odb<'a>,
    url: &'a SafeUrl,
}

impl<'a> Large<'a> {
    pub(super) fn new(mirror: &'a Repository, url: &'a SafeUrl) -> Result<Self, GitError> {
        let packs = Packs::open(&mirror.path().join("objects/pack"), mirror.path());
        Ok(Self {
            mirror,
            packs: packs.map_err(GitError::pack(url, "opening the mirror"))?,
            headers: mirror
                .odb()
                .map_err(GitError::library(url, "opening the mirror"))?,
            url,
        })
    }

    /// The file, to be read; `None` for what libgit2 has to read.
    pub(super) fn open(&self, oid: Oid) -> Result<Option<Object>, GitError> {
        let Some(id) = self.id(oid)? else {
            return Ok(None);
        };
        let found = self.packs.object(&id);
        let found = found.map_err(GitError::pack(self.url, "reading a file"))?;
        Ok(found.filter(|it| it.kind == Kind::Blob))
    }

    /// The id of what is large.
    fn id(&self, oid: Oid) -> Result<Option<Id>, GitError> {
        let header = self.headers.read_header(oid);
        let (size, _) = header.map_err(GitError::library(self.url, "reading a file"))?;
        let id = Id::try_from(oid.as_bytes()).ok();
        Ok(id.filter(|_| size >= LARGE))
    }

    /// The files of a commit that a checkout leaves out at first.
    fn of(&self, commit: Oid) -> Result<Vec<Leaf>, GitError> {
        let mut found = Vec::new();
        tree::each(self.mirror, self.url, commit, Names::Any, &mut |leaf| {
            if matches!(leaf.kind, LeafKind::File { .. })
                && is_plain(&leaf.path)
                && let Some(id) = self.id(leaf.oid)?
                && self
                    .packs
                    .contains(&id)
                    .map_err(GitError::pack(self.url, "looking for a file"))?
            {
                found.push(leaf);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Writes the tree of `commit` into the working tree of `made`.
    pub(super) fn check_out(&self, made: &Repository, commit: &Commit<'_>) -> Result<(), GitError> {
        let library = || GitError::library(self.url, "checking a commit out");
        let large = self.of(commit.id())?;
        self.all_but(made, commit, &large).map_err(library())?;
        let mut index = made.index().map_err(library())?;
        for leaf in &large {
            let is_converted = is_converted(made, &leaf.path).map_err(library())?;
            let object = match is_converted {
                true => None,
                false => self.open(leaf.oid)?,
            };
            let Some(mut object) = object else {
                index.write().map_err(library())?;
                let mut one = CheckoutBuilder::new();
                one.force().disable_pathspec_match(true).path(&leaf.path);
                made.checkout_tree(commit.as_object(), Some(&mut one))
                    .and_then(|()| index.read(true))
                    .map_err(library())?;
                continue;
            };
            let place = made.workdir().unwrap_or(made.path()).join(&leaf.path);
            let written = place_of(made, &leaf.path)
                .and_then(|place| write(&place, leaf, &mut object))
                .map_err(|error| match error.into() {
                    PackError::Io(error) => GitError::io("writing", place)(error),
                    error => GitError::pack(self.url, "reading a file")(error),
                })?;
            index.add(&entry(leaf, &written)).map_err(library())?;
        }
        index.write().map_err(library())
    }

    /// Checks everything out but these files.
    fn all_but(
        &self,
        made: &Repository,
        commit: &Commit<'_>,
        large: &[Leaf],
    ) -> Result<(), git2::Error> {
        let mut force = CheckoutBuilder::new();
        force.force();
        if large.is_empty() {
            return made.checkout_tree(commit.as_object(), Some(&mut force));
        }
        let mut without = TreeUpdateBuilder::new();
        for leaf in large {
            without.remove(leaf.path.as_str());
        }
        let rest = made.find_tree(without.create_updated(made, &commit.tree()?)?)?;
        made.checkout_tree(rest.as_object(), Some(&mut force))
    }
}

/// Whether a path leads nowhere but down, to a name that git knows as well.
fn is_plain(path: &str) -> bool {
    !path.contains(char::REPLACEMENT_CHARACTER)
        && path.rsplit('/').next() != Some(".gitattributes")
        && path.split('/').all(|part| {
            !matches!(part, "" | "." | "..") && !part.to_ascii_lowercase().starts_with(".git")
        })
}

/// Whether libgit2 changes the file's bytes when it checks it out.
fn is_converted(made: &Repository, path: &str) -> Result<bool, git2::Error> {
    let value = |name| {
        let flags = AttrCheckFlags::FILE_THEN_INDEX | AttrCheckFlags::NO_SYSTEM;
        let value = made.get_attr(Path::new(path), name, flags)?;
        Ok::<_, git2::Error>(AttrValue::from_string(value))
    };
    Ok(value("eol")? == AttrValue::String("crlf") || value("ident")? == AttrValue::True)
}

/// Where a file of the working tree goes; the folders above it are made, and are folders.
fn place_of(made: &Repository, path: &str) -> io::Result<PathBuf> {
    let mut place = made.workdir().unwrap_or(made.path()).to_owned();
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        place.push(part);
        match fs::create_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(error) if !place.symlink_metadata()?.is_dir() => return Err(error),
            _ => {}
        }
    }
    Ok(place.join(name))
}

fn write(place: &Path, leaf: &Leaf, object: &mut Object) -> io::Result<Metadata> {
    let executable = leaf.kind == LeafKind::File { executable: true };
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(if executable { 0o777 } else { 0o666 })
        .open(place)?;
    io::copy(object, &mut file)?;
    file.metadata()
}

/// What the index knows of a file, so that nobody reads it again to see whether it has changed. Numbers are cut to 32 bits as
/// git cuts them.
fn entry(leaf: &Leaf, file: &Metadata) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(file.ctime() as i32, file.ctime_nsec() as u32),
        mtime: IndexTime::new(file.mtime() as i32, file.mtime_nsec() as u32),
        dev: file.dev() as u32,
        ino: file.ino() as u32,
        mode: match leaf.kind {
            LeafKind::File { executable: true } => 0o100_755,
            _ => 0o100_644,
        },
        uid: file.uid(),
        gid: file.gid(),
        file_size: file.size() as u32,
        id: leaf.oid,
        flags: 0,
        flags_extended: 0,
        path: leaf.path.clone().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_or_in_place_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let made = Repository::init(folder.path()).unwrap();
        symlink(outside.path(), folder.path().join("link")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        for path in ["link/a", "link/a/b", "file/a"] {
            assert!(place_of(&made, path).is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        let place = place_of(&made, "new/er/a").unwrap();
        assert!(place.ends_with("new/er/a") && place.parent().unwrap().is_dir());
        assert!(place_of(&made, "new/b").is_ok());
    }

    #[test]
    fn a_file_is_written_only_where_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Repository::init_bare(folder.path().join("bare")).unwrap();
        let id = mirror.blob(&vec![b'x'; LARGE]).unwrap();
        let mut builder = mirror.packbuilder().unwrap();
        builder.insert_object(id, None).unwrap();
        let packs = mirror.path().join("objects/pack");
        builder.write(&packs, 0).unwrap();
        let url: SafeUrl = "https://git.example.org/a.git".parse().unwrap();
        let large = Large::new(&mirror, &url).unwrap();
        let leaf = Leaf {
            path: "a".to_owned(),
            kind: LeafKind::File { executable: true },
            oid: id,
        };
        let put = |name| {
            let mut object = large.open(id).unwrap().unwrap();
            write(&folder.path().join(name), &leaf, &mut object)
        };
        fs::write(folder.path().join("there"), "").unwrap();
        symlink("nowhere", folder.path().join("link")).unwrap();
        assert!(put("there").is_err() && put("link").is_err());
        assert_eq!(put("new").unwrap().len(), LARGE as u64);
        let small = mirror.blob(b"small").unwrap();
        assert!(large.open(small).unwrap().is_none());
    }

    #[test]
    fn names_that_libgit2_refuses_are_left_to_it() {
        for path in ["a", "a/b.bin", "a/..b", "a/x.git"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "../a",
            "a/../b",
            ".git/a",
            "a/.GIT/hooks/b",
            "a//b",
            ".gitattributes",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
