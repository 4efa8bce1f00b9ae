//! One bare repository per URL, which only ever gains objects.
//!
//! A mirror's references are the server's branches and tags as of the last fetch, in one `packed-refs` file that is
//! replaced whole: no branch can be in another's way, and a kill leaves the old state or the new one. A mirror that
//! cannot be read is recreated. Refuses to connect when it already has what is wanted, and to store credentials.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use git2::{
    AutotagOption, Direction, FetchOptions, Oid, Remote, Repository, RepositoryInitOptions,
};

use pannier_archive::abort::Temporary;

use super::error::{GitError, name};
use super::packed_refs;
use super::revision::Advertised;
use super::transport::{self, Network};
use crate::http::Client;
use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;

/// How the names of packs begin that libgit2 has not finished.
const UNFINISHED: &str = "pack_git2_";

/// The mirror of one repository.
pub(super) struct Mirror<'a> {
    root: &'a Path,
    name: String,
    client: &'a Client,
    repository: &'a SafeUrl,
}

/// What a mirror must hold before it is used.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// This commit.
    Commit(Oid),
    /// Any commit that begins like this.
    Beginning(&'a str),
    /// All of these, fetched by the references among `advertised` that lead to them and by no others where that will do.
    Histories {
        commits: &'a [Oid],
        advertised: &'a [Advertised],
    },
}

impl<'a> Mirror<'a> {
    /// The mirror of `repository` below `root`; nothing is made yet.
    pub(super) fn new(root: &'a Path, client: &'a Client, repository: &'a SafeUrl) -> Self {
        let mut url = repository.without_credentials().expose().clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(path.strip_suffix(".git").unwrap_or(&path));
        let name = format!(
            "{}.git",
            &Digest::of(url.as_str().as_bytes()).to_string()[..32]
        );
        Self {
            root,
            name,
            client,
            repository,
        }
    }

    fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    const fn network(&self) -> Network<'_> {
        Network {
            client: self.client,
            scratch: self.root,
        }
    }

    /// Runs `work` on the mirror once it holds what is wanted, fetching that only when it does not. When the mirror
    /// turns out to be damaged, it is recreated and `work` runs once more.
    pub(super) fn with<T>(
        &self,
        wanted: Wanted<'_>,
        mut work: impl FnMut(&Repository) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        transport::set_up();
        let shared = self.lock(Lock::Shared)?;
        let mut damaged = false;
        if let Ok(mirror) = Repository::open_bare(self.path())
            && holds(&mirror, wanted)
        {
            match work(&mirror) {
                // Offline, the damaged mirror is all there is.
                Err(error) if error.blames_mirror() && !self.client.is_offline() => damaged = true,
                done => return done,
            }
        }
        drop(shared);
        // Held until the work is done: nobody recreates the mirror in between.
        let _exclusive = self.lock(Lock::Exclusive)?;
        if damaged {
            self.discard()?;
        }
        let mirror = self.fetched(wanted)?;
        work(&mirror)
    }

    /// Fetches again when the mirror has the commit already, but not the tags that the server has now: a version that
    /// is taken from tags would else be of yesterday.
    pub(super) fn catch_up(&self, advertised: &[Advertised], commit: Oid) -> Result<(), GitError> {
        transport::set_up();
        let is_current = || {
            let mirror = Repository::open_bare(self.path()).ok();
            mirror.is_none_or(|mirror| {
                !holds(&mirror, Wanted::Commit(commit))
                    || packed_refs::has_tags(&mirror, advertised)
            })
        };
        if !self.path().exists() {
            return Ok(());
        }
        let shared = self.lock(Lock::Shared)?;
        if is_current() {
            return Ok(());
        }
        drop(shared);
        let _exclusive = self.lock(Lock::Exclusive)?;
        if is_current() {
            return Ok(());
        }
        let mirror = self.open_or_make()?;
        self.fetch(&mirror, Wanted::Commit(commit))
    }

    /// Removes the mirror, so that the next run fetches it again.
    pub(super) fn forget(&self) -> Result<(), GitError> {
        let _exclusive = self.lock(Lock::Exclusive)?;
        self.discard()
    }

    fn fetched(&self, wanted: Wanted<'_>) -> Result<Repository, GitError> {
        let mirror = self.open_or_make()?;
        if holds(&mirror, wanted) {
            return Ok(mirror);
        }
        match self.fetch(&mirror, wanted) {
            Err(error) if error.blames_mirror() => {
                drop(mirror);
                self.discard()?;
                let mirror = self.open_or_make()?;
                self.fetch(&mirror, wanted)?;
                Ok(mirror)
            }
            fetched => fetched.map(|()| mirror),
        }
    }

    fn open_or_make(&self) -> Result<Repository, GitError> {
        let path = self.path();
        self.sweep();
        if path.exists() {
            if let Ok(mirror) = Repository::open_bare(&path) {
                return Ok(mirror);
            }
            self.discard()?;
        }
        let making = GitError::io("creating a mirror in", self.root);
        let half = half_made_beside(&path).map_err(making)?;
        let library = || GitError::library(self.repository, "creating the mirror");
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        Repository::init_opts(half.path(), &options).map_err(library())?;
        fs::rename(half.keep(), &path).map_err(GitError::io("putting a mirror at", &path))?;
        Repository::open_bare(&path).map_err(library())
    }

    /// Removes what killed runs have left; only under the exclusive lock.
    fn sweep(&self) {
        let begins = |folder: &Path, prefix: &str| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let named = entries.filter(|e| e.file_name().to_string_lossy().starts_with(prefix));
            named.map(|e| e.path()).collect::<Vec<_>>()
        };
        // What cannot be removed is in nobody's way.
        for half in begins(self.root, &self.half_made()) {
            let _ = fs::remove_dir_all(half);
        }
        for pack in begins(&self.path().join("objects/pack"), UNFINISHED) {
            let _ = fs::remove_file(pack);
        }
    }

    fn half_made(&self) -> String {
        half_made(&self.name)
    }

    fn discard(&self) -> Result<(), GitError> {
        let aside = self.root.join(format!("{}old", self.half_made()));
        let failed = GitError::io("removing a damaged mirror", self.path());
        let removed = match fs::rename(self.path(), &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::remove_dir_all(&aside),
        };
        removed.map_err(failed)
    }

    fn lock(&self, kind: Lock) -> Result<File, GitError> {
        let path = self.root.join(format!("{}.lock", self.name));
        let open = || {
            fs::create_dir_all(self.root)?;
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)?;
            match kind {
                Lock::Shared => file.lock_shared()?,
                Lock::Exclusive => file.lock()?,
            }
            Ok(file)
        };
        open().map_err(GitError::io("locking", &path))
    }

    /// Fetches all branches and tags, and the wanted commit by its own reference or its id when it is on none of them.
    fn fetch(&self, mirror: &Repository, wanted: Wanted<'_>) -> Result<(), GitError> {
        if let Wanted::Histories {
            commits,
            advertised,
        } = wanted
        {
            return self.fetch_histories(mirror, commits, advertised);
        }
        let advertised = self.client.repeat(|| self.download(mirror, wanted))?;
        if let Wanted::Commit(commit) = wanted
            && !holds(mirror, wanted)
        {
            self.client
                .repeat(|| self.download_commit(mirror, commit))?;
        }
        packed_refs::write_advertised(mirror, &advertised)
            .map_err(GitError::io("writing references of", mirror.path()))
    }

    /// Fetches commits by the references that stand on them, then by their ids, and everything only when one is still
    /// missing: it may be on a branch that none of them is the head of.
    fn fetch_histories(
        &self,
        mirror: &Repository,
        commits: &[Oid],
        advertised: &[Advertised],
    ) -> Result<(), GitError> {
        let missing = |oid: &&Oid| mirror.find_commit(**oid).is_err();
        let by_name = commits.iter().filter(missing).filter_map(|oid| {
            let on = |a: &&Advertised| a.oid == *oid && git2::Reference::is_valid_name(&a.name);
            let found = advertised.iter().find(on)?;
            Some(format!("+{}:refs/wanted/{oid}", found.name))
        });
        let specs: Vec<String> = by_name.collect();
        if !specs.is_empty() {
            self.client.repeat(|| self.download_specs(mirror, &specs))?;
        }
        for commit in commits {
            if mirror.find_commit(*commit).is_err()
                && let Err(error) = self.client.repeat(|| self.download_commit(mirror, *commit))
            {
                let GitError::NoCommit { .. } = error else {
                    return Err(error);
                };
                self.fetch(mirror, Wanted::Commit(*commit))?;
            }
        }
        // What is kept under a name is offered to the server next time. A few names that are used again: this is but a
        // matter of speed, and no place where anything is looked up.
        for (number, commit) in commits.iter().enumerate() {
            let _ = mirror.reference(&format!("refs/wanted/history-{number}"), *commit, true, "");
        }
        Ok(())
    }

    fn download_specs(&self, mirror: &Repository, specs: &[String]) -> Result<(), GitError> {
        transport::connected(self.network(), self.repository, "fetching", || {
            let mut remote = mirror.remote_anonymous(&address(self.repository))?;
            remote.download(specs, Some(&mut options()))
        })
    }

    fn download(
        &self,
        mirror: &Repository,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Advertised>, GitError> {
        transport::connected(self.network(), self.repository, "fetching", || {
            let mut remote = mirror.remote_anonymous(&address(self.repository))?;
            let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
            let advertised = list(connection.remote())?;
            let mut specs: Vec<String> = ["heads", "tags"]
                .iter()
                .filter(|kind| {
                    advertised
                        .iter()
                        .any(|a| a.name.starts_with(&format!("refs/{kind}/")))
                })
                .map(|kind| format!("+refs/{kind}/*:refs/{kind}/*"))
                .collect();
            if let Wanted::Commit(commit) = wanted {
                let other = advertised
                    .iter()
                    .find(|a| a.oid == commit && packed_refs::is_other(&a.name));
                specs.extend(other.map(|a| format!("+{0}:{0}", a.name)));
            }
            if !specs.is_empty() {
                connection.remote().download(&specs, Some(&mut options()))?;
            }
            Ok(advertised)
        })
    }

    fn download_commit(&self, mirror: &Repository, commit: Oid) -> Result<(), GitError> {
        let fetched =
            transport::connected(self.network(), self.repository, "fetching a commit", || {
                let mut remote = mirror.remote_anonymous(&address(self.repository))?;
                let spec = format!("{commit}:refs/wanted/{commit}");
                remote.download(&[spec], Some(&mut options()))
            });
        let missing = || GitError::NoCommit {
            repository: name(self.repository),
            commit: commit.to_string(),
        };
        match fetched {
            // libgit2 says so when the server's capabilities forbid it, the server when it has no such commit.
            Err(GitError::Library { .. }) => Err(missing()),
            Ok(()) if !holds(mirror, Wanted::Commit(commit)) => Err(missing()),
            done => done,
        }
    }
}

