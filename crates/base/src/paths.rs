//! Which paths and links a tree may hold: the one rule for what `prepare` writes and what `unpack` accepts.
//!
//! A path is relative and names one place. A link leads to a place in the tree, which need not exist. Judges text only;
//! nothing is opened or repaired.

use std::fmt;

use serde::Serialize;

/// Longest path or link target, in bytes (`PATH_MAX` without its final zero, `limits.h`).
pub const LONGEST: usize = 4095;

/// Longest component of a path, in bytes (`NAME_MAX`).
pub const LONGEST_COMPONENT: usize = 255;

/// The link of a venv to its interpreter: the only link that is absolute in every tree.
pub const INTERPRETER: &str = "venv/bin/python";

/// Links followed before a chain counts as endless, as in the kernel (path_resolution(7)).
const CHAIN: usize = 40;

/// Components walked before a link is refused: a link can name another one over and over.
const STEPS: usize = 4096;

/// What happens to links with absolute targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AbsoluteLinks {
    /// They are an error, except for the link of the venv to its interpreter.
    #[default]
    Refuse,
    /// They are kept as they are.
    Keep,
}

impl fmt::Display for AbsoluteLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::Keep => "keep",
        })
    }
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// It, or a link on its way, has an absolute target.
    #[error("it leads to an absolute path")]
    Absolute,
    /// It ends outside of the tree, perhaps only together with other links.
    #[error("it leads out of the tree")]
    Outside,
    /// It takes more steps than any path can have.
    #[error("it leads through more than {STEPS} folders")]
    Long,
}

/// What is wrong with a relative path (`/`-separated, without a trailing slash), or `None`.
#[must_use]
pub fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it has no name");
    }
    if path.starts_with('/') {
        return Some("its name is absolute");
    }
    if path.contains(['\\', '\0']) {
        return Some("its name contains a backslash or a NUL");
    }
    if path.chars().any(char::is_control) {
        return Some("its name contains a control character");
    }
    if path.len() > LONGEST {
        return Some("its name is longer than the limit for paths");
    }
    path.split('/').find_map(|component| match component {
        "" => Some("its name has an empty component"),
        "." => Some("its name has a `.` component"),
        ".." => Some("its name climbs with `..`"),
        _ if component.len() > LONGEST_COMPONENT => {
            Some("its name has a component longer than 255 bytes")
        }
        _ => None,
    })
}

/// What is wrong with the text of a link's target, wherever it leads, or `None`.
#[must_use]
pub fn target_fault(target: &str) -> Option<&'static str> {
    if target.is_empty() {
        Some("its target is empty")
    } else if target.contains('\0') {
        Some("its target contains a NUL")
    } else if target.len() > LONGEST {
        Some("its target is longer than the limit for paths")
    } else if target
        .split('/')
        .any(|component| component.len() > LONGEST_COMPONENT)
    {
        Some("its target has a component longer than 255 bytes")
    } else {
        None
    }
}

/// Follows the link at `path` as the kernel does, in a tree whose links `target` gives by their paths.
///
/// A link that leads nowhere, or in a circle, is harmless. What is not a link counts as a folder.
///
/// # Errors
/// [`LinkFault`].
pub fn check_link<'a>(
    path: &'a str,
    absolute: AbsoluteLinks,
    target: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), LinkFault> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut here = parent.to_owned();
    let mut ahead = vec![name];
    let (mut followed, mut steps) = (0, 0);
    while let Some(component) = ahead.pop() {
        steps += 1;
        if steps > STEPS {
            return Err(LinkFault::Long);
        }
        let before = here.len();
        match component {
            "" | "." => continue,
            ".." if here.is_empty() => return Err(LinkFault::Outside),
            ".." => {
                here.truncate(here.rfind('/').unwrap_or(0));
                continue;
            }
            _ if here.is_empty() => here.push_str(component),
            _ => {
                here.push('/');
                here.push_str(component);
            }
        }
        let Some(target) = target(&here) else {
            continue;
        };
        followed += 1;
        if followed > CHAIN {
            return Ok(());
        }
        if target.starts_with('/') {
            let kept = absolute == AbsoluteLinks::Keep
                || (ahead.is_empty() && is_interpreter(&here, target));
            return if kept {
                Ok(())
            } else {
                Err(LinkFault::Absolute)
            };
        }
        here.truncate(before);
        ahead.extend(target.rsplit('/'));
    }
    Ok(())
}

