//! Brings a source to where it can be built: a checkout, a copy of a folder without its litter, or a source archive.
//!
//! Builds never run in the user's own folder: backends leave files behind, and old ones would slip into the wheel.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use tempfile::TempDir;

use super::BuildError;
use super::model::{BuildSource, Builder, make_dir};

/// Folders that hold no source: caches and what earlier builds left.
const LITTER: [&str; 8] = [
    ".git",
    ".hg",
    "__pycache__",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
];

/// One of these makes a folder a Python project.
const PROJECT_FILES: [&str; 2] = ["pyproject.toml", "setup.py"];

/// 1980-01-01: the earliest time that a ZIP can hold.
const EARLIEST: i64 = 315_532_800;

/// A source that is ready to be built.
pub(super) struct Tree {
    /// Folder or archive for the backend.
    pub(super) path: PathBuf,
    /// `SOURCE_DATE_EPOCH` of the build, seconds since 1970.
    pub(super) epoch: i64,
}

/// Brings `source` into `work`.
pub(super) fn fetch(
    builder: &Builder<'_>,
    source: &BuildSource,
    work: &TempDir,
) -> Result<Tree, BuildError> {
    bound(work.path()).map_err(|source| BuildError::Io {
        path: work.path().to_owned(),
        source,
    })?;
    match source {
        BuildSource::Git {
            repository,
            commit,
            subdirectory,
        } => {
            let folder = make_dir(work, "src")?;
            let submodules = builder.workshop.submodules;
            let checkout = builder
                .git
                .checkout(repository, commit, submodules, &folder)?;
            let path = match subdirectory {
                Some(subdirectory) => below(&folder, subdirectory, &source.label())?,
                None => folder,
            };
            let shown = subdirectory.as_deref().unwrap_or("the top folder");
            check_project(&path, &source.label(), shown)?;
            Ok(Tree {
                path,
                epoch: checkout.time.max(EARLIEST),
            })
        }
        BuildSource::Directory { path } => {
            check_project(path, &source.label(), &path.display().to_string())?;
            let folder = make_dir(work, "src")?;
            copy(path, &folder).map_err(|source| BuildError::Io {
                path: path.clone(),
                source,
            })?;
            Ok(Tree {
                path: folder,
                epoch: EARLIEST,
            })
        }
        BuildSource::Sdist { url, name, sha256 } => {
            let mut incoming = builder.store.incoming()?;
            builder.client.download(url, &mut incoming, &|bytes| {
                builder
                    .reporter
                    .report(pannier_base::event::Event::Downloaded { bytes });
            })?;
            let file = incoming.into_file(name, sha256)?;
            let path = work.path().join(name);
            let at = |source| BuildError::Io {
                path: path.clone(),
                source,
            };
            file.persist(&path).map_err(|error| at(error.error))?;
            Ok(Tree {
                path,
                epoch: EARLIEST,
            })
        }
    }
}

/// Ends the search of backends that look upwards for a repository and its `.gitignore` (hatchling does): whatever lies
/// above the store is not part of the source. git ignores an empty `.git`.
fn bound(work: &Path) -> io::Result<()> {
    fs::File::create(work.join(".git")).map(drop)
}

/// The folder `subdirectory` of a checkout, which neither `..` nor a link leads out of it.
fn below(checkout: &Path, subdirectory: &str, label: &str) -> Result<PathBuf, BuildError> {
    let path = checkout.join(subdirectory);
    let real = |path: &Path| path.canonicalize();
    match (real(checkout), real(&path)) {
        (Ok(checkout), Ok(found)) if !found.starts_with(&checkout) => Err(BuildError::Outside {
            label: label.to_owned(),
            folder: subdirectory.to_owned(),
        }),
        // One that is not there at all is told as holding no project.
        _ => Ok(path),
    }
}

fn check_project(folder: &Path, label: &str, shown: &str) -> Result<(), BuildError> {
    if PROJECT_FILES.iter().any(|file| folder.join(file).is_file()) {
        return Ok(());
    }
    Err(BuildError::NoProject {
        label: label.to_owned(),
        folder: shown.to_owned(),
    })
}

