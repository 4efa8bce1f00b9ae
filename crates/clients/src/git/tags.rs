//! Where a commit stands among the tags of its repository.

use git2::{
    DescribeFormatOptions, DescribeOptions, ErrorClass, ErrorCode, Object, ObjectType, Oid,
    Repository,
};

/// `v1.2.0-3-g0123abc v1.2.1-rc1`: the nearest tag with its distance, then the commit's own tags, sorted. Empty when no tag can
/// be reached.
pub(super) fn describe(mirror: &Repository, commit: Oid) -> Result<String, git2::Error> {
    let object = mirror.find_object(commit, Some(ObjectType::Commit))?;
    let mut words = nearest(&object)?.map_or_else(Vec::new, |nearest| vec![nearest]);
    let mut own = Vec::new();
    for reference in mirror.references_glob("refs/tags/*")? {
        let reference = reference?;
        let tagged = reference.peel(ObjectType::Commit);
        if tagged.is_ok_and(|tagged| tagged.id() == commit) {
            own.push(reference.shorthand().unwrap_or_default().to_owned());
        }
    }
    own.sort();
    words.append(&mut own);
    Ok(words.join(" "))
}

fn nearest(commit: &Object<'_>) -> Result<Option<String>, git2::Error> {
    let described = commit.describe(DescribeOptions::new().describe_tags());
    match described {
        Ok(found) => {
            let mut format = DescribeFormatOptions::new();
            format.always_use_long_format(true).abbreviated_size(40);
            Ok(Some(found.format(Some(&format))?))
        }
        // libgit2 says "no tag can be reached" by class alone, or as not found.
        Err(error)
            if error.code() == ErrorCode::NotFound || error.class() == ErrorClass::Describe =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::Signature;

    #[test]
    fn a_commit_is_known_by_the_tags_before_it_and_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let author = Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let tree = repository.treebuilder(None).unwrap().write().unwrap();
        let tree = repository.find_tree(tree).unwrap();
        let first = repository
            .commit(Some("HEAD"), &author, &author, "1", &tree, &[])
            .unwrap();
        let parent = repository.find_commit(first).unwrap();
        let second = repository
            .commit(Some("HEAD"), &author, &author, "2", &tree, &[&parent])
            .unwrap();
        assert_eq!(describe(&repository, second).unwrap(), "");
        repository
            .tag_lightweight("v1", parent.as_object(), false)
            .unwrap();
        assert_eq!(
            describe(&repository, second).unwrap(),
            format!("v1-1-g{second}")
        );
        let tip = repository.find_object(second, None).unwrap();
        repository.tag("v2", &tip, &author, "two", false).unwrap();
        repository.tag_lightweight("v2rc", &tip, false).unwrap();
        assert_eq!(
            describe(&repository, second).unwrap(),
            format!("v2-0-g{second} v2 v2rc")
        );
    }
}
