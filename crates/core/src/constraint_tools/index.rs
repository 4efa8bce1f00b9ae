//! What indexes list of the packages that are pinned: asked by name, several at once, the first index that has a name counts.

use std::collections::BTreeMap;

use pep440_rs::Version;
use rayon::prelude::*;

use crate::lock::model::Lock;
use pannier_archive::wheel::WheelFilename;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;
use pannier_clients::http::Client;
use pannier_clients::uv::{Indexes, ListedFile, ListingError, listing};

/// How many names are asked about at the same time.
const AT_ONCE: usize = 8;

/// What the indexes list of each name; `None` when none of them knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Releases(pub BTreeMap<PackageName, Option<Vec<ListedFile>>>);

impl Releases {
    /// The files of a version.
    pub fn files<'a>(
        &'a self,
        name: &PackageName,
        version: &'a Version,
    ) -> impl Iterator<Item = &'a ListedFile> {
        let files = self.0.get(name).into_iter().flatten().flatten();
        files.filter(move |file| version_of(&file.name).as_ref() == Some(version))
    }
}

/// The indexes that are asked: the configured ones in uv's order, then those that the lock's packages came from.
#[must_use]
pub fn indexes(configured: &Indexes, lock: Option<&Lock>) -> Vec<SafeUrl> {
    let extra = configured.extra.iter();
    let mut all: Vec<SafeUrl> = extra.chain(&configured.url).cloned().collect();
    let locked = lock.iter().flat_map(|lock| &lock.packages);
    for url in locked.filter_map(|package| package.index.as_ref()) {
        let bare = |url: &SafeUrl| {
            let text = url.without_credentials().to_string();
            text.trim_end_matches('/').to_owned()
        };
        if !all.iter().any(|known| bare(known) == bare(url)) {
            all.push(url.clone());
        }
    }
    all
}

/// Asks about names.
///
/// # Errors
/// The first index that does not answer: what another one says would not count then.
pub fn releases(
    client: &Client,
    indexes: &[SafeUrl],
    names: &[PackageName],
) -> Result<Releases, ListingError> {
    let ask = |name: &PackageName| {
        for index in indexes {
            if let Some(files) = listing(client, index, name)? {
                return Ok((name.clone(), Some(files)));
            }
        }
        Ok((name.clone(), None))
    };
    let Some((first, others)) = names.split_first() else {
        return Ok(Releases::default());
    };
    // An index that is dead is met once, not once for each name.
    let mut answers = BTreeMap::from([ask(first)?]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(AT_ONCE).build();
    let others: Vec<Result<_, ListingError>> = match pool {
        Ok(pool) => pool.install(|| others.par_iter().map(ask).collect()),
        // No threads to be had: one after the other.
        Err(_) => others.iter().map(ask).collect(),
    };
    for answer in others {
        let (name, files) = answer?;
        answers.insert(name, files);
    }
    Ok(Releases(answers))
}

/// The version that a file name holds, of a wheel or a source archive.
fn version_of(name: &str) -> Option<Version> {
    if name.ends_with(".whl") {
        let wheel: WheelFilename = name.parse().ok()?;
        return Some(wheel.version.clone());
    }
    const ENDS: [&str; 5] = [".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz"];
    let stem = ENDS.iter().find_map(|end| name.strip_suffix(end))?;
    // Old archives have `-` in their names, and some in their versions: the longest version that is one counts.
    stem.match_indices('-')
        .find_map(|(at, _)| stem[at + 1..].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_file_names() {
        let of = |name: &str| version_of(name).map(|version| version.to_string());
        assert_eq!(
            of("six-1.17.0-py2.py3-none-any.whl").as_deref(),
            Some("1.17.0")
        );
        assert_eq!(
            of("python-dateutil-2.9.0.post0.tar.gz").as_deref(),
            Some("2.9.0.post0")
        );
        assert_eq!(of("odd-1.0-1.zip").as_deref(), Some("1.0.post1"));
        assert_eq!(of("old-1.0.exe"), None);
    }
}
