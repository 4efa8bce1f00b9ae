//! The three files of an image: `<image>.tar.gz`, `<image>.manifest.json`, `<image>.tar.gz.sha256` (or `.tar.zst`).
//!
//! Each is synced and put in its place when all three are complete: a reader never sees half a file, and after an error the
//! old ones are as they were.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use super::assemble::{assemble_filled, assemble_like};
use super::error::AssembleError;
use super::model::{Common, Contents, Place, Summary};
use super::packing::Packing;
use super::part::{Failed, Parts};
use super::write_back::WriteBack;
use crate::atomic::{AtomicFile, turnstile};
use pannier_base::name::ImageName;
use pannier_base::secret::Exposed;

/// Where the files of one image go.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// An existing folder.
    pub folder: &'a Path,
    /// The image.
    pub image: &'a ImageName,
}

/// What was written where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The tarball.
    pub tarball: PathBuf,
    /// The manifest, the same bytes as in the tarball.
    pub manifest: PathBuf,
    /// The digest, for `sha256sum --check`.
    pub digest: PathBuf,
    /// Figures of the tarball.
    pub summary: Summary,
}

/// Why the files of an image could not be written. The old ones, if any, are untouched.
#[derive(Debug, Error, Diagnostic)]
pub enum OutputError {
    /// No space, or a quota is used up.
    #[error("there is no space left for `{}`", path.display())]
    #[diagnostic(help(
        "free some space or choose another folder with --output; `pannier store prune` frees space in the store"
    ))]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The user may not write there.
    #[error("`{}` may not be written", path.display())]
    #[diagnostic(help("check the owner of the folder, or choose another one with --output"))]
    Denied {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Anything else that the system says.
    #[error("cannot write `{}`", path.display())]
    #[diagnostic(help("check the folder, or choose another one with --output"))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The manifest would contain a secret.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Exposed(Exposed),
    /// The tarball could not be put together.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Assemble(AssembleError),
}

impl OutputError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path, source },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { path, source }
            }
            _ => Self::Write { path, source },
        }
    }
}

impl Output<'_> {
    /// Writes all three files, the tarball with the parts that `fill` adds. Gives the parts as they were written, where other
    /// tarballs may take them over. The files appear when `fill` has ended well.
    ///
    /// # Errors
    /// What `fill` gives, and [`OutputError`].
    pub fn write<E>(
        &self,
        contents: &Contents<'_>,
        mut fill: impl FnMut(&mut dyn Parts) -> Result<(), Failed<AssembleError, E>>,
    ) -> Result<(Written, Option<Common>), Failed<OutputError, E>> {
        self.write_with(contents, |file| assemble_filled(contents, &mut fill, file))
    }

    /// Writes all three files, the tarball with the parts of another one and packed as that one is.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn write_like(
        &self,
        contents: &Contents<'_>,
        common: &Common,
    ) -> Result<Written, OutputError> {
        let contents = Contents {
            packing: Packing::Spliced,
            ..*contents
        };
        let written = self.write_with(&contents, |file| {
            let summary = assemble_like(&contents, common, file)?;
            Ok::<_, Failed<_, Infallible>>((summary, None))
        });
        match written {
            Ok((written, _)) => Ok(written),
            Err(Failed::Own(error)) => Err(error),
        }
    }

    /// Writes all three files; `assemble` writes the tarball and gives the place of its parts.
    fn write_with<E>(
        &self,
        contents: &Contents<'_>,
        assemble: impl FnOnce(WriteBack) -> Result<(Summary, Option<Place>), Failed<AssembleError, E>>,
    ) -> Result<(Written, Option<Common>), Failed<OutputError, E>> {
        let place = |suffix: &str| self.folder.join(format!("{}{suffix}", self.image));
        let ending = contents.packing.ending();
        let paths = [
            place(&format!(".{ending}")),
            place(&format!(".{ending}.sha256")),
            place(".manifest.json"),
        ];
        for path in &paths {
            // The one thing that would make a rename fail after another has succeeded.
            if path.is_dir() {
                let source = io::ErrorKind::IsADirectory.into();
                return Err(OutputError::new(path, source).into());
            }
        }
        let [tarball, digest, manifest] = &paths;
        let text = contents.manifest.to_json();
        let name = format!("{}.manifest.json", self.image);
        Exposed::check(&name, &String::from_utf8_lossy(&text)).map_err(OutputError::Exposed)?;
        let mut assembled = None;
        let written = begin(tarball, |file| {
            let failed = |source| AssembleError::Write { source };
            let file = WriteBack::new(file.try_clone().map_err(failed)?);
            assembled = Some(assemble(file)?);
            Ok(())
        })?;
        let (summary, place) = assembled.expect("assembling has succeeded");
        // The file itself: under its name someone else's may be soon.
        let own = written.file().try_clone();
        let own = own.map_err(|source| OutputError::new(tarball, source))?;
        let line = format!("{}  {}.{ending}\n", summary.sha256, self.image);
        let files = [
            written,
            begin(digest, |file| Ok(bytes(file, line.as_bytes())?))?,
            begin(manifest, |file| Ok(bytes(file, &text)?))?,
        ];
        sync(&files, &paths)?;
        // Two writers that rename at the same moment would leave the tarball of one next to the digest of the other.
        let turnstile =
            turnstile(self.folder).map_err(|source| OutputError::new(self.folder, source))?;
        for (file, path) in files.into_iter().zip(&paths) {
            file.place()
                .map_err(|source| OutputError::new(path, source))?;
        }
        drop(turnstile);
        sync_folder(self.folder).map_err(|source| OutputError::new(self.folder, source))?;
        let [tarball, digest, manifest] = paths;
        let written = Written {
            tarball,
            manifest,
            digest,
            summary,
        };
        Ok((written, place.map(|place| Common { file: own, place })))
    }
}

