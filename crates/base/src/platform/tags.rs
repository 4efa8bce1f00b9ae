//! Wheel tags of a target, best first (PEP 425, PEP 600, PEP 656, PEP 803), ordered as `packaging.tags` orders them.
//!
//! Refuses to know file names of wheels; those compare themselves with the list made here.

use std::fmt;

use super::{Arch, Libc, Platform, PythonVersion, Target};

/// One compatibility tag: `cp311-abi3-manylinux_2_17_x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Python tag.
    pub python: String,
    /// ABI tag.
    pub abi: String,
    /// Platform tag.
    pub platform: String,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

impl Target {
    /// Every tag that this target can use, best first: `packaging`'s `cpython_tags`, then its `compatible_tags`.
    #[must_use]
    pub fn tags(&self) -> Vec<Tag> {
        let platforms = self.platform.tags();
        let interpreter = cpython(self.python.minor);
        let mut tags = Vec::new();
        for (python, abi) in platform_pairs(self.python) {
            tags.extend(platforms.iter().map(|platform| Tag {
                python: python.clone(),
                abi: abi.clone(),
                platform: platform.clone(),
            }));
        }
        let anywhere = |python: String| Tag {
            python,
            abi: "none".to_owned(),
            platform: "any".to_owned(),
        };
        tags.push(anywhere(interpreter));
        tags.extend(generic_pythons(self.python.minor).map(anywhere));
        tags
    }
}

impl Platform {
    /// The platform tags that this platform can use, best first.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let arch = self.arch.as_str();
        let mut tags = vec![format!("linux_{arch}")];
        match self.libc {
            Libc::Glibc { minor } => {
                for minor in (oldest_glibc(self.arch)..=minor).rev() {
                    tags.push(format!("manylinux_2_{minor}_{arch}"));
                    tags.extend(legacy_alias(minor).map(|alias| format!("{alias}_{arch}")));
                }
            }
            Libc::Musl { minor } => {
                let all = (0..=minor).rev();
                tags.extend(all.map(|minor| format!("musllinux_1_{minor}_{arch}")));
            }
        }
        tags
    }
}

/// Pairs of Python tag and ABI tag that are tied to a platform, best first.
fn platform_pairs(python: PythonVersion) -> Vec<(String, String)> {
    let interpreter = cpython(python.minor);
    // Free-threaded builds cannot load the classic stable ABI; PEP 803 gives them one of their own.
    let (suffix, stable) = if python.free_threaded {
        ("t", "abi3t")
    } else {
        ("", "abi3")
    };
    let own = format!("{interpreter}{suffix}");
    let mut pairs: Vec<_> = [own.as_str(), stable, "none"]
        .map(|abi| (interpreter.clone(), abi.to_owned()))
        .into();
    // The stable ABI began with Python 3.2 (PEP 384).
    let older = (2..python.minor).rev();
    pairs.extend(older.map(|minor| (cpython(minor), stable.to_owned())));
    pairs.extend(generic_pythons(python.minor).map(|python| (python, "none".to_owned())));
    pairs
}

/// `py313`, `py3`, `py312` … `py30`.
fn generic_pythons(minor: u8) -> impl Iterator<Item = String> {
    [format!("py3{minor}"), "py3".to_owned()]
        .into_iter()
        .chain((0..minor).rev().map(|minor| format!("py3{minor}")))
}

fn cpython(minor: u8) -> String {
    format!("cp3{minor}")
}

/// The oldest 2.x for which `packaging` makes tags on this architecture.
fn oldest_glibc(arch: Arch) -> u16 {
    match arch {
        Arch::X86_64 | Arch::I686 => 5,
        _ => 17,
    }
}

/// The name that glibc 2.`minor` had before PEP 600.
fn legacy_alias(minor: u16) -> Option<&'static str> {
    match minor {
        17 => Some("manylinux2014"),
        12 => Some("manylinux2010"),
        5 => Some("manylinux1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("testdata/tags.txt");

    /// The targets of the golden file with their tags written out.
    fn golden() -> Vec<(Target, Vec<String>)> {
        let mut targets: Vec<(Target, Vec<String>)> = Vec::new();
        let mut platforms: Vec<&str> = Vec::new();
        for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
            if let Some(text) = line.strip_prefix("target ") {
                let (python, platform) = text.split_once(' ').unwrap();
                let target = Target {
                    python: python.parse().unwrap(),
                    platform: platform.parse().unwrap(),
                };
                targets.push((target, Vec::new()));
            } else if let Some(text) = line.strip_prefix("platforms ") {
                platforms = text.split(' ').collect();
            } else {
                let (_, tags) = targets.last_mut().unwrap();
                match line.matches('-').count() {
                    1 => tags.extend(
                        platforms
                            .iter()
                            .map(|platform| format!("{line}-{platform}")),
                    ),
                    _ => tags.push(line.to_owned()),
                }
            }
        }
        targets
    }

    #[test]
    fn tags_are_those_of_packaging() {
        let golden = golden();
        assert_eq!(golden.len(), 9);
        for (target, expected) in golden {
            let tags: Vec<_> = target.tags().iter().map(Tag::to_string).collect();
            assert_eq!(tags, expected, "{target:?}");
        }
    }

    #[test]
    fn a_glibc_older_than_every_wheel_leaves_the_plain_platform() {
        let platform: Platform = "aarch64-manylinux_2_12".parse().unwrap();
        assert_eq!(platform.tags(), ["linux_aarch64"]);
    }
}
