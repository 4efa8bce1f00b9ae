//! The tarballs of releases in the generic package registry of a project: brought there once, and fetched from there.
//!
//! Their files are called by their digest, so that the same tarball is known again whatever release it is of, and another one never
//! takes its place. Refuses to upload what is not the recorded tarball, and to show anything that is not verified against the
//! log: what the server says about a file counts for nothing.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use pannier_archive::atomic::AtomicFile;
use pannier_base::digest::{Digest, Hasher};
use pannier_base::event::{Event, Reporter};
use pannier_clients::gitlab::{Gitlab, GitlabError, PackageRef, ProjectRef};
use pannier_clients::http::Fault;

use super::error::ReleaseError;
use super::model::{Release, Tarball};
use super::tarballs::hashed;

/// Name of the package that all tarballs are files of; its versions are the digests of locks.
pub const PACKAGE: &str = "pannier";

/// The registry of a project.
#[derive(Debug, Clone)]
pub struct Registry<'a> {
    /// Reaches it.
    pub gitlab: &'a Gitlab,
    /// The project.
    pub project: ProjectRef,
}

/// What became of one tarball.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Carried {
    /// The tarball.
    #[serde(flatten)]
    pub tarball: Tarball,
    /// Whether it was carried over; else it was there already.
    pub carried: bool,
    /// Where it is now: the file's name in the registry, or its path here.
    pub place: String,
}

/// Brings the tarballs of a release from `folder` into the registry; those that are there stay. Everything is checked before
/// anything is sent.
///
/// # Errors
/// [`ReleaseError`].
pub fn publish(
    registry: &Registry<'_>,
    release: &Release,
    folder: &Path,
) -> Result<Vec<Carried>, ReleaseError> {
    let package = registry.package(release)?;
    let there = registry.gitlab.package_files(&package)?;
    let mut plan = Vec::new();
    for tarball in &release.tarballs {
        let name = stored_name(tarball)?;
        let known = there.iter().find(|file| file.file_name == name);
        let known = known.is_some_and(|file| is(file.file_sha256.as_deref(), tarball));
        let file = (!known)
            .then(|| open_recorded(folder, tarball))
            .transpose()?;
        plan.push((tarball, name, file));
    }
    let mut done = Vec::new();
    for (tarball, name, file) in plan {
        let carried = file.is_some();
        if let Some(file) = file {
            registry.upload(&package, &name, &file, tarball)?;
        }
        done.push(Carried {
            tarball: tarball.clone(),
            carried,
            place: name,
        });
    }
    Ok(done)
}

/// Fetches the tarballs of a release into `folder`; of the images named in `only`, of all when empty. Each is written beside its
/// place and takes it when its digest is the recorded one.
///
/// # Errors
/// [`ReleaseError`].
pub fn fetch(
    registry: &Registry<'_>,
    release: &Release,
    only: &[String],
    folder: &Path,
    reporter: &dyn Reporter,
) -> Result<Vec<Carried>, ReleaseError> {
    let package = registry.package(release)?;
    let wanted = chosen(release, only)?;
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut done = Vec::new();
    for tarball in wanted {
        let name = stored_name(tarball)?;
        let path = folder.join(&tarball.name);
        let there = matches!(hashed(&path), Ok((sha256, _)) if sha256 == tarball.sha256);
        if !there {
            registry.download(&package, &name, &path, tarball, reporter)?;
        }
        let beside = folder.join(format!("{}.sha256", tarball.name));
        let line = format!("{}  {}\n", tarball.sha256, tarball.name);
        put(&beside, |mut file| file.write_all(line.as_bytes())).map_err(failed(&beside))?;
        done.push(Carried {
            tarball: tarball.clone(),
            carried: !there,
            place: path.display().to_string(),
        });
    }
    Ok(done)
}

/// The tarballs of some images.
fn chosen<'a>(release: &'a Release, only: &[String]) -> Result<Vec<&'a Tarball>, ReleaseError> {
    let image = |tarball: &'a Tarball| tarball.name.split(".tar.").next().unwrap_or_default();
    if let Some(unknown) = only
        .iter()
        .find(|name| release.tarballs.iter().all(|it| image(it) != **name))
    {
        let known = release.tarballs.iter().map(|it| image(it).to_owned());
        return Err(ReleaseError::NoImage {
            release: release.id.to_string(),
            image: unknown.clone(),
            known: known.collect(),
        });
    }
    let wanted = |it: &&'a Tarball| only.is_empty() || only.iter().any(|name| image(it) == name);
    Ok(release.tarballs.iter().filter(wanted).collect())
}