fn bytes(mut file: &File, bytes: &[u8]) -> Result<(), AssembleError> {
    let written = file.write_all(bytes);
    written.map_err(|source| AssembleError::Write { source })
}

/// A complete file that is not in its place yet.
fn begin<E>(
    path: &Path,
    write: impl FnOnce(&File) -> Result<(), Failed<AssembleError, E>>,
) -> Result<AtomicFile, Failed<OutputError, E>> {
    let failed = |source| OutputError::new(path, source);
    let file = AtomicFile::new(path).map_err(failed)?;
    write(file.file()).map_err(|error| match error {
        Failed::Own(AssembleError::Write { source }) => Failed::Own(failed(source)),
        Failed::Own(other) => Failed::Own(OutputError::Assemble(other)),
        Failed::Fill(error) => Failed::Fill(error),
    })?;
    Ok(file)
}

/// Waits until all files are on disk: at once, because the disk's journal then writes for all of them.
fn sync(files: &[AtomicFile], paths: &[PathBuf]) -> Result<(), OutputError> {
    let synced = std::thread::scope(|scope| {
        let threads: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(|| file.file().sync_all()))
            .collect();
        let lost = || Err(io::Error::other("the thread that syncs has failed"));
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| lost()));
        joined.collect::<Vec<_>>()
    });
    for (done, path) in synced.into_iter().zip(paths) {
        done.map_err(|source| OutputError::new(path, source))?;
    }
    Ok(())
}

