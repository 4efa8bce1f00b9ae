//! The submodules of a commit: whether they may be followed, and which repositories `.gitmodules` gives them
//! (gitmodules(5), in the syntax of git-config(5)).
//!
//! Refuses to follow them to a folder of this machine from a repository that is not on it, and endlessly. `.gitmodules` is read
//! here because libgit2 reads such files only from a path, and follows the `include`s of a foreign file to others of this
//! machine. What cannot be read of it is skipped; a submodule without a URL is an error where it is needed.

use std::collections::BTreeMap;

use git2::{Oid, Repository};

use super::bounds;
use super::error::{GitError, name};
use super::model::Submodules;
use super::tree::Leaf;
use pannier_base::url::{SafeUrl, UrlError};

/// Most repositories that one project may consist of: a bound on projects that contain themselves.
const MOST: usize = 200;

/// Largest `.gitmodules` that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// URLs of submodules by path, as `.gitmodules` of the commit gives them.
pub(super) fn modules(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<BTreeMap<String, String>, GitError> {
    let library = || GitError::library(repository, "reading .gitmodules");
    let tree = mirror
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(library())?;
    let Some(entry) = tree.get_name(".gitmodules") else {
        return Ok(BTreeMap::new());
    };
    let blob = bounds::blob(mirror, entry.id(), LARGEST).map_err(library())?;
    Ok(parse(&String::from_utf8_lossy(blob.content())))
}

/// Whether the submodules that were found may be followed; `seen` counts the repositories so far.
pub(super) fn permitted(
    choice: Submodules,
    repository: &SafeUrl,
    commit: Oid,
    found: &[Leaf],
    seen: usize,
) -> Result<(), GitError> {
    let Some(first) = found.first() else {
        return Ok(());
    };
    if choice == Submodules::Refuse {
        return Err(GitError::Submodules {
            repository: name(repository),
            commit: commit.to_string(),
            paths: found.iter().map(|leaf| leaf.path.clone()).collect(),
        });
    }
    if seen + found.len() > MOST {
        let problem = format!("the project consists of more than {MOST} repositories");
        return Err(refuse(repository, &first.path, problem));
    }
    Ok(())
}

/// The repository of the submodule at `path`.
pub(super) fn url(
    repository: &SafeUrl,
    modules: &BTreeMap<String, String>,
    path: &str,
) -> Result<SafeUrl, GitError> {
    let Some(written) = modules.get(path) else {
        return Err(refuse(
            repository,
            path,
            "`.gitmodules` has no URL for it".to_owned(),
        ));
    };
    let found = resolve(repository, written).map_err(|source| GitError::Submodule {
        repository: name(repository),
        path: path.to_owned(),
        problem: "its URL is not valid".to_owned(),
        source: Some(source),
    })?;
    let local = |url: &SafeUrl| url.expose().scheme() == "file";
    if local(&found) && !local(repository) {
        return Err(refuse(
            repository,
            path,
            "it points to a folder of this machine".to_owned(),
        ));
    }
    Ok(found)
}

fn refuse(repository: &SafeUrl, path: &str, problem: String) -> GitError {
    GitError::Submodule {
        repository: name(repository),
        path: path.to_owned(),
        problem,
        source: None,
    }
}

/// URLs by path, both as they are written.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut modules: BTreeMap<&str, (Option<String>, Option<String>)> = BTreeMap::new();
    let mut section = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line
                .strip_prefix("[submodule \"")
                .and_then(|rest| rest.split_once("\"]"))
                .map(|(name, _)| name);
            continue;
        }
        let (Some(name), Some((key, text))) = (section, line.split_once('=')) else {
            continue;
        };
        let module = modules.entry(name).or_default();
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => module.0 = Some(value(text)),
            "url" => module.1 = Some(value(text)),
            _ => {}
        }
    }
    modules
        .into_values()
        .filter_map(|(path, url)| path.zip(url))
        .collect()
}

/// A value without its quotes, escapes and comment.
fn value(text: &str) -> String {
    let mut found = String::new();
    let mut quoted = false;
    let mut chars = text.trim().chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => quoted = !quoted,
            '\\' => found.extend(chars.next()),
            '#' | ';' if !quoted => break,
            _ => found.push(char),
        }
    }
    found.trim_end().to_owned()
}

/// The repository that a submodule's URL means: relative ones are relative to the parent's URL as to a folder.
/// Credentials of the parent go on within its origin only.
fn resolve(parent: &SafeUrl, url: &str) -> Result<SafeUrl, UrlError> {
    if !url.starts_with("./") && !url.starts_with("../") {
        let absolute = SafeUrl::of_server(url)?;
        let own = absolute.credentials().is_some();
        return Ok(if own {
            absolute
        } else {
            absolute.with_credentials_of(parent)
        });
    }
    let mut base = parent.expose().clone();
    base.set_query(None);
    base.set_fragment(None);
    let folder = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&folder);
    let joined = base.join(url).map_or_else(|_| url.to_owned(), Into::into);
    SafeUrl::of_server(joined.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_usual_forms() {
        let text = "[submodule \"a b\"]\n\tpath = libs/a\n\turl = ../a.git\n# [submodule \"c\"]\n\
                    [submodule \"b\"]\n  URL = \"https://git.example.org/b;x\" ; note\n  path=b # note\n  branch = .\n\
                    [include]\n path = /etc/passwd\n[submodule \"half\"]\npath = half\n";
        let found = parse(text);
        let expected = [("b", "https://git.example.org/b;x"), ("libs/a", "../a.git")];
        let expected = expected.map(|(path, url)| (path.to_owned(), url.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn relative_urls() {
        let check = |parent: &str, url: &str, expected: &str| {
            let found = resolve(&parent.parse().expect("a URL"), url).expect("a URL");
            assert_eq!(found.expose().as_str(), expected);
        };
        let parent = "https://u:p@git.example.org/team/app.git";
        check(
            parent,
            "../lib.git",
            "https://u:p@git.example.org/team/lib.git",
        );
        check(
            parent,
            "../../other/lib.git",
            "https://u:p@git.example.org/other/lib.git",
        );
        check(
            parent,
            "./sub.git",
            "https://u:p@git.example.org/team/app.git/sub.git",
        );
        check(
            parent,
            "https://git.example.org/x.git",
            "https://u:p@git.example.org/x.git",
        );
        check(
            parent,
            "https://elsewhere.example.org/x.git",
            "https://elsewhere.example.org/x.git",
        );
        assert!(resolve(&parent.parse().expect("a URL"), "git@git.example.org:x.git").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(\\[submodule \"[a\\]\"]{0,3}\\]\n|path = |url = |\\PC|\n){0,30}") {
            parse(&text);
        }
    }
}