impl Registry<'_> {
    fn package(&self, release: &Release) -> Result<PackageRef, ReleaseError> {
        if release.tarballs.is_empty() {
            return Err(ReleaseError::Untarred {
                release: release.id.to_string(),
            });
        }
        Ok(PackageRef {
            project: self.project.clone(),
            name: PACKAGE.to_owned(),
            version: release.lock.to_string(),
        })
    }

    /// Sends a file, and again where its answer says or leaves open that it did not arrive; before that it is looked for.
    fn upload(
        &self,
        package: &PackageRef,
        name: &str,
        file: &File,
        tarball: &Tarball,
    ) -> Result<(), ReleaseError> {
        let mut first = true;
        let sent = self.gitlab.client().repeat(|| {
            if !std::mem::replace(&mut first, false) {
                let there = self.gitlab.package_files(package)?;
                let ours = there.into_iter().find(|it| it.file_name == name);
                if let Some(file) = ours.filter(|it| is(it.file_sha256.as_deref(), tarball)) {
                    return Ok(file);
                }
            }
            let copy = file.try_clone().map_err(|_| GitlabError::Unusable {
                what: format!("the file {name}"),
            })?;
            Ok(self.gitlab.upload_package_file(package, name, copy)?)
        });
        let stored = sent.map_err(|lost: Lost| ReleaseError::from(lost.0))?;
        let stored = stored.file_sha256.as_deref();
        if is(stored, tarball) {
            return Ok(());
        }
        Err(unlike(tarball, stored))
    }

    fn download(
        &self,
        package: &PackageRef,
        name: &str,
        path: &Path,
        tarball: &Tarball,
        reporter: &dyn Reporter,
    ) -> Result<(), ReleaseError> {
        let brought = self.gitlab.client().repeat(|| {
            let mut digest = None;
            let written = put(path, |file| {
                let found = self.copy(package, name, file, tarball.size, reporter);
                match found {
                    Ok(found) if found == tarball.sha256 => Ok(()),
                    Ok(found) => {
                        digest = Some(Err(found));
                        Err(io::Error::other("another file"))
                    }
                    Err(lost) => {
                        digest = Some(Ok(lost));
                        Err(io::Error::other("no file"))
                    }
                }
            });
            match (written, digest) {
                (Ok(()), _) => Ok(Ok(())),
                (Err(_), Some(Ok(lost))) => Err(lost),
                (Err(_), Some(Err(found))) => Ok(Err(unlike(tarball, Some(&found.to_string())))),
                (Err(source), None) => Ok(Err(failed(path)(source))),
            }
        });
        match brought {
            Ok(done) => done,
            Err(Lost(error)) if error.is_missing() => Err(ReleaseError::Unpublished {
                tarball: tarball.name.clone(),
                project: self.project.to_string(),
            }),
            Err(Lost(error)) => Err(error.into()),
        }
    }

    /// Copies what the registry serves, and one byte more than there should be at most; gives its digest.
    fn copy(
        &self,
        package: &PackageRef,
        name: &str,
        mut file: &File,
        size: u64,
        reporter: &dyn Reporter,
    ) -> Result<Digest, Lost> {
        let mut response = self.gitlab.download_package_file(package, name)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 1 << 16];
        let mut left = size.saturating_add(1);
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = match response.read(&mut buffer[..most]) {
                Ok(0) => break,
                Ok(n) => n,
                Err(source) => {
                    let what = format!("GET {name}");
                    let source = response.broken(source);
                    return Err(GitlabError::Connection { what, source }.into());
                }
            };
            hasher.update(&buffer[..n]);
            left -= n as u64;
            file.write_all(&buffer[..n])
                .map_err(|source| GitlabError::Unusable {
                    what: format!("a request whose answer cannot be written down ({source})"),
                })?;
            reporter.report(Event::Downloaded { bytes: n as u64 });
        }
        Ok(hasher.finish())
    }
}

/// A call that may do better when it is made again.
struct Lost(GitlabError);

impl From<GitlabError> for Lost {
    fn from(error: GitlabError) -> Self {
        Self(error)
    }
}

impl Fault for Lost {
    fn may_pass(&self) -> bool {
        match &self.0 {
            GitlabError::Uncertain { .. } => true,
            GitlabError::Refused { status, .. } => matches!(status, 408 | 429),
            GitlabError::Connection { source, .. } => source.may_pass(),
            _ => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match &self.0 {
            GitlabError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A tarball's name in the registry. The log is written by people too: a name that would lead out of a folder is none.
fn stored_name(tarball: &Tarball) -> Result<String, ReleaseError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let name = &tarball.name;
    match name.split_once(".tar.") {
        Some((image, ending @ ("gz" | "zst")))
            if name.chars().all(plain) && !image.is_empty() && !name.starts_with('.') =>
        {
            let digest = &tarball.sha256.to_string()[..16];
            Ok(format!("{image}-{digest}.tar.{ending}"))
        }
        _ => Err(ReleaseError::Damaged {
            path: "releases/".to_owned(),
            problem: format!("`{name}` is not the name of a tarball"),
        }),
    }
}

fn is(sha256: Option<&str>, tarball: &Tarball) -> bool {
    sha256 == Some(tarball.sha256.to_string().as_str())
}

fn unlike(tarball: &Tarball, found: Option<&str>) -> ReleaseError {
    ReleaseError::Unlike {
        tarball: tarball.name.clone(),
        found: found.unwrap_or("unknown").to_owned(),
        recorded: tarball.sha256,
    }
}

/// The recorded tarball, open and hashed.
fn open_recorded(folder: &Path, tarball: &Tarball) -> Result<File, ReleaseError> {
    let path = folder.join(&tarball.name);
    let (found, _) = hashed(&path).map_err(failed(&path))?;
    if found != tarball.sha256 {
        let problem = format!(
            "it has digest {}, recorded is {}",
            found.short(),
            tarball.sha256.short()
        );
        return Err(ReleaseError::Foreign { path, problem });
    }
    File::open(&path).map_err(failed(&path))
}

/// Writes a file that takes its place when it is whole.
fn put(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let file = AtomicFile::new(path)?;
    write(file.file())?;
    file.file().sync_all()?;
    file.place()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ReleaseError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| ReleaseError::Io { path, source }
}