/// Makes the renames last: they are entries of the folder.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync folders.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::tarball::Mtime;
    use crate::tarball::Part;
    use crate::tarball::manifest::tests::manifest;
    use crate::tarball::tests::{all_of, noise, usual};
    use crate::venv::testing::Packer;
    use crate::venv::{Item, ItemKind};
    use pannier_base::digest::Digest;

    #[test]
    fn a_container_that_was_cut_is_told() {
        let mut packer = Packer::default();
        packer.deflated("x", &noise(10_000));
        let (file, pack) = packer.finish();
        file.set_len(5_000).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("builder.tar.gz");
        fs::write(&old, "old").unwrap();
        let error = write_parts(folder.path(), &usual(&manifest()), &[all_of(&file, &pack)])
            .expect_err("the file is too short");
        assert!(error.to_string().contains("venv/x"), "{error}");
        assert_eq!(names(folder.path()), ["builder.tar.gz"]);
        assert_eq!(fs::read(&old).unwrap(), b"old");
    }

    #[test]
    fn a_manifest_with_a_secret_is_not_written() {
        pannier_base::secret::know("of-the-manifest-tests");
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = manifest();
        manifest.packages[0].version = "1.0+of.the.manifest.tests".into();
        let error = write_parts(folder.path(), &usual(&manifest), &[]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("builder.manifest.json would contain a secret in line"),
            "{text}"
        );
        assert!(
            text.contains("1.0+****") && names(folder.path()).is_empty(),
            "{text}"
        );
    }

    fn output(folder: &Path) -> Output<'_> {
        static IMAGE: std::sync::LazyLock<pannier_base::name::ImageName> =
            std::sync::LazyLock::new(|| "builder".parse().unwrap());
        Output {
            folder,
            image: &IMAGE,
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn write_to(folder: &Path) -> Result<Written, OutputError> {
        write_at(folder, Mtime::default())
    }

    fn write_at(folder: &Path, mtime: Mtime) -> Result<Written, OutputError> {
        let mut packer = Packer::default();
        packer.deflated("x", &noise(10_000));
        let (file, pack) = packer.finish();
        let manifest = manifest();
        let contents = Contents {
            mtime,
            ..usual(&manifest)
        };
        write_parts(folder, &contents, &[all_of(&file, &pack)])
    }

    fn write_parts(
        folder: &Path,
        contents: &Contents<'_>,
        parts: &[Part<'_>],
    ) -> Result<Written, OutputError> {
        let written = output(folder).write(contents, |tarball| {
            Ok::<_, Failed<_, Infallible>>(tarball.add(parts)?)
        });
        match written {
            Ok((written, _)) => Ok(written),
            Err(Failed::Own(error)) => Err(error),
        }
    }

    #[test]
    fn whoever_adds_the_parts_may_fail() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("builder.tar.gz"), "old").unwrap();
        let written = output(folder.path()).write(&usual(&manifest()), |_| Err(Failed::Fill(7)));
        assert!(matches!(written, Err(Failed::Fill(7))));
        assert_eq!(names(folder.path()), ["builder.tar.gz"]);
    }

    #[test]
    fn three_files_belong_together() {
        let folder = tempfile::tempdir().unwrap();
        let first = write_to(folder.path()).unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "builder.manifest.json",
                "builder.tar.gz",
                "builder.tar.gz.sha256"
            ]
        );
        let checked = Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "builder.tar.gz.sha256"])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(checked.success());
        assert_eq!(fs::read(&first.manifest).unwrap(), manifest().to_json());
        let before = fs::read(&first.tarball).unwrap();
        assert_eq!(write_to(folder.path()).unwrap(), first);
        assert_eq!(
            fs::read(&first.tarball).unwrap(),
            before,
            "the same bytes again"
        );
    }

    #[test]
    fn what_images_have_in_common_is_taken_over_without_a_difference() {
        let mut packer = Packer::default();
        packer.deflated("x", &noise(900_000));
        packer.deflated("y", b"small");
        let (file, pack) = packer.finish();
        let own = |content: &str| {
            vec![Item {
                path: "venv/pyvenv.cfg".to_owned(),
                kind: ItemKind::Bytes {
                    bytes: content.into(),
                    executable: false,
                },
            }]
        };
        let heads = [own("first"), own("the second image says more")];
        let folder = tempfile::tempdir().unwrap();
        let manifest = manifest();
        let contents = heads.each_ref().map(|head| Contents {
            head: Some(head),
            ..usual(&manifest)
        });
        let output = output(folder.path());
        let fill = |tarball: &mut dyn Parts| {
            Ok::<_, Failed<_, Infallible>>(tarball.add(&[all_of(&file, &pack)])?)
        };
        let (_, common) = output.write(&contents[0], fill).unwrap();
        let common = common.expect("spliced tarballs have one");
        let (alone, _) = output.write(&contents[1], fill).unwrap();
        let expected = fs::read(&alone.tarball).unwrap();
        let like = output.write_like(&contents[1], &common).unwrap();
        assert_eq!(like, alone);
        assert!(fs::read(&like.tarball).unwrap() == expected);
    }

    #[test]
    fn the_files_of_two_writers_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let write = |seconds: u64| {
            for _ in 0..25 {
                let written = write_at(folder, Mtime::from_epoch(400_000_000 + seconds)).unwrap();
                let _turnstile = turnstile(folder).unwrap();
                let tarball = Digest::of(&fs::read(&written.tarball).unwrap()).to_string();
                let told = fs::read_to_string(&written.digest).unwrap();
                assert!(told.starts_with(&tarball));
            }
        };
        std::thread::scope(|scope| {
            for seconds in [1, 2, 3] {
                scope.spawn(move || write(seconds));
            }
        });
    }

    #[test]
    fn a_name_that_is_taken_leaves_the_others_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("builder.manifest.json")).unwrap();
        let error = write_to(folder.path()).expect_err("a folder is in the way");
        assert!(error.to_string().contains("builder.manifest.json"));
        assert_eq!(names(folder.path()), ["builder.manifest.json"]);
        let missing = folder.path().join("missing");
        let error = write_to(&missing).expect_err("the folder is missing");
        assert!(error.to_string().contains("missing"));
    }
}
