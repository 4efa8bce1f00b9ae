//! What the overrides of a request mean for this resolution: which of its sources they stand in for, which constraints they
//! set aside, and which of them nothing asked for.
//!
//! Names of packages are only known once their metadata is. So a source counts as a package's by the name that the request
//! states, else by what the earlier lock says of it, else by the last component of where it is; and the override has to be
//! of that name itself.

use std::borrow::Cow;
use std::collections::BTreeSet;

use pep440_rs::VersionSpecifiers;

use crate::constraints::ConstraintLine;
use crate::lock::model::{Lock, LockedSource};
use crate::request::overrides::{Override, OverrideName, OverrideValue, Overrides, Unmatched};
use crate::request::{PackageRequest, ProjectSource, Request};
use crate::resolve::error::ResolveError;
use crate::resolve::model::Wanted;
use crate::resolve::source_id::Revision;
use crate::resolve::source_id::{Origin, shown};
use pannier_base::event::Reporter;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;

/// The overrides, and what is known of the names that they may be about.
pub(super) struct Overriding<'a> {
    overrides: &'a Overrides,
    previous: Option<&'a Lock>,
    request: &'a Request,
    /// Names that an earlier attempt found to be in the result.
    found: BTreeSet<PackageName>,
}

impl<'a> Overriding<'a> {
    /// `found` are the names that an earlier attempt led to.
    pub(super) fn of(wanted: &Wanted<'a>, found: BTreeSet<PackageName>) -> Self {
        Self {
            overrides: &wanted.request.overrides,
            previous: wanted.previous,
            request: wanted.request,
            found,
        }
    }

    /// The override of a package.
    pub(super) fn package(&self, name: &PackageName) -> Option<&'a Override> {
        self.overrides.of(name.as_str())
    }

    /// The version that the package is overridden with, when it is to come from the index.
    pub(super) fn version(&self, name: &PackageName) -> Option<&'a VersionSpecifiers> {
        match &self.package(name)?.value {
            OverrideValue::Version(specifiers) => Some(specifiers),
            OverrideValue::Git { .. } | OverrideValue::File { .. } => None,
        }
    }

    /// Packages that are overridden with a version of the index, and that version.
    pub(super) fn versions(&self) -> impl Iterator<Item = (PackageName, &'a VersionSpecifiers)> {
        self.overrides
            .list
            .iter()
            .filter_map(|one| match &one.value {
                OverrideValue::Version(specifiers) => Some((one.name.package()?, specifiers)),
                OverrideValue::Git { .. } | OverrideValue::File { .. } => None,
            })
    }

    /// The name of the package that a source of the request is, when that package is overridden.
    pub(super) fn stands_for(&self, package: &PackageRequest) -> Option<PackageName> {
        if self.overrides.list.is_empty() {
            return None;
        }
        let known = package
            .name
            .clone()
            .or_else(|| self.locked(&package.source));
        let name = known.or_else(|| last_component(&package.source)?.parse().ok())?;
        self.package(&name).map(|_| name)
    }

    /// What the earlier lock says a source is called.
    fn locked(&self, source: &ProjectSource) -> Option<PackageName> {
        let packages = &self.previous?.packages;
        let same = packages
            .iter()
            .find(|package| match (source, &package.source) {
                (
                    ProjectSource::Git {
                        repository,
                        revision,
                        subdirectory,
                    },
                    LockedSource::Git {
                        repository: locked,
                        requested_revision: Some(requested),
                        subdirectory: folder,
                        ..
                    },
                ) => {
                    Revision::new(repository, revision) == Revision::new(locked, requested)
                        && subdirectory == folder
                }
                (ProjectSource::Directory { path }, LockedSource::Directory { path: locked }) => {
                    path == std::path::Path::new(locked)
                }
                _ => false,
            });
        same.map(|package| package.name.clone())
    }

    /// The overrides with a source of their own whose package is requested, as far as known before anything is built, with
    /// what they stand in for.
    pub(super) fn expected(&self) -> Vec<(PackageName, Origin)> {
        let mut names: BTreeSet<PackageName> = self.found.clone();
        let mut folders: Vec<(PackageName, String)> = Vec::new();
        for image in &self.request.images {
            for package in &image.packages {
                if let Some(name) = self.stands_for(package) {
                    if let ProjectSource::Git {
                        subdirectory: Some(folder),
                        ..
                    } = &package.source
                    {
                        folders.push((name.clone(), folder.clone()));
                    }
                    names.insert(name);
                }
            }
            let required = image.requirements.iter();
            names.extend(required.filter_map(|one| one.name.to_string().parse().ok()));
        }
        for package in self.previous.iter().flat_map(|lock| &lock.packages) {
            if let LockedSource::Git {
                subdirectory: Some(folder),
                ..
            } = &package.source
            {
                folders.push((package.name.clone(), folder.clone()));
            }
            names.insert(package.name.clone());
        }
        let expected = names.iter().filter_map(|name| {
            let folder = folders.iter().find(|(known, _)| known == name);
            let origin = self.origin(name, folder.map(|(_, folder)| folder.as_str()))?;
            Some((name.clone(), origin))
        });
        expected.collect()
    }

    /// The source that the override of a package names, in the folder of what it stands in for unless it says another. `None`
    /// where there is no override, or one with a version of the index.
    pub(super) fn origin(&self, name: &PackageName, folder: Option<&str>) -> Option<Origin> {
        let one = self.package(name)?;
        Some(match &one.value {
            OverrideValue::Git { .. } => Origin::Tree(tree(one, folder)?),
            OverrideValue::File { url, sha256 } => Origin::File {
                url: url.clone(),
                sha256: *sha256,
            },
            OverrideValue::Version(_) => return None,
        })
    }

    /// The repositories and revisions that [`Self::expected`] names.
    pub(super) fn repositories(&self) -> impl Iterator<Item = (&'a SafeUrl, &'a str)> {
        let expected = self.expected();
        let expected = expected
            .into_iter()
            .filter_map(|(name, _)| self.package(&name));
        let found: Vec<_> = expected
            .filter_map(|one| match &one.value {
                OverrideValue::Git {
                    repository,
                    revision,
                    ..
                } => Some((repository, revision.as_str())),
                OverrideValue::File { .. } | OverrideValue::Version(_) => None,
            })
            .collect();
        found.into_iter()
    }

    /// The constraints that hold: those of packages that are not overridden.
    pub(super) fn constraints(&self) -> impl Iterator<Item = &'a ConstraintLine> {
        let lines = self.request.constraints.iter().flat_map(|text| &text.lines);
        lines.filter(|line| !self.sets_aside(line))
    }

    fn sets_aside(&self, line: &ConstraintLine) -> bool {
        self.overrides.of(line.name().as_str()).is_some()
    }
}

