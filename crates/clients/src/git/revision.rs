//! Which commit a revision means, given what a server advertises. Pure.
//!
//! Order: full reference, tag, branch. 40 hexadecimal digits are always a commit, as no branch name may stand in for a
//! pinned commit.

use git2::Oid;

/// A reference as a server advertises it; an annotated tag comes a second time, with `^{}` and its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advertised {
    pub name: String,
    pub oid: Oid,
}

/// The commit when the revision is a whole one.
pub(super) fn whole_commit(revision: &str) -> Option<String> {
    let hexadecimal = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| revision.to_ascii_lowercase())
}

/// Whether the revision may be the beginning of a commit.
pub(super) fn is_abbreviation(revision: &str) -> bool {
    (4..40).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What the revision means among the advertised references, annotated tags followed to what they tag.
pub(super) fn find(advertised: &[Advertised], revision: &str) -> Option<Oid> {
    let names = if revision == "HEAD" || revision.starts_with("refs/") {
        vec![revision.to_owned()]
    } else {
        vec![
            format!("refs/tags/{revision}"),
            format!("refs/heads/{revision}"),
        ]
    };
    let exact = |name: &str| advertised.iter().find(|a| a.name == name).map(|a| a.oid);
    names
        .iter()
        .find_map(|name| exact(&format!("{name}^{{}}")).or_else(|| exact(name)))
}

/// What a person may have meant, or where to look.
pub(super) fn hint(advertised: &[Advertised], revision: &str) -> String {
    let mut near: Vec<(f64, &str)> = advertised
        .iter()
        .map(|a| a.name.as_str())
        .filter(|name| !name.ends_with("^{}"))
        .map(|name| {
            if revision.starts_with("refs/") {
                name
            } else {
                short(name)
            }
        })
        .map(|name| (strsim::jaro_winkler(name, revision), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    let names: Vec<_> = near
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    if !names.is_empty() {
        return format!("did you mean {}?", names.join(" or "));
    }
    if advertised.is_empty() {
        return "the repository is empty".to_owned();
    }
    "check the spelling, and that the branch or tag has been pushed".to_owned()
}

fn short(name: &str) -> &str {
    ["refs/heads/", "refs/tags/", "refs/"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertised() -> Vec<Advertised> {
        let names = [
            "HEAD",
            "refs/heads/feature/x",
            "refs/heads/production",
            "refs/heads/v1",
            "refs/merge-requests/5/head",
            "refs/tags/v1",
            "refs/tags/v1^{}",
            "refs/tags/v2",
        ];
        names
            .iter()
            .zip(1u8..)
            .map(|(name, number)| Advertised {
                name: (*name).to_owned(),
                oid: Oid::from_bytes(&[number; 20]).expect("twenty bytes"),
            })
            .collect()
    }

    fn check(revision: &str, expected: Option<u8>) {
        let found = find(&advertised(), revision).map(|oid| oid.as_bytes()[0]);
        assert_eq!(found, expected, "{revision}");
    }

    #[test]
    fn the_order_of_kinds() {
        check("HEAD", Some(1));
        check("feature/x", Some(2));
        check("production", Some(3));
        check("v1", Some(7));
        check("refs/heads/v1", Some(4));
        check("refs/tags/v1", Some(7));
        check("v2", Some(8));
        check("refs/merge-requests/5/head", Some(5));
        check("merge-requests/5/head", None);
        check("x", None);
        check("", None);
    }

    #[test]
    fn commits_whole_and_abbreviated() {
        let commit = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(whole_commit(commit), Some(commit.to_lowercase()));
        assert_eq!(whole_commit("main"), None);
        assert!(is_abbreviation("01ab") && !is_abbreviation("01a"));
        assert!(!is_abbreviation("feature") && !is_abbreviation(commit));
    }

    #[test]
    fn near_names_are_told() {
        let told = |revision| hint(&advertised(), revision);
        assert_eq!(told("prodution"), "did you mean `production`?");
        assert!(told("zzz").starts_with("check the spelling"));
        assert!(told("refs/merge-requests/6/head").contains("`refs/merge-requests/5/head`"));
        assert!(hint(&[], "main").contains("empty"));
    }
}
