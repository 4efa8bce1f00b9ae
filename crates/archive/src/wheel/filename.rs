//! File names of wheels (PEP 427): parse, print back, and choose the best one for a target.
//!
//! Refuses to normalise: an index knows a file only by the name as it spelled it.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use pannier_base::name::PackageName;
use pannier_base::platform::Tag;

/// A wheel's file name: parses and prints back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WheelFilename {
    /// Project.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    build: Option<BuildTag>,
    pythons: Vec<String>,
    abis: Vec<String>,
    platforms: Vec<String>,
    text: String,
}

/// A build tag: a number and what follows it. Orders as PEP 427 has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildTag {
    /// The leading digits.
    pub number: u64,
    /// The rest, often empty.
    pub rest: String,
}

/// How well a wheel fits a target: the lowest one fits best.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    tag: usize,
    build: Reverse<Option<BuildTag>>,
}

/// Why a text is not a wheel's file name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a wheel file name: {problem}")]
#[diagnostic(help("a wheel is called `NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl`"))]
pub struct FilenameError {
    text: String,
    problem: FilenameProblem,
}

/// The part of a wheel's file name that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum FilenameProblem {
    #[error("it does not end with `.whl`")]
    Extension,
    #[error("it contains the character {0:?}")]
    Character(char),
    #[error("it has {0} parts between dashes, expected 5 or 6")]
    Parts(usize),
    #[error("{0}")]
    Name(pannier_base::name::NameError),
    #[error("`{0}` is not a version (PEP 440)")]
    Version(String),
    #[error("the build tag `{0}` does not start with a digit")]
    BuildStart(String),
    #[error("the number of the build tag `{0}` is too large")]
    BuildNumber(String),
    #[error("the {part} tag `{tag}` has an empty part")]
    EmptyTag { part: &'static str, tag: String },
}

impl WheelFilename {
    /// How well this wheel fits a target with these `tags` (best first); lower is better. The best of its tags counts,
    /// and of equal ones the higher build tag. `None`: it does not fit.
    #[must_use]
    pub fn rank(&self, tags: &[Tag]) -> Option<Rank> {
        let tag = tags.iter().position(|tag| {
            self.pythons.contains(&tag.python)
                && self.abis.contains(&tag.abi)
                && self.platforms.contains(&tag.platform)
        })?;
        Some(Rank {
            tag,
            build: Reverse(self.build.clone()),
        })
    }

    /// The wheel of `candidates` (one version of one project) that fits best; of equal ones the first.
    pub fn best<'a>(
        candidates: impl IntoIterator<Item = &'a WheelFilename>,
        tags: &[Tag],
    ) -> Option<&'a WheelFilename> {
        let ranked = candidates
            .into_iter()
            .filter_map(|candidate| Some((candidate.rank(tags)?, candidate)));
        ranked
            .min_by(|(left, _), (right, _)| left.cmp(right))
            .map(|(_, candidate)| candidate)
    }

    /// Whether it is `…-none-any`: one wheel for every platform.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.abis == ["none"] && self.platforms == ["any"]
    }

    /// The build tag, if it has one.
    #[must_use]
    pub fn build(&self) -> Option<&BuildTag> {
        self.build.as_ref()
    }

    /// Every tag that the compressed sets of the name stand for.
    pub fn tags(&self) -> impl Iterator<Item = Tag> + '_ {
        self.pythons.iter().flat_map(move |python| {
            self.abis.iter().flat_map(move |abi| {
                self.platforms.iter().map(move |platform| Tag {
                    python: python.clone(),
                    abi: abi.clone(),
                    platform: platform.clone(),
                })
            })
        })
    }

    fn parse(text: &str) -> Result<Self, FilenameProblem> {
        let stem = text.strip_suffix(".whl");
        let stem = stem.ok_or(FilenameProblem::Extension)?;
        let plain = |c: &char| c.is_ascii_alphanumeric() || "._-+!".contains(*c);
        if let Some(other) = stem.chars().find(|c| !plain(c)) {
            return Err(FilenameProblem::Character(other));
        }
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts[..] {
            [name, version, python, abi, platform] => {
                (name, version, None, [python, abi, platform])
            }
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(FilenameProblem::Parts(parts.len())),
        };
        let [python, abi, platform] = tags;
        Ok(Self {
            name: name.parse().map_err(FilenameProblem::Name)?,
            version: parse_version(version)
                .ok_or_else(|| FilenameProblem::Version(version.to_owned()))?,
            build: build.map(parse_build).transpose()?,
            pythons: split_tag("Python", python)?,
            abis: split_tag("ABI", abi)?,
            platforms: split_tag("platform", platform)?,
            text: text.to_owned(),
        })
    }
}

