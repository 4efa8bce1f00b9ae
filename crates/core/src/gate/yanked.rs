//! Whether a pinned version is yanked (<https://peps.python.org/pep-0592/>). Pure: the pages of the index are values.

use pep440_rs::Version;

use pannier_archive::wheel::WheelFilename;
use pannier_base::name::PackageName;
use pannier_clients::uv::ListedFile;

/// What an index says about one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinState {
    /// It has files that stand.
    Listed,
    /// All its files were taken back; the reason may be empty.
    Yanked(String),
    /// It has no files.
    Unlisted,
}

/// What the files of a project's page say about a version.
#[must_use]
pub fn state(files: &[ListedFile], project: &PackageName, version: &Version) -> PinState {
    let of_version = files
        .iter()
        .filter(|file| version_of(&file.name, project).is_some_and(|found| is(&found, version)));
    let mut reasons = of_version.map(|file| file.yanked.as_ref());
    match reasons.next() {
        None => PinState::Unlisted,
        Some(Some(reason)) if reasons.all(|yanked| yanked.is_some()) => {
            PinState::Yanked(reason.clone())
        }
        Some(_) => PinState::Listed,
    }
}

/// A pin without a local version holds for files with any.
fn is(found: &Version, pinned: &Version) -> bool {
    found == pinned || (pinned.local().is_empty() && found.clone().without_local() == *pinned)
}

/// The version that a file of a project is of.
fn version_of(file: &str, project: &PackageName) -> Option<Version> {
    if file.ends_with(".whl") {
        return file
            .parse::<WheelFilename>()
            .ok()
            .map(|wheel| wheel.version);
    }
    let ends = [".tar.gz", ".zip", ".tar.bz2", ".tar.xz"];
    let stem = ends.iter().find_map(|end| file.strip_suffix(end))?;
    // Old names hold dashes on both sides: the split is where both sides mean something.
    stem.match_indices('-').find_map(|(at, _)| {
        let name: PackageName = stem[..at].parse().ok()?;
        let version = stem[at + 1..].parse().ok()?;
        (name == *project).then_some(version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, yanked: Option<&str>) -> ListedFile {
        ListedFile {
            name: name.to_owned(),
            yanked: yanked.map(str::to_owned),
            requires_python: None,
        }
    }

    #[test]
    fn a_version_is_yanked_when_all_its_files_are() {
        let files = [
            file("my_lib-1.0-py3-none-any.whl", None),
            file("my_lib-2.0-py3-none-any.whl", Some("broken")),
            file("My-Lib-2.0.tar.gz", Some("")),
            file("my.lib-3-1.zip", None),
            file("my_lib-4.0-py3-none-any.whl", Some("")),
            file("my_lib-4.0-cp311-cp311-manylinux_2_17_x86_64.whl", None),
            file("my_lib-5.0+cpu-py3-none-any.whl", Some("x")),
            file("other-6.0.tar.gz", None),
        ];
        let project = "my-lib".parse().unwrap();
        let state = |version: &str| state(&files, &project, &version.parse().unwrap());
        assert_eq!(state("1"), PinState::Listed);
        assert_eq!(state("2.0.0"), PinState::Yanked("broken".to_owned()));
        assert_eq!(state("3.post1"), PinState::Listed);
        assert_eq!(state("4"), PinState::Listed);
        assert_eq!(state("5"), PinState::Yanked("x".to_owned()));
        assert_eq!(state("6"), PinState::Unlisted);
    }
}