/// The constraints of an overridden package, which do not hold, as `file:line: text`.
pub(super) fn set_aside(request: &Request, name: &PackageName) -> Vec<String> {
    let lines = request.constraints.iter().flat_map(|text| &text.lines);
    lines
        .filter(|line| line.name() == *name)
        .map(|line| format!("{line:?}"))
        .collect()
}

/// Tells the overrides whose names are not in a lock, or refuses them, as the request says. `previous` is the production lock.
///
/// # Errors
/// [`ResolveError::Unmatched`].
pub fn check_matches(
    request: &Request,
    previous: Option<&Lock>,
    lock: &Lock,
    reporter: &dyn Reporter,
) -> Result<(), ResolveError> {
    let names = names_of(lock);
    let before = previous.map(names_of).unwrap_or_default();
    let overrides = &request.overrides;
    for one in &overrides.list {
        let is_among = |names: &BTreeSet<String>| names.iter().any(|name| one.name.is(name));
        if is_among(&names) {
            continue;
        }
        let gone = is_among(&before);
        let why = ResolveError::Unmatched {
            name: one.name.to_string(),
            said_by: one.origin.to_string(),
            hint: match gone {
                true => "production has it, but nothing in this run needs it".to_owned(),
                false => did_you_mean(&near(one.name.as_str(), &names)),
            },
        };
        if overrides.unmatched == Unmatched::Refuse && !gone {
            return Err(why);
        }
        let help = miette::Diagnostic::help(&why).map(|help| help.to_string());
        reporter.warn(why.to_string(), help);
    }
    Ok(())
}

