//! Markers: the environment that a target gives to them, the marker that describes a target, and their evaluation (PEP 508).
//!
//! Refuses to answer what an image's description cannot know: the release and version of the running kernel.

use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder};
use pep508_rs::{MarkerTree, MarkerTreeKind, MarkerValueString, VerbatimUrl};

use super::Target;

/// Why a marker has no answer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MarkerError {
    /// It is no marker.
    #[error("`{marker}` is not an environment marker")]
    #[diagnostic(help("the package's metadata is wrong; try another version of it"))]
    Syntax {
        /// The marker as written.
        marker: String,
        /// What is wrong where.
        #[source]
        source: Box<pep508_rs::Pep508Error<VerbatimUrl>>,
    },
    /// It holds a character that no marker may hold.
    #[error("`{marker}` is not an environment marker: it contains `{character}`")]
    #[diagnostic(help("markers are plain ASCII (PEP 508)"))]
    Character {
        /// The marker as written.
        marker: String,
        /// The first such character.
        character: char,
    },
    /// Its answer depends on the kernel of the machine that runs the image.
    #[error(
        "the marker `{marker}` depends on `{variable}`, which the description of an image does not contain"
    )]
    #[diagnostic(help(
        "pin the package to a version without this marker, in the constraints or the requirements"
    ))]
    Unknowable {
        /// The marker as written.
        marker: String,
        /// `platform_release` or `platform_version`.
        variable: String,
    },
}

impl Target {
    /// The values of the marker variables on this target. A patch number that is not stated counts as 0;
    /// `platform_release` and `platform_version` are empty, so use [`evaluate`] for markers of strangers.
    #[must_use]
    pub fn marker_environment(&self) -> MarkerEnvironment {
        let full = self.python.full();
        let values = MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name: "posix",
            platform_machine: self.platform.arch.as_str(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: &full,
            python_version: &self.python.short(),
            sys_platform: "linux",
        };
        MarkerEnvironment::try_from(values).expect("`3.N` and `3.N.M` are PEP 440 versions")
    }

    /// The marker that holds on this target and on no other Python, system or architecture. It covers all patch
    /// numbers of the Python and does not tell C libraries apart: markers cannot.
    #[must_use]
    pub fn marker(&self) -> String {
        let minor = self.python.minor;
        format!(
            "python_full_version >= '3.{minor}' and python_full_version < '3.{next}' and sys_platform == 'linux' \
             and platform_machine == '{machine}' and implementation_name == 'cpython'",
            next = u16::from(minor) + 1,
            machine = self.platform.arch.as_str(),
        )
    }
}

/// Reads a marker (PEP 508).
///
/// # Errors
/// [`MarkerError`] when it is none.
pub fn parse_marker(marker: &str) -> Result<MarkerTree, MarkerError> {
    // The grammar is ASCII, and the parser counts characters where it cuts bytes: on others it would panic.
    if let Some(character) = marker.chars().find(|c| !c.is_ascii()) {
        return Err(MarkerError::Character {
            marker: marker.to_owned(),
            character,
        });
    }
    MarkerTree::parse_str::<VerbatimUrl>(marker).map_err(|source| MarkerError::Syntax {
        marker: marker.to_owned(),
        source: Box::new(source),
    })
}

/// Whether `marker` applies to `target` when `extras` are requested.
///
/// # Errors
/// [`MarkerError`] when it is no marker, or when its answer turns on `platform_release` or `platform_version`
/// (`sys_platform == 'darwin' and platform_release > '20'` is simply false).
pub fn evaluate(marker: &str, target: &Target, extras: &[ExtraName]) -> Result<bool, MarkerError> {
    let tree = parse_marker(marker)?;
    answer(&tree, &target.marker_environment(), extras).map_err(|variable| {
        MarkerError::Unknowable {
            marker: marker.to_owned(),
            variable: variable.to_string(),
        }
    })
}

/// Walks the decision diagram; below an unknowable variable all branches must agree.
fn answer(
    tree: &MarkerTree,
    environment: &MarkerEnvironment,
    extras: &[ExtraName],
) -> Result<bool, MarkerValueString> {
    let next = |tree: &MarkerTree| answer(tree, environment, extras);
    match tree.kind() {
        MarkerTreeKind::True => Ok(true),
        MarkerTreeKind::False => Ok(false),
        MarkerTreeKind::Version(node) => {
            let value = environment.get_version(node.key());
            let mut edges = node.edges();
            let edge = edges.find(|(range, _)| range.contains(value));
            edge.map_or(Ok(false), |(_, tree)| next(&tree))
        }
        MarkerTreeKind::String(node) if unknowable(node.key()) => {
            let answers = node.children().map(|(_, tree)| next(&tree));
            agreement(answers, node.key())
        }
        MarkerTreeKind::String(node) => {
            let value = environment.get_string(node.key()).to_owned();
            let mut children = node.children();
            let child = children.find(|(range, _)| range.contains(&value));
            child.map_or(Ok(false), |(_, tree)| next(&tree))
        }
        MarkerTreeKind::In(node) if unknowable(node.key()) => {
            agreement(node.children().map(|(_, tree)| next(&tree)), node.key())
        }
        MarkerTreeKind::In(node) => {
            let value = environment.get_string(node.key());
            next(&node.edge(node.value().contains(value)))
        }
        MarkerTreeKind::Contains(node) if unknowable(node.key()) => {
            agreement(node.children().map(|(_, tree)| next(&tree)), node.key())
        }
        MarkerTreeKind::Contains(node) => {
            let value = environment.get_string(node.key());
            next(&node.edge(value.contains(node.value())))
        }
        MarkerTreeKind::Extra(node) => {
            let asked = |extra: &ExtraName| extra.as_ref() == node.name().to_string();
            next(&node.edge(extras.iter().any(asked)))
        }
    }
}