/// How the names begin of what is on its way to becoming the mirror `name`, or to being removed.
fn half_made(name: &str) -> String {
    format!(".half-{name}-")
}

/// A folder next to a mirror that is removed with its owner; if that is killed, by the next run that changes the mirror.
/// Only under the mirror's lock.
pub(super) fn half_made_beside(mirror: &Path) -> io::Result<Temporary> {
    let name = mirror.file_name().unwrap_or_default().to_string_lossy();
    let root = mirror.parent().unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new()
        .prefix(&half_made(&name))
        .tempdir_in(root)?;
    Ok(folder.into())
}

#[derive(Clone, Copy)]
enum Lock {
    Shared,
    Exclusive,
}

/// What a server advertises now.
pub(super) fn advertised(
    network: Network<'_>,
    repository: &SafeUrl,
) -> Result<Vec<Advertised>, GitError> {
    network.client.repeat(|| {
        transport::connected(network, repository, "listing the references", || {
            let mut remote = Remote::create_detached(address(repository))?;
            let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
            list(connection.remote())
        })
    })
}

fn holds(mirror: &Repository, wanted: Wanted<'_>) -> bool {
    match wanted {
        Wanted::Commit(commit) => mirror.find_commit(commit).is_ok(),
        Wanted::Beginning(text) => mirror.find_commit_by_prefix(text).is_ok(),
        Wanted::Histories { commits, .. } => commits
            .iter()
            .all(|commit| mirror.find_commit(*commit).is_ok()),
    }
}

/// What libgit2 is told, and may write into a configuration or an error.
pub(super) fn address(repository: &SafeUrl) -> String {
    repository.without_credentials().expose().to_string()
}

fn list(remote: &Remote<'_>) -> Result<Vec<Advertised>, git2::Error> {
    let heads = remote.list()?.iter();
    let advertised = heads.map(|head| Advertised {
        name: head.name().to_owned(),
        oid: head.oid(),
    });
    Ok(advertised.collect())
}

fn options() -> FetchOptions<'static> {
    let mut options = FetchOptions::new();
    options
        .download_tags(AutotagOption::None)
        .update_fetchhead(false);
    options
}