fn is_interpreter(path: &str, target: &str) -> bool {
    path == INTERPRETER && !target.split('/').any(|component| component == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(links: &[(&str, &str)], absolute: AbsoluteLinks) -> Result<(), LinkFault> {
        let target = |path: &str| {
            let found = links.iter().find(|(link, _)| *link == path);
            found.map(|(_, target)| *target)
        };
        links
            .iter()
            .try_for_each(|(path, _)| check_link(path, absolute, target))
    }

    #[test]
    fn links_inside_the_tree_pass() {
        for links in [
            &[("a", "b")][..],
            &[("a/b/c", "../../d")],
            &[
                ("venv/bin/python", "/usr/bin/python3"),
                ("venv/bin/python3", "python"),
                ("data/x/python", "../../venv/bin/python3"),
            ],
            &[("venv/lib64", "lib")],
            &[("a", "a")],
            &[("a", "b"), ("b", "a")],
            &[("x", "sub/deep"), ("y", "x/..")],
            &[("top", ".")],
            &[("a", "file/below")],
            &[("a", "b/"), ("b", "./c//d")],
        ] {
            assert_eq!(judge(links, AbsoluteLinks::Refuse), Ok(()), "{links:?}");
        }
    }

    #[test]
    fn links_out_of_the_tree_are_refused() {
        for links in [
            &[("a", "..")][..],
            &[("a/b", "../../c")],
            &[("a/b", "../c/../../d")],
            &[("a", "a/../../x"), ("b", "x")],
            &[("a", "b/../../x")],
            // Harmless when read letter by letter, not when followed.
            &[("d/e/f/l", "../../.."), ("m", "d/e/f/l/../..")],
        ] {
            for absolute in [AbsoluteLinks::Refuse, AbsoluteLinks::Keep] {
                let judged = judge(links, absolute);
                if links[0].1 == "a/../../x" {
                    // The link itself is a circle: the kernel gives up before it leaves.
                    assert_eq!(judged, Ok(()));
                } else {
                    assert_eq!(judged, Err(LinkFault::Outside), "{links:?}");
                }
            }
        }
    }

    #[test]
    fn absolute_links_are_kept_where_that_is_asked_for() {
        for links in [
            &[("a", "/etc/passwd")][..],
            &[("python", "/usr/bin/python3")],
            &[("bin/python", "/usr/bin/python3")],
            &[("data/x/venv/bin/python", "/usr/bin/python3")],
            &[("venv/bin/python3", "/usr/bin/python3")],
            &[("venv/bin/sh", "/bin/sh")],
            &[("venv/bin/python", "/usr/../bin/sh")],
            &[("venv/bin/python", "/usr"), ("x", "venv/bin/python/bin/sh")],
        ] {
            assert_eq!(
                judge(links, AbsoluteLinks::Refuse),
                Err(LinkFault::Absolute),
                "{links:?}"
            );
            assert_eq!(judge(links, AbsoluteLinks::Keep), Ok(()), "{links:?}");
        }
    }

    #[test]
    fn a_link_that_multiplies_its_way_is_refused_soon() {
        let wide = "./".repeat(2000);
        let deep = [("a", "b/b/b"), ("b", &*wide)];
        assert_eq!(judge(&deep, AbsoluteLinks::Refuse), Err(LinkFault::Long));
    }

    #[test]
    fn paths_have_one_spelling_and_fit_every_file_system() {
        for path in [
            "a",
            "..a/b..",
            "ü/日",
            &"n".repeat(255),
            &"n/".repeat(2047)[..4093],
        ] {
            assert_eq!(path_fault(path), None, "{path}");
        }
        for path in [
            "",
            "/a",
            "..",
            "a/../b",
            "a/..",
            "a/.",
            "a//b",
            "a/",
            "a\\b",
            "a\0b",
            "a\nb",
            "\u{7f}",
            "\u{85}",
            &"n".repeat(256),
            &"é".repeat(128),
            &"n/".repeat(2050)[..4097],
        ] {
            assert!(path_fault(path).is_some(), "{path:?}");
        }
    }

    #[test]
    fn targets_are_what_the_kernel_takes() {
        for target in ["a", "..", "a/./b//", "/", &"a/".repeat(2047)] {
            assert_eq!(target_fault(target), None, "{target}");
        }
        for target in ["", "a\0b", &"a/".repeat(2048), &"n".repeat(256)] {
            assert!(target_fault(target).is_some(), "{target:?}");
        }
    }
}