/// Reads a version as file and folder names of wheels spell it: `-` stands as `_` there.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    let spelled: Result<Version, _> = text.parse();
    spelled.or_else(|_| text.replace('_', "-").parse()).ok()
}

fn parse_build(text: &str) -> Result<BuildTag, FilenameProblem> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    if number.is_empty() {
        return Err(FilenameProblem::BuildStart(text.to_owned()));
    }
    let number = number.parse();
    Ok(BuildTag {
        number: number.map_err(|_| FilenameProblem::BuildNumber(text.to_owned()))?,
        rest: rest.to_owned(),
    })
}

/// Splits a compressed tag set; tags compare without case, as `packaging` does it.
fn split_tag(part: &'static str, text: &str) -> Result<Vec<String>, FilenameProblem> {
    let tags: Vec<String> = text.split('.').map(str::to_ascii_lowercase).collect();
    if tags.iter().any(String::is_empty) {
        let tag = text.to_owned();
        return Err(FilenameProblem::EmptyTag { part, tag });
    }
    Ok(tags)
}

impl FromStr for WheelFilename {
    type Err = FilenameError;

    /// Takes a file name without folder, percent-decoded.
    fn from_str(text: &str) -> Result<Self, FilenameError> {
        Self::parse(text).map_err(|problem| FilenameError {
            text: text.to_owned(),
            problem,
        })
    }
}

impl TryFrom<String> for WheelFilename {
    type Error = FilenameError;
    fn try_from(text: String) -> Result<Self, FilenameError> {
        text.parse()
    }
}

impl From<WheelFilename> for String {
    fn from(filename: WheelFilename) -> Self {
        filename.text
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use pannier_base::platform::Target;

    fn wheel(text: &str) -> WheelFilename {
        text.parse().expect(text)
    }

    fn tags(python: &str, platform: &str) -> Vec<Tag> {
        let target = Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        };
        target.tags()
    }