/// The files and links below `root` that belong to its source, relative to it and sorted: what git would ignore and what
/// builds leave behind is not among them.
///
/// Rules of folders above count too, as they do for git, unless they ignore the project as a whole: then it was put below an
/// ignored folder on purpose (CI runners do so), and only its own rules count.
///
/// # Errors
/// What walking the folder gives.
pub(super) fn source_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let files = walk(root, true)?;
    let has_project = |files: &[PathBuf]| {
        let is_project = |path: &PathBuf| PROJECT_FILES.iter().any(|file| path == Path::new(file));
        files.iter().any(is_project)
    };
    if has_project(&files) {
        return Ok(files);
    }
    walk(root, false)
}

fn walk(root: &Path, rules_of_parents: bool) -> io::Result<Vec<PathBuf>> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .parents(rules_of_parents)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .ignore(false)
        .follow_links(false)
        .filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            !LITTER.contains(&&*name) && !name.ends_with(".egg-info")
        })
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(io::Error::other)?;
        let kind = entry.file_type();
        if kind.is_some_and(|kind| kind.is_file() || kind.is_symlink())
            && let Ok(path) = entry.path().strip_prefix(root)
        {
            files.push(path.to_owned());
        }
    }
    files.sort();
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for path in source_files(from)? {
        let (source, copy) = (from.join(&path), to.join(&path));
        if let Some(parent) = copy.parent() {
            fs::create_dir_all(parent)?;
        }
        if source.symlink_metadata()?.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &copy)?;
        } else {
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_below_an_ignored_folder_is_still_a_project() {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("builds/project");
        fs::create_dir_all(&project).unwrap();
        fs::write(root.path().join(".gitignore"), "*\n").unwrap();
        fs::write(project.join("pyproject.toml"), "").unwrap();
        fs::write(project.join("module.py"), "").unwrap();
        assert_eq!(source_files(&project).unwrap().len(), 2);
        fs::write(root.path().join(".gitignore"), "*.log\n").unwrap();
        fs::write(project.join("debug.log"), "").unwrap();
        assert_eq!(source_files(&project).unwrap().len(), 2);
    }

    #[test]
    fn a_subdirectory_stays_in_its_checkout() {
        let root = tempfile::tempdir().unwrap();
        let checkout = root.path().join("src");
        fs::create_dir_all(checkout.join("py")).unwrap();
        fs::create_dir(root.path().join("private")).unwrap();
        std::os::unix::fs::symlink("../private", checkout.join("out")).unwrap();
        std::os::unix::fs::symlink("py", checkout.join("link")).unwrap();
        for folder in ["py", "link", "missing"] {
            let found = below(&checkout, folder, "x @ 1").unwrap();
            assert_eq!(found, checkout.join(folder));
        }
        for folder in ["out", "../private", "/"] {
            let error = below(&checkout, folder, "x @ 1").unwrap_err();
            assert!(matches!(error, BuildError::Outside { .. }), "{folder}");
        }
    }

    #[test]
    fn the_search_for_a_repository_ends_above_the_source() {
        let outer = tempfile::tempdir().unwrap();
        git2::Repository::init(outer.path()).unwrap();
        let work = outer.path().join("store/work");
        fs::create_dir_all(work.join("src")).unwrap();
        bound(&work).unwrap();
        let found = std::process::Command::new("git")
            .args(["rev-parse", "--show-toplevel"])
            .current_dir(work.join("src"))
            .output()
            .unwrap();
        assert!(!found.status.success());
    }

    #[test]
    fn ignored_files_and_litter_stay_behind() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(".gitignore", "/build/\n*.log\n");
        write("pyproject.toml", "");
        write("src/pkg/build/__init__.py", "");
        write("build/lib/old.py", "");
        write("debug.log", "");
        write("x.egg-info/PKG-INFO", "");
        write(".venv/bin/python", "");
        write(".git/config", "");
        let files = source_files(root.path()).unwrap();
        let names: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [".gitignore", "pyproject.toml", "src/pkg/build/__init__.py"]
        );
    }
}
