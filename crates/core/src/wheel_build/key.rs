//! The key of a built wheel: everything that decides what a build gives.
//!
//! The Python that builds is not part of it: a pure wheel serves every Python, and compiled ones are remembered with the
//! machine that built them. Nor is uv: it only runs the backend that the source names, within the same build constraints.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pannier_base::digest::{Digest, Hasher};

use super::model::{BuildSource, Workshop};
use super::{BuildError, tree};

/// Raised whenever the way of building or normalizing changes.
const RECIPE: &str = "1";

/// The key of `source` when it is built in `workshop`.
pub(super) fn of(source: &BuildSource, workshop: &Workshop<'_>) -> Result<Digest, BuildError> {
    let mut key = Hasher::default();
    for field in [
        RECIPE,
        &workshop.constraints,
        &format!("{:?}", workshop.submodules),
    ] {
        key.field(field.as_bytes());
    }
    // Builds depend on variables that are listed. The variables that every build gets describe the machine, which is not part of
    // the key either.
    let mut named = workshop.around.variables.named().peekable();
    if named.peek().is_some() {
        let mut environment = Hasher::default();
        for (name, value) in named {
            environment.field(name.as_bytes());
            environment.field(value.as_bytes());
        }
        key.field(b"environment");
        key.field(environment.finish().as_bytes());
    }
    // What was built with anything that happened to be on the index is not what was asked for.
    if workshop.require_hashes {
        key.field(b"hashes of everything that it needs");
    }
    match source {
        // A commit's id is made from its content, so the same commit from another URL is the same source.
        BuildSource::Git {
            commit,
            subdirectory,
            ..
        } => {
            key.field(b"git");
            key.field(commit.as_bytes());
            key.field(subdirectory.as_deref().unwrap_or("").as_bytes());
        }
        BuildSource::Directory { path } => {
            key.field(b"directory");
            let at = |source| BuildError::Io {
                path: path.clone(),
                source,
            };
            folder(path, &mut key).map_err(at)?;
        }
        BuildSource::Sdist { sha256, .. } => {
            key.field(b"sdist");
            key.field(sha256.as_bytes());
        }
    }
    Ok(key.finish())
}

/// Adds every path, kind, execute bit and content of the source files below `root`.
fn folder(root: &Path, key: &mut Hasher) -> io::Result<()> {
    for path in tree::source_files(root)? {
        let full = root.join(&path);
        key.field(path.as_os_str().as_encoded_bytes());
        let meta = full.symlink_metadata()?;
        if meta.is_symlink() {
            key.field(b"link");
            key.field(full.read_link()?.as_os_str().as_encoded_bytes());
        } else {
            let executable = meta.permissions().mode() & 0o111 != 0;
            key.field(if executable { b"program" } else { b"file" });
            key.field(Digest::of_reader(&mut File::open(&full)?)?.0.as_bytes());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(root: &Path) -> Digest {
        let mut key = Hasher::default();
        folder(root, &mut key).unwrap();
        key.finish()
    }

    #[test]
    fn a_folders_key_follows_its_sources_and_not_its_litter() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("pyproject.toml"), "[project]").unwrap();
        let before = digest(root.path());
        std::fs::create_dir(root.path().join("__pycache__")).unwrap();
        std::fs::write(root.path().join("__pycache__/a.pyc"), "x").unwrap();
        assert_eq!(digest(root.path()), before);
        std::fs::write(root.path().join("a.py"), "").unwrap();
        let with_file = digest(root.path());
        assert_ne!(with_file, before);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path().join("a.py"), executable).unwrap();
        assert_ne!(digest(root.path()), with_file);
    }
}
