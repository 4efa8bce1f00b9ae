//! Where symbolic links may lead: nowhere outside the tree, but to the interpreter of a venv.

use super::error::UnpackError;
use super::later::Sorted;

/// Links that are followed before a chain counts as endless, as the kernel has it.
const CHAIN: usize = 40;

/// Checks all links of a tree together: a link may climb through another.
pub(super) fn check(links: &Sorted) -> Result<(), UnpackError> {
    for link in links.iter() {
        follow(link.path, links).map_err(|rule| UnpackError::refused(link.path, rule))?;
    }
    Ok(())
}

/// Walks as the kernel does from the link `path` to its end, inside the tree.
fn follow(path: &str, links: &Sorted) -> Result<(), &'static str> {
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
        let Some(target) = links.get(&at).map(|link| link.target) else {
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
    use crate::tarball::read::{Entry, EntryKind};
    use crate::unpack::later::Later;

    fn judge(links: &[(&str, &str)]) -> Result<(), String> {
        let mut later = Later::default();
        for (path, target) in links {
            let entry = Entry {
                path: (*path).to_owned(),
                kind: EntryKind::Symlink((*target).to_owned()),
                mode: 0o777,
                mtime: (0, 0),
            };
            later.push(&entry, target);
        }
        check(&later.sorted()).map_err(|error| error.to_string())
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
