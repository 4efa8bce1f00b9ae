//! The dependencies between the packages of one image, by their own metadata: pure.
//!
//! Checks the same as `pip check` (all requirements satisfied, Python supported) for an image that is not running, and finds the
//! packages that a change affects. Reads the metadata of the wheels, because that of an index may differ.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, Requirement, VerbatimUrl, VersionOrUrl};

use crate::constraints::parse_requirement;
use pannier_base::name::PackageName;
use pannier_base::platform::{Target, evaluate};

/// A package as its wheel describes it.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// Its name.
    pub name: &'a PackageName,
    /// Its version, as written.
    pub version: &'a str,
    /// `Requires-Dist` lines.
    pub requires_dist: &'a [String],
    /// `Requires-Python`.
    pub requires_python: Option<&'a str>,
}

/// The extras that are asked of packages.
pub type Extras = BTreeMap<PackageName, BTreeSet<ExtraName>>;

/// Who needs what in one image.
#[derive(Debug, Default)]
pub struct Needs {
    /// Package and what it needs here.
    edges: BTreeSet<(PackageName, PackageName)>,
    /// What is not as it has to be, with the package that says so; one line each.
    pub problems: Vec<(PackageName, String)>,
    /// Requirements that could not be judged; one line each.
    pub unclear: Vec<String>,
}

/// Looks at all packages of an image. `extras` are those that the request asks for.
#[must_use]
pub fn needs(packages: &[Installed<'_>], target: &Target, extras: Extras) -> Needs {
    let versions: BTreeMap<&PackageName, &str> = packages
        .iter()
        .map(|package| (package.name, package.version))
        .collect();
    let mut extras = extras;
    // An extra of one package may ask for an extra of another: until nothing is new.
    loop {
        let before: usize = extras.values().map(BTreeSet::len).sum();
        let mut needs = Needs::default();
        for package in packages {
            look(package, &versions, target, &mut extras, &mut needs);
        }
        if extras.values().map(BTreeSet::len).sum::<usize>() == before {
            return needs;
        }
    }
}

fn look(
    package: &Installed<'_>,
    versions: &BTreeMap<&PackageName, &str>,
    target: &Target,
    extras: &mut Extras,
    needs: &mut Needs,
) {
    let shown = format!("{} {}", package.name, package.version);
    if let Some(text) = package.requires_python {
        match text.parse::<VersionSpecifiers>() {
            Ok(specifiers) if !crate::lock::python_allowed(&specifiers, target) => {
                let problem = format!("{shown} requires Python {text}, this is {}", target.python);
                needs.problems.push((package.name.clone(), problem));
            }
            Ok(_) => {}
            Err(_) => needs
                .unclear
                .push(format!("{shown}: Requires-Python `{text}`")),
        }
    }
    let asked: Vec<ExtraName> = extras
        .get(package.name)
        .map(|asked| asked.iter().cloned().collect())
        .unwrap_or_default();
    for line in package.requires_dist {
        let Ok(requirement) = parse_requirement(line) else {
            needs.unclear.push(format!("{shown}: `{line}`"));
            continue;
        };
        match applies(&requirement, target, &asked) {
            Some(true) => {}
            Some(false) => continue,
            None => {
                needs.unclear.push(format!("{shown}: `{line}`"));
                continue;
            }
        }
        let Ok(name) = requirement.name.to_string().parse::<PackageName>() else {
            continue;
        };
        let wanted = extras.entry(name.clone()).or_default();
        wanted.extend(requirement.extras.iter().cloned());
        let what = match &requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => format!("{name}{specifiers}"),
            _ => name.to_string(),
        };
        match versions.get(&name) {
            None => {
                let problem = format!("{shown} requires {what}, which is not installed");
                needs.problems.push((package.name.clone(), problem));
            }
            Some(version) if !meets(&requirement, version) => {
                let problem = format!("{shown} requires {what}, but it is {version}");
                needs.problems.push((package.name.clone(), problem));
            }
            Some(_) => {}
        }
        needs.edges.insert((package.name.clone(), name));
    }
}

/// Whether the requirement holds here; `None` when nobody can tell.
fn applies(
    requirement: &Requirement<VerbatimUrl>,
    target: &Target,
    asked: &[ExtraName],
) -> Option<bool> {
    match requirement.marker.contents() {
        None => Some(!requirement.marker.is_false()),
        Some(marker) => evaluate(&marker.to_string(), target, asked).ok(),
    }
}

