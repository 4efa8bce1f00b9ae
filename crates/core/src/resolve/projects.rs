//! The second step: every git package and folder tells its metadata, and so does what these require from git themselves.
//!
//! One package has one source in a lock: an override's comes before the request's, and that before the one of a nested
//! requirement; two that the request itself states are an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use pep508_rs::VersionOrUrl;
use rayon::prelude::*;

use crate::constraints::parse_requirement;
use crate::lock::model::{LockedPackage, LockedSource};
use crate::request::{ProjectSource, Request};
use crate::resolve::error::ResolveError;
use crate::resolve::model::{Tools, Wanted};
use crate::resolve::overriding::Overriding;
use crate::resolve::revisions;
use crate::resolve::revisions::Commits;
use crate::resolve::source_id::Revision;
use crate::resolve::source_id::{Origin, Place, same, shown};
use crate::wheel_build::BuildSource;
use pannier_archive::wheel::Wheel;
use pannier_base::event::StageGuard;
use pannier_base::name::PackageName;
use pannier_base::platform::Target;
use pannier_base::secret::scrub;
use pannier_base::url::GitUrl;

/// A project at its commit, and what it says about itself.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// Where it is.
    pub place: Place,
    /// Its commit; none for folders.
    pub commit: Option<String>,
    /// Its metadata.
    pub wheel: Arc<Wheel>,
    /// Where it is requested, for messages.
    by: String,
}

/// All projects of a lock.
#[derive(Debug, Clone, Default)]
pub(super) struct Projects {
    /// By package name.
    pub by_name: BTreeMap<PackageName, Project>,
    /// Name by source, for the request's.
    pub names: Vec<(ProjectSource, PackageName)>,
    /// Commits by revision: the request's and what nested requirements added.
    pub commits: Commits,
    /// What overridden packages were asked for as, where only another project or its own metadata told.
    pub instead: BTreeMap<PackageName, String>,
}

impl Projects {
    /// The package that a source of the request is.
    pub(super) fn name_of(&self, source: &ProjectSource) -> Option<&PackageName> {
        self.names
            .iter()
            .find(|(known, _)| known == source)
            .map(|(_, name)| name)
    }
}

/// Where a source is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Request,
    Nested,
    Override,
}

/// A source that has to be asked.
struct Ask {
    origin: Origin,
    asker: Asker,
    commit: Option<String>,
    name: Option<PackageName>,
    by: String,
    targets: Vec<Target>,
}

/// The number of distinct package sources that are resolved first.
pub(super) fn count(request: &Request, overriding: &Overriding<'_>) -> u64 {
    let own = asked_for(request, &Commits::new(), overriding).len();
    (own + overriding.expected().len()) as u64
}

/// Asks the request's projects, then what they require from git, until nothing new appears.
pub(super) fn discover(
    wanted: &Wanted<'_>,
    commits: Commits,
    overriding: &Overriding<'_>,
    (tools, stage): (Tools<'_>, &StageGuard<'_>),
) -> Result<Projects, ResolveError> {
    let request = wanted.request;
    let known = wanted
        .previous
        .map(|lock| revisions::locked(lock, wanted.upgrade))
        .unwrap_or_default();
    let mut asks = asked_for(request, &commits, overriding);
    let mut projects = Projects {
        commits,
        names: stood_for(request, overriding),
        ..Projects::default()
    };
    let search = Search {
        request,
        known,
        overriding,
        tools,
    };
    for (name, origin) in overriding.expected() {
        asks.push(search.overridden(name, origin, &mut projects)?);
    }
    while !asks.is_empty() {
        let found = ask_all(&asks, request, tools, stage)?;
        let mut names = Vec::with_capacity(found.len());
        let mut late = Vec::new();
        for (ask, (place, wheel)) in asks.into_iter().zip(found) {
            let name = wheel.name.clone();
            if let (Asker::Request, Origin::Tree(source)) = (ask.asker, &ask.origin) {
                projects.names.push((source.clone(), name.clone()));
                if overriding.package(&name).is_some() {
                    // Only its own metadata told that it is what an override stands in for.
                    projects.instead.insert(name.clone(), shown(source));
                    late.push((name, source.clone()));
                    continue;
                }
            }
            add(&mut projects, ask, place, wheel)?;
            names.push(name);
        }
        asks = search.requirements_of(&names, &mut projects)?;
        for (name, source) in late {
            let pending = asks.iter().any(|ask| ask.name.as_ref() == Some(&name));
            if !pending && !projects.by_name.contains_key(&name) {
                let folder = folder_of(&source);
                let origin = overriding.origin(&name, folder);
                let ask = origin.map(|origin| search.overridden(name, origin, &mut projects));
                asks.extend(ask.transpose()?);
            }
        }
    }
    tell_covered(request, &projects, overriding, tools);
    Ok(projects)
}