    #[test]
    fn names_of_real_wheels_print_back() {
        for (text, name, version) in [
            (
                "PyYAML-6.0.2-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                "pyyaml",
                "6.0.2",
            ),
            (
                "zope.interface-5.4.0-cp38-cp38-manylinux2010_x86_64.whl",
                "zope-interface",
                "5.4.0",
            ),
            (
                "ruamel_yaml_clib-0.2.8-cp311-cp311-musllinux_1_1_x86_64.whl",
                "ruamel-yaml-clib",
                "0.2.8",
            ),
            (
                "torch-2.0.0+cpu-cp311-cp311-linux_x86_64.whl",
                "torch",
                "2.0.0+cpu",
            ),
            ("a-1!2.0rc1-2_b-py2.py3-none-any.whl", "a", "1!2.0rc1"),
            ("a-1.0_1-py3-none-any.whl", "a", "1.0.post1"),
            (
                "jenkins-1.0.2.dev3-py3-none-any.whl",
                "jenkins",
                "1.0.2.dev3",
            ),
        ] {
            let wheel = wheel(text);
            assert_eq!(wheel.to_string(), text);
            assert_eq!(wheel.name.as_str(), name);
            assert_eq!(wheel.version, version.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn each_way_of_being_malformed_is_said() {
        for (text, part) in [
            ("a-1-py3-none-any.zip", "does not end with `.whl`"),
            ("a-1-py3-none-any.whl.metadata", "does not end with `.whl`"),
            ("../a-1-py3-none-any.whl", "the character '/'"),
            ("a-1-py3-none-any\n.whl", "the character '\\n'"),
            ("ä-1-py3-none-any.whl", "the character 'ä'"),
            ("a-1-py3.whl", "it has 3"),
            ("a-1-1-py3-none-any-x.whl", "it has 7"),
            ("-1-py3-none-any.whl", "`` is not a valid package name"),
            ("_a-1-py3-none-any.whl", "start and end"),
            ("a-one-py3-none-any.whl", "`one` is not a version"),
            (
                "a-1-x1-py3-none-any.whl",
                "`x1` does not start with a digit",
            ),
            ("a-1--py3-none-any.whl", "`` does not start with a digit"),
            ("a-1-99999999999999999999-py3-none-any.whl", "too large"),
            (
                "a-1-py3.-none-any.whl",
                "the Python tag `py3.` has an empty part",
            ),
            ("a-1-py3--any.whl", "the ABI tag `` has an empty part"),
            ("a-1-py3-none-.whl", "the platform tag `` has an empty part"),
        ] {
            let error = text.parse::<WheelFilename>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_best_tag_wins() {
        let tags = tags("3.11", "x86_64-manylinux_2_28");
        let best_first = [
            "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1-cp311-abi3-manylinux1_x86_64.whl",
            "a-1-CP38-ABI3-manylinux2014_x86_64.whl",
            "a-1-py3-none-linux_x86_64.whl",
            "a-1-py311-none-any.whl",
            "a-1-py2.py3-none-any.whl",
        ]
        .map(wheel);
        for (i, expected) in best_first.iter().enumerate() {
            let candidates = best_first[i..].iter().rev();
            assert_eq!(WheelFilename::best(candidates, &tags), Some(expected));
        }
        for other in [
            "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_31_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_17_aarch64.whl",
            "a-1-cp311-cp311-musllinux_1_1_x86_64.whl",
            "a-1-py2-none-any.whl",
        ] {
            assert_eq!(wheel(other).rank(&tags), None, "{other}");
        }
    }

    #[test]
    fn ties_go_to_the_higher_build_tag() {
        let tags = tags("3.11", "x86_64-manylinux_2_28");
        let best_first = [
            "a-1-10-py3-none-any.whl",
            "a-1-9b-py3-none-any.whl",
            "a-1-9a-py3-none-any.whl",
            "a-1-9-py3-none-any.whl",
            "a-1-py3-none-any.whl",
        ]
        .map(wheel);
        for pair in best_first.windows(2) {
            assert!(pair[0].rank(&tags) < pair[1].rank(&tags), "{}", pair[0]);
        }
        let best = WheelFilename::best(best_first.iter().rev(), &tags);
        assert_eq!(best, Some(&best_first[0]));
        let newer = wheel("a-1-99-py2.py3-none-any.whl");
        let closer = wheel("a-1-py311-none-any.whl");
        assert!(closer.rank(&tags) < newer.rank(&tags));
    }

    #[test]
    fn pure_means_any_abi_and_any_platform() {
        assert!(wheel("a-1-py3-none-any.whl").is_pure());
        assert!(wheel("a-1-cp311-none-any.whl").is_pure());
        assert!(!wheel("a-1-py3-none-linux_x86_64.whl").is_pure());
        assert!(!wheel("a-1-cp311-abi3-any.whl").is_pure());
    }

    #[test]
    fn compressed_sets_expand_to_their_product() {
        let tags: Vec<_> = wheel("a-1-py2.py3-none-x.y.whl")
            .tags()
            .map(|tag| tag.to_string())
            .collect();
        assert_eq!(
            tags,
            ["py2-none-x", "py2-none-y", "py3-none-x", "py3-none-y"]
        );
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails_and_prints_back(text in ".{0,40}|[a-z0-9._]{1,5}(-[a-z0-9._+]{1,4}){3,6}\\.whl") {
            if let Ok(wheel) = text.parse::<WheelFilename>() {
                prop_assert_eq!(wheel.to_string(), text);
            }
        }

        #[test]
        fn well_formed_names_parse(
            text in "[A-Za-z][A-Za-z0-9]{0,5}-[0-9]{1,3}(\\.[0-9]{1,3}){0,2}(-[0-9]{1,4}[a-z]{0,2})?-(py3|cp311\\.cp312)-(none|abi3)-(any|linux_x86_64)\\.whl"
        ) {
            prop_assert_eq!(wheel(&text).to_string(), text);
        }
    }
}
