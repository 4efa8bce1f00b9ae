//! What `.gitmodules` says: the path and the URL of each submodule (gitmodules(5), the syntax of git-config(5)).
//!
//! Refuses nothing of the file itself: what it cannot read it steps over, and a submodule without a URL is then an
//! error of whoever needs it. Never follows an `include`: the file is foreign.

use std::collections::BTreeMap;

use pannier_base::url::{SafeUrl, UrlError};

/// URLs by path, both as they are written.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
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
pub(super) fn resolve(parent: &SafeUrl, url: &str) -> Result<SafeUrl, UrlError> {
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
