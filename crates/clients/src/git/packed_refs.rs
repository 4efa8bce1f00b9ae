//! The references of a mirror: the branches and tags that the server advertised last, in one `packed-refs` file.
//!
//! The file is replaced whole, so no reference can be in another's way and a kill leaves the old ones or the new ones.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use git2::{Oid, Repository};

use super::revision::Advertised;

/// The references of a mirror, by name.
pub(super) fn all(mirror: &Repository) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let mut found = BTreeMap::new();
    for reference in mirror.references()? {
        let reference = reference?;
        if let (Ok(name), Some(oid)) = (reference.name(), reference.target()) {
            found.insert(name.to_owned(), oid);
        }
    }
    Ok(found)
}

/// Replaces a repository's packed references (the format of gitrepository-layout(5), git-pack-refs(1)).
pub(super) fn write_packed(folder: &Path, references: &BTreeMap<String, Oid>) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut text = String::from("# pack-refs with: sorted \n");
    for (name, oid) in references {
        text.push_str(&format!("{oid} {name}\n"));
    }
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join("packed-refs"))?;
    Ok(())
}

/// Whether the mirror's tags are those that are advertised.
pub(super) fn has_tags(mirror: &Repository, advertised: &[Advertised]) -> bool {
    let is_tag = |name: &str| name.starts_with("refs/tags/");
    let kept = kept(advertised);
    let Ok(known) = all(mirror) else {
        return false;
    };
    let tags = known.iter().filter(|(name, _)| is_tag(name));
    tags.eq(kept.iter().filter(|(name, _)| is_tag(name)))
}

/// The branches and tags that a mirror keeps.
fn kept(advertised: &[Advertised]) -> BTreeMap<String, Oid> {
    advertised
        .iter()
        .filter(|a| {
            is_branch_or_tag(&a.name)
                && !a.name.ends_with("^{}")
                && git2::Reference::is_valid_name(&a.name)
        })
        .map(|a| (a.name.clone(), a.oid))
        .collect()
}

/// Makes the advertised branches and tags the references of the mirror.
pub(super) fn write_advertised(mirror: &Repository, advertised: &[Advertised]) -> io::Result<()> {
    write_packed(mirror.path(), &kept(advertised))
}

fn is_branch_or_tag(name: &str) -> bool {
    name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
}

/// Whether a reference is neither branch nor tag, such as that of a merge request.
pub(super) fn is_other(name: &str) -> bool {
    name.starts_with("refs/") && !is_branch_or_tag(name)
}
