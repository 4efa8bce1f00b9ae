//! Where symbolic links may lead: nowhere outside the tree, but to the interpreter of a venv.

use std::collections::HashMap;

use super::error::UnpackError;
use crate::tarball::read::{Entry, EntryKind};

/// Links that are followed before a chain counts as endless, as the kernel has it.
const CHAIN: usize = 40;

/// Checks all links of a tree together: a link may climb through another.
pub(super) fn check(links: &[Entry]) -> Result<(), UnpackError> {
    let targets: HashMap<&str, &str> = links
        .iter()
        .filter_map(|link| match &link.kind {
            EntryKind::Symlink(target) => Some((link.path.as_str(), target.as_str())),
            _ => None,
        })
        .collect();
    for link in links {
        follow(&link.path, &targets).map_err(|rule| UnpackError::refused(&link.path, rule))?;
    }
    Ok(())
}

/// Walks as the kernel does from the link `path` to its end, inside the tree.
fn follow(path: &str, targets: &HashMap<&str, &str>) -> Result<(), &'static str> {
    let mut here: Vec<&str> = path.split('/').collect();
    here.pop();
    let mut ahead = vec![path.rsplit('/').next().unwrap_or(path)];
    let mut followed = 0;
    while let Some(component) = ahead.pop() {
        match component {
            "" | "." => continue,
            ".." if here.pop().is_none() => return Err("it leads out of the tree"),
            ".." => continue,
            _ => here.push(component),
        }
        let at = here.join("/");
        let Some(target) = targets.get(at.as_str()) else {
            continue;
        };
        followed += 1;
        if followed > CHAIN {
            // It leads nowhere, which is harmless.
            return Ok(());
        }
        if target.starts_with('/') {
            return if is_interpreter(&at, target) && ahead.is_empty() {
                Ok(())
            } else {
                Err("it leads to an absolute path")
            };
        }
        here.pop();
        ahead.extend(target.rsplit('/'));
    }
    Ok(())
}

/// `…/bin/python…`, the one link of a venv that has to be absolute.
fn is_interpreter(path: &str, target: &str) -> bool {
    let mut names = path.rsplit('/');
    let name = names.next().unwrap_or_default();
    name.starts_with("python")
        && names.next() == Some("bin")
        && !target.split('/').any(|it| it == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(links: &[(&str, &str)]) -> Result<(), String> {
        let links: Vec<Entry> = links
            .iter()
            .map(|(path, target)| Entry {
                path: (*path).to_owned(),
                kind: EntryKind::Symlink((*target).to_owned()),
                mode: 0o777,
                mtime: (0, 0),
            })
            .collect();
        check(&links).map_err(|error| error.to_string())
    }

    #[test]
    fn links_inside_the_tree_pass() {
        for links in [
            &[("a", "b")][..],
            &[("a/b/c", "../../d")],
            &[
                ("venv/bin/python", "/usr/bin/python3"),
                ("venv/bin/python3", "python"),
            ],
            &[("venv/lib64", "lib")],
            &[("a", "a")],
            &[("a", "b"), ("b", "a")],
            &[("x", "sub/deep"), ("y", "x/..")],
            &[("top", ".")],
        ] {
            assert_eq!(judge(links), Ok(()), "{links:?}");
        }
    }

    #[test]
    fn links_out_of_the_tree_are_refused() {
        for links in [
            &[("a", "..")][..],
            &[("a", "/etc/passwd")],
            &[("a/b", "../../c")],
            &[("a/b", "../c/../../d")],
            &[("python", "/usr/bin/python3")],
            &[("venv/bin/sh", "/bin/sh")],
            &[("venv/bin/python", "/usr/../bin/sh")],
            &[("bin/python", "/usr"), ("x", "bin/python/bin/sh")],
            // Harmless when read letter by letter, not when followed.
            &[("d/e/f/l", "../../.."), ("m", "d/e/f/l/../..")],
        ] {
            assert!(judge(links).is_err(), "{links:?}");
        }
    }
}