pub(super) fn names_of(lock: &Lock) -> BTreeSet<String> {
    let packages = lock.packages.iter().map(|package| package.name.to_string());
    let data = lock.pannier.data.keys().map(ToString::to_string);
    packages.chain(data).collect()
}

/// Overrides in a sentence: ``the override of `a` (a_pip_url: git+https://…)``.
pub(super) fn described(list: &[&Override]) -> String {
    let each: Vec<String> = list
        .iter()
        .map(|one| format!("`{}` ({}: {})", one.name, one.origin, one.value))
        .collect();
    match each.as_slice() {
        [one] => format!("the override of {one}"),
        more => format!("the overrides of {}", more.join(" and ")),
    }
}

/// The git source that an override names.
fn tree(one: &Override, folder: Option<&str>) -> Option<ProjectSource> {
    match &one.value {
        OverrideValue::Git {
            repository,
            revision,
            subdirectory,
        } => Some(ProjectSource::Git {
            repository: repository.clone(),
            revision: revision.clone(),
            subdirectory: subdirectory.or(folder),
        }),
        OverrideValue::File { .. } | OverrideValue::Version(_) => None,
    }
}

/// The request with the overridden data projects in place.
pub(super) fn with_data(request: &Request) -> Result<Cow<'_, Request>, ResolveError> {
    let all = request.images.iter().flat_map(|image| &image.data);
    if !all
        .clone()
        .any(|data| request.overrides.of(data.name.as_str()).is_some())
    {
        return Ok(Cow::Borrowed(request));
    }
    let mut changed = request.clone();
    let overrides = &request.overrides;
    for data in changed.images.iter_mut().flat_map(|image| &mut image.data) {
        let Some(one) = overrides.of(data.name.as_str()) else {
            continue;
        };
        let folder = match &data.source {
            ProjectSource::Git { subdirectory, .. } => subdirectory.as_deref(),
            ProjectSource::Directory { .. } => None,
        };
        data.source = tree(one, folder).ok_or_else(|| ResolveError::DataOverride {
            name: data.name.clone(),
            said_by: one.origin.to_string(),
        })?;
    }
    Ok(Cow::Owned(changed))
}

/// The last component of where a source is, without `.git`.
pub(super) fn last_component(source: &ProjectSource) -> Option<String> {
    let last = match source {
        ProjectSource::Git { repository, .. } => repository.file_name(),
        ProjectSource::Directory { path } => path.file_name()?.to_string_lossy().into_owned(),
    };
    Some(last.strip_suffix(".git").unwrap_or(&last).to_owned())
}

/// Names that may have been meant, the nearest first.
pub(super) fn near(name: &str, names: &BTreeSet<String>) -> Vec<String> {
    let likeness = |known: &str| strsim::jaro_winkler(OverrideName::fold(known).as_str(), name);
    let mut near: Vec<(f64, &String)> = names
        .iter()
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}

fn did_you_mean(near: &[String]) -> String {
    match near.is_empty() {
        true => "`pannier override list` shows the active overrides".to_owned(),
        false => format!("did you mean `{}`?", near.join("` or `")),
    }
}

/// Wraps an error that is about the source of an override, so that its message says so.
pub(super) fn blame(why: ResolveError, request: &Request) -> ResolveError {
    let about = |one: &&Override| match (&why, &one.value) {
        (
            ResolveError::Revision {
                repository,
                revision,
                ..
            },
            OverrideValue::Git {
                repository: own,
                revision: wanted,
                ..
            },
        ) => *repository == own.to_string() && revision == wanted,
        (
            ResolveError::Metadata { project, .. } | ResolveError::Name { project, .. },
            OverrideValue::Git { .. },
        ) => {
            // The folder may be that of what is overridden.
            let bare = |text: &str| text.split('#').next().map(str::to_owned);
            tree(one, None).is_some_and(|source| bare(&shown(&source)) == bare(project))
        }
        (
            ResolveError::Metadata { project, .. } | ResolveError::Name { project, .. },
            OverrideValue::File { url, .. },
        ) => *project == url.to_string(),
        _ => false,
    };
    match request.overrides.list.iter().find(about) {
        Some(one) => ResolveError::Override {
            name: one.name.to_string(),
            said_by: one.origin.to_string(),
            source: why.into(),
        },
        None => why,
    }
}