fn unknowable(variable: &MarkerValueString) -> bool {
    matches!(
        variable,
        MarkerValueString::PlatformRelease
            | MarkerValueString::PlatformVersion
            | MarkerValueString::PlatformVersionDeprecated
    )
}

/// The answer that all branches give, or else the variable that parts them.
fn agreement(
    answers: impl Iterator<Item = Result<bool, MarkerValueString>>,
    variable: &MarkerValueString,
) -> Result<bool, MarkerValueString> {
    let mut agreed = None;
    for answer in answers {
        let answer = answer?;
        if *agreed.get_or_insert(answer) != answer {
            return Err(variable.clone());
        }
    }
    Ok(agreed.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(python: &str, platform: &str) -> Target {
        Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        }
    }

    fn holds(marker: &str, python: &str) -> bool {
        evaluate(marker, &target(python, "aarch64-musllinux_1_2"), &[]).unwrap()
    }

    #[test]
    fn markers_are_answered_for_the_image() {
        for (marker, expected) in [
            ("python_version >= '3.10'", true),
            ("python_version < '3.9'", false),
            ("python_version in '3.8 3.9'", false),
            ("python_full_version < '3.13.1'", false),
            ("implementation_version == '3.13.2'", true),
            ("implementation_name == 'cpython'", true),
            ("platform_python_implementation != 'PyPy'", true),
            ("platform_system == 'Linux' and os_name == 'posix'", true),
            ("platform_machine == 'aarch64'", true),
            ("platform_machine in 'x86_64 amd64'", false),
            ("'linux' in sys_platform", true),
            ("sys_platform == 'win32' or extra == 'html'", false),
        ] {
            assert_eq!(holds(marker, "3.13.2"), expected, "{marker}");
        }
    }

    #[test]
    fn a_patch_number_that_is_not_stated_is_zero() {
        assert!(holds("python_full_version < '3.11.3'", "3.11"));
        assert!(!holds("python_full_version < '3.11.3'", "3.11.7"));
    }

    #[test]
    fn extras_are_compared_normalised() {
        let target = target("3.12", "x86_64-manylinux_2_28");
        let extras = ["Foo_Bar".parse().unwrap()];
        assert!(evaluate("extra == 'foo.bar'", &target, &extras).unwrap());
        assert!(!evaluate("extra == 'foo'", &target, &extras).unwrap());
    }

    #[test]
    fn a_marker_that_turns_on_the_kernel_is_refused_by_name() {
        let target = target("3.12", "x86_64-manylinux_2_28");
        for (marker, variable) in [
            ("platform_release >= '5'", "platform_release"),
            ("'Ubuntu' in platform_version", "platform_version"),
            ("platform.version in 'a b'", "platform_version"),
            (
                "sys_platform == 'linux' and platform_release >= '5'",
                "platform_release",
            ),
        ] {
            let message = evaluate(marker, &target, &[]).unwrap_err().to_string();
            assert!(message.contains(marker), "{message}");
            assert!(message.contains(&format!("`{variable}`")), "{message}");
        }
    }

    #[test]
    fn a_marker_that_merely_mentions_the_kernel_is_answered() {
        let target = target("3.12", "x86_64-manylinux_2_28");
        for (marker, expected) in [
            (
                "sys_platform == 'darwin' and platform_release >= '20'",
                false,
            ),
            ("'Darwin' in platform_version and os_name == 'nt'", false),
            ("python_version >= '3' or platform_release == 'x'", true),
        ] {
            assert_eq!(
                evaluate(marker, &target, &[]).unwrap(),
                expected,
                "{marker}"
            );
        }
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        let target = target("3.12", "x86_64-manylinux_2_28");
        let error = evaluate("sys_platform = 'linux'", &target, &[]).unwrap_err();
        assert!(matches!(error, MarkerError::Syntax { .. }));
    }

    #[test]
    fn a_target_is_described_by_a_marker_that_holds_on_it_alone() {
        let targets = [
            target("3.9", "x86_64-manylinux_2_31"),
            target("3.9", "aarch64-manylinux_2_31"),
            target("3.10.4", "x86_64-manylinux_2_31"),
        ];
        for described in &targets {
            for other in &targets {
                let holds = evaluate(&described.marker(), other, &[]).unwrap();
                assert_eq!(holds, described == other, "{}", described.marker());
            }
        }
    }
}