/// The sources of the request that overrides stand in for, with their names.
fn stood_for(request: &Request, overriding: &Overriding<'_>) -> Vec<(ProjectSource, PackageName)> {
    let packages = request.images.iter().flat_map(|image| &image.packages);
    packages
        .filter_map(|package| Some((package.source.clone(), overriding.stands_for(package)?)))
        .collect()
}

fn folder_of(source: &ProjectSource) -> Option<&str> {
    match source {
        ProjectSource::Git { subdirectory, .. } => subdirectory.as_deref(),
        ProjectSource::Directory { .. } => None,
    }
}

/// Warns where an image asks the index for what another image or project takes from its source: one lock holds one source.
fn tell_covered(
    request: &Request,
    projects: &Projects,
    overriding: &Overriding<'_>,
    tools: Tools<'_>,
) {
    let mut covered: BTreeMap<PackageName, Vec<&str>> = BTreeMap::new();
    for image in &request.images {
        let own: Vec<_> = image
            .packages
            .iter()
            .filter_map(|package| projects.name_of(&package.source))
            .collect();
        for requirement in &image.requirements {
            let Ok(name) = requirement.name.to_string().parse::<PackageName>() else {
                continue;
            };
            let overridden = overriding.package(&name).is_some();
            if projects.by_name.contains_key(&name) && !own.contains(&&name) && !overridden {
                covered.entry(name).or_default().push(image.name.as_str());
            }
        }
    }
    for (name, images) in covered {
        let project = &projects.by_name[&name];
        tools.reporter.warn(
            format!(
                "`{name}` under requirements of image `{}` comes from {} ({}), not from the index: one lock holds one \
                 source per package",
                images.join("`, `"),
                project.place.shown(),
                project.by
            ),
            Some("list it under `packages` of that image, too".to_owned()),
        );
    }
}

/// The request's sources but for those that overrides stand in for, each once, with the targets of all images that want it.
fn asked_for(request: &Request, commits: &Commits, overriding: &Overriding<'_>) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for image in &request.images {
        for package in &image.packages {
            if overriding.stands_for(package).is_some() {
                continue;
            }
            let origin = Origin::Tree(package.source.clone());
            let known = asks.iter_mut().find(|ask| ask.origin == origin);
            match known {
                Some(ask) => {
                    if !ask.targets.contains(&image.target) {
                        ask.targets.push(image.target.clone());
                    }
                    ask.name = ask.name.take().or_else(|| package.name.clone());
                }
                None => asks.push(Ask {
                    commit: match &package.source {
                        ProjectSource::Git {
                            repository,
                            revision,
                            ..
                        } => commits.get(&Revision::new(repository, revision)).cloned(),
                        ProjectSource::Directory { .. } => None,
                    },
                    origin,
                    asker: Asker::Request,
                    name: package.name.clone(),
                    by: format!("image `{}`", image.name),
                    targets: vec![image.target.clone()],
                }),
            }
        }
    }
    asks
}