fn meets(requirement: &Requirement<VerbatimUrl>, version: &str) -> bool {
    match (&requirement.version_or_url, version.parse::<Version>()) {
        (Some(VersionOrUrl::VersionSpecifier(specifiers)), Ok(version)) => {
            // A bound says nothing about local versions (PEP 440).
            specifiers.contains(&version) || specifiers.contains(&version.without_local())
        }
        _ => true,
    }
}

impl Needs {
    /// The packages and everything that needs one of them, however far off.
    #[must_use]
    pub fn reach(&self, packages: &BTreeSet<PackageName>) -> BTreeSet<PackageName> {
        let mut reached = packages.clone();
        loop {
            let more: BTreeSet<PackageName> = self
                .edges
                .iter()
                .filter(|(one, needed)| reached.contains(needed) && !reached.contains(one))
                .map(|(one, _)| one.clone())
                .collect();
            if more.is_empty() {
                return reached;
            }
            reached.extend(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Described(PackageName, &'static str, Vec<String>, Option<&'static str>);

    fn package(text: &str, version: &'static str, requires: &[&str]) -> Described {
        let requires = requires.iter().map(|line| (*line).to_owned()).collect();
        Described(text.parse().unwrap(), version, requires, None)
    }

    fn judged(packages: &[Described], extras: Extras) -> Needs {
        let installed: Vec<Installed<'_>> = packages
            .iter()
            .map(
                |Described(name, version, requires_dist, python)| Installed {
                    name,
                    version,
                    requires_dist,
                    requires_python: *python,
                },
            )
            .collect();
        let target = Target {
            python: "3.11".parse().unwrap(),
            platform: "x86_64-manylinux_2_36".parse().unwrap(),
        };
        needs(&installed, &target, extras)
    }

    fn problems(packages: &[Described]) -> Vec<String> {
        let found = judged(packages, Extras::new()).problems;
        found.into_iter().map(|(_, problem)| problem).collect()
    }

    #[test]
    fn what_is_missing_or_of_the_wrong_version_is_told() {
        let mut old = package("old", "1", &[]);
        old.3 = Some("<3.11");
        let packages = [
            package(
                "a",
                "1",
                &["B>=2", "c", "d; python_version < '3'", "e (<2)"],
            ),
            package("b", "1.9", &[]),
            package("e", "1.0rc1+cpu", &["b @ https://example.org/b.whl"]),
            old,
        ];
        insta::assert_snapshot!(problems(&packages).join("\n"), @r"
        a 1 requires b>=2, but it is 1.9
        a 1 requires c, which is not installed
        old 1 requires Python <3.11, this is 3.11
        ");
    }

    #[test]
    fn extras_count_where_anybody_asks_for_them() {
        let packages = || {
            [
                package("a", "1", &["b[X]"]),
                package("b", "1", &["c[y]; extra == 'x'", "nothing; extra == 'z'"]),
                package("c", "1", &["missing; extra == 'y'"]),
            ]
        };
        assert_eq!(
            problems(&packages()),
            ["c 1 requires missing, which is not installed"]
        );
        let asked = Extras::from([("b".parse().unwrap(), ["z".parse().unwrap()].into())]);
        assert_eq!(judged(&packages(), asked).problems.len(), 2);
    }

    #[test]
    fn a_requirement_that_nobody_can_judge_is_no_problem() {
        let packages = [package("a", "1", &["b; platform_release > '5'", "???"])];
        let found = judged(&packages, Extras::new());
        assert!(found.problems.is_empty());
        assert_eq!(found.unclear.len(), 2);
    }

    #[test]
    fn a_change_reaches_what_needs_it_however_far_off() {
        let packages = [
            package("app", "1", &["lib"]),
            package("lib", "1", &["base"]),
            package("base", "1", &[]),
            package("other", "1", &[]),
        ];
        let needs = judged(&packages, Extras::new());
        let reach = needs.reach(&["base".parse().unwrap()].into());
        let reach: Vec<_> = reach.iter().map(PackageName::as_str).collect();
        assert_eq!(reach, ["app", "base", "lib"]);
    }
}