fn ask_all(
    asks: &[Ask],
    request: &Request,
    tools: Tools<'_>,
    stage: &StageGuard<'_>,
) -> Result<Vec<(Place, Arc<Wheel>)>, ResolveError> {
    let ask = |ask: &Ask| {
        let project = ask.origin.shown();
        let asked = match &ask.origin {
            Origin::Tree(tree) => {
                let source = build_source(tree, ask.commit.as_deref(), request);
                let wheel = tools.sources.metadata(&source, &ask.targets);
                wheel.map(|wheel| (Place::Tree(tree.clone()), wheel))
            }
            Origin::File { url, sha256 } => {
                let file = tools.sources.file(url, sha256.as_ref(), &ask.targets);
                file.map(|(artifact, wheel)| (Place::File(artifact), wheel))
            }
        };
        let (place, wheel) = asked.map_err(|source| ResolveError::Metadata {
            project: project.clone(),
            source,
        })?;
        if let Some(wanted) = &ask.name
            && *wanted != wheel.name
        {
            return Err(ResolveError::Name {
                project,
                wanted: wanted.clone(),
                found: wheel.name.clone(),
            });
        }
        stage.step(format!("{} {}", wheel.name, wheel.version));
        Ok((place, wheel))
    };
    asks.par_iter().map(ask).collect()
}

fn add(
    projects: &mut Projects,
    ask: Ask,
    place: Place,
    wheel: Arc<Wheel>,
) -> Result<(), ResolveError> {
    let name = wheel.name.clone();
    if let Some(other) = projects.by_name.get(&name) {
        return Err(ResolveError::TwoSources {
            package: name,
            one: other.place.shown().into(),
            one_by: other.by.as_str().into(),
            other: place.shown().into(),
            other_by: ask.by.into(),
        });
    }
    let project = Project {
        place,
        commit: ask.commit,
        wheel,
        by: ask.by,
    };
    projects.by_name.insert(name, project);
    Ok(())
}

/// What sources are searched with.
struct Search<'s> {
    request: &'s Request,
    /// Commits of the earlier lock.
    known: Commits,
    overriding: &'s Overriding<'s>,
    tools: Tools<'s>,
}

impl Search<'_> {
    /// The question to what the override of a package names.
    fn overridden(
        &self,
        name: PackageName,
        origin: Origin,
        projects: &mut Projects,
    ) -> Result<Ask, ResolveError> {
        let said_by = self.overriding.package(&name).map(|one| one.origin.clone());
        Ok(Ask {
            commit: match &origin {
                Origin::Tree(source) => Some(self.commit_of(source, projects)?),
                Origin::File { .. } => None,
            },
            name: Some(name),
            origin,
            asker: Asker::Override,
            by: said_by.map_or_else(String::new, |said| format!("override by {said}")),
            targets: all_targets(self.request),
        })
    }

    /// What the named projects require from git and is not known yet.
    fn requirements_of(
        &self,
        names: &[PackageName],
        projects: &mut Projects,
    ) -> Result<Vec<Ask>, ResolveError> {
        let mut asks: Vec<Ask> = Vec::new();
        for name in names {
            let lines = projects.by_name[name].wheel.requires_dist.clone();
            let project = projects.by_name[name].place.shown();
            for line in lines {
                let Some((nested, url)) = git_requirement(&line, &project)? else {
                    continue;
                };
                let source = ProjectSource::Git {
                    revision: url.revision.unwrap_or_else(|| "HEAD".to_owned()),
                    repository: url.repository,
                    subdirectory: url.subdirectory,
                };
                let ask = self.nested(name, nested, source, (projects, &asks))?;
                asks.extend(ask);
            }
        }
        Ok(asks)
    }

    /// The question to what one project requires from git; `None` where it is known, or asked already.
    fn nested(
        &self,
        by: &PackageName,
        nested: PackageName,
        source: ProjectSource,
        (projects, asks): (&mut Projects, &[Ask]),
    ) -> Result<Option<Ask>, ResolveError> {
        if let Some(top) = projects.by_name.get(&nested) {
            if !top.place.is(&source) {
                self.tools.reporter.detail(format!(
                    "{by} requires {nested} from {}, but it comes from {} ({})",
                    shown(&source),
                    top.place.shown(),
                    top.by
                ));
            }
            return Ok(None);
        }
        let asked = asks.iter().find(|ask| ask.name.as_ref() == Some(&nested));
        if self.overriding.package(&nested).is_some() {
            let instead = projects.instead.entry(nested.clone());
            instead.or_insert_with(|| shown(&source));
            let origin = self.overriding.origin(&nested, folder_of(&source));
            return match (asked, origin) {
                (None, Some(origin)) => self.overridden(nested, origin, projects).map(Some),
                _ => Ok(None),
            };
        }
        let by = format!("required by `{by}`");
        let Some(other) = asked else {
            return Ok(Some(Ask {
                commit: Some(self.commit_of(&source, projects)?),
                origin: Origin::Tree(source),
                asker: Asker::Nested,
                name: Some(nested),
                by,
                targets: all_targets(self.request),
            }));
        };
        match &other.origin {
            Origin::Tree(known) if same(known, &source) => Ok(None),
            origin => Err(ResolveError::TwoSources {
                package: nested,
                one: origin.shown().into(),
                one_by: other.by.as_str().into(),
                other: shown(&source).into(),
                other_by: by.into(),
            }),
        }
    }

    /// The commit of a nested requirement or an override: that of the same revision elsewhere in the lock, the earlier lock's,
    /// or git's.
    fn commit_of(
        &self,
        source: &ProjectSource,
        projects: &mut Projects,
    ) -> Result<String, ResolveError> {
        let ProjectSource::Git {
            repository,
            revision,
            ..
        } = source
        else {
            unreachable!("nested requirements and overrides are from git");
        };
        let key = Revision::new(repository, revision);
        let known = projects.commits.get(&key).or_else(|| self.known.get(&key));
        let commit = match known {
            Some(commit) => commit.clone(),
            None => revisions::commit(repository, revision, self.tools)?,
        };
        projects.commits.insert(key, commit.clone());
        Ok(commit)
    }
}

fn all_targets(request: &Request) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for image in &request.images {
        if !targets.contains(&image.target) {
            targets.push(image.target.clone());
        }
    }
    targets
}

/// Name and URL of a requirement on a git repository; `None` for any other.
pub(super) fn git_requirement(
    line: &str,
    project: &str,
) -> Result<Option<(PackageName, GitUrl)>, ResolveError> {
    let fail = |reason: String| ResolveError::Requirement {
        project: project.to_owned(),
        requirement: scrub(line),
        reason: scrub(&reason),
    };
    if !line.contains("git+") {
        return Ok(None);
    }
    let requirement = parse_requirement(line).map_err(|why| fail(why.to_string()))?;
    let Some(VersionOrUrl::Url(url)) = &requirement.version_or_url else {
        return Ok(None);
    };
    if !url.as_str().starts_with("git+") {
        return Ok(None);
    }
    let url: GitUrl = url
        .as_str()
        .parse()
        .map_err(|why: pannier_base::url::UrlError| fail(why.to_string()))?;
    Ok(Some((requirement.name.to_string().parse()?, url)))
}

fn build_source(source: &ProjectSource, commit: Option<&str>, request: &Request) -> BuildSource {
    match source {
        ProjectSource::Git {
            repository,
            subdirectory,
            ..
        } => BuildSource::Git {
            repository: repository.clone(),
            commit: commit.unwrap_or_default().to_owned(),
            subdirectory: subdirectory.clone(),
        },
        ProjectSource::Directory { path } => BuildSource::Directory {
            path: request.root.join(path),
        },
    }
}

/// Whether the file of an archive is the stub of a project.
pub(super) fn stub_of<'a>(package: &LockedPackage, projects: &'a Projects) -> Option<&'a Project> {
    match &package.source {
        LockedSource::Archive { artifact, .. } if artifact.url.expose().scheme() == "file" => {
            projects.by_name.get(&package.name)
        }
        _ => None,
    }
}
