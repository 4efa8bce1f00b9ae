//! The second step: every git package and folder tells its metadata, and so does what these require from git themselves.
//!
//! One package has one source in a lock: the request's comes before that of a nested requirement; two that the request
//! itself states are an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use pep508_rs::VersionOrUrl;
use rayon::prelude::*;

use super::revisions::{self, Commits, Revision};
use super::{ResolveError, Tools, Wanted};
use crate::build::BuildSource;
use crate::config::request::{ProjectSource, Request};
use crate::constraints::parse_requirement;
use crate::event::StageGuard;
use crate::name::PackageName;
use crate::target::Target;
use crate::url::{GitUrl, SafeUrl, redact};
use crate::wheel::Wheel;

/// A project at its commit, and what it says about itself.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// Where it is.
    pub source: ProjectSource,
    /// Its commit; none for folders.
    pub commit: Option<String>,
    /// Its metadata.
    pub wheel: Arc<Wheel>,
    /// Who wants it, for messages.
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

/// A source that has to be asked.
struct Ask {
    source: ProjectSource,
    commit: Option<String>,
    name: Option<PackageName>,
    by: String,
    targets: Vec<Target>,
}

/// Number of distinct package sources of a request.
pub(super) fn count(request: &Request) -> u64 {
    asked_for(request, &Commits::new()).len() as u64
}

/// Asks the request's projects, then what they require from git, until nothing new appears.
pub(super) fn discover(
    wanted: &Wanted<'_>,
    commits: Commits,
    tools: Tools<'_>,
    stage: &StageGuard<'_>,
) -> Result<Projects, ResolveError> {
    let request = wanted.request;
    let known = wanted
        .previous
        .map(|lock| revisions::locked(lock, wanted.upgrade))
        .unwrap_or_default();
    let mut asks = asked_for(request, &commits);
    let mut projects = Projects {
        commits,
        ..Projects::default()
    };
    let mut nested = false;
    while !asks.is_empty() {
        let found = ask_all(&asks, request, tools, stage)?;
        let mut names = Vec::with_capacity(found.len());
        for (ask, wheel) in asks.into_iter().zip(found) {
            let name = wheel.name.clone();
            if !nested {
                projects.names.push((ask.source.clone(), name.clone()));
            }
            add(&mut projects, ask, wheel)?;
            names.push(name);
        }
        nested = true;
        asks = requirements_of(&names, &mut projects, &known, request, tools)?;
    }
    tell_covered(request, &projects, tools);
    Ok(projects)
}

/// Warns where an image asks the index for what another image or project takes from its source: one lock holds one source.
fn tell_covered(request: &Request, projects: &Projects, tools: Tools<'_>) {
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
            if projects.by_name.contains_key(&name) && !own.contains(&&name) {
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
                shown(&project.source),
                project.by
            ),
            Some("list it under `packages` of that image too, so that the file says what happens".to_owned()),
        );
    }
}

/// The request's sources, each once, with the targets of all images that want it.
fn asked_for(request: &Request, commits: &Commits) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for image in &request.images {
        for package in &image.packages {
            let known = asks.iter_mut().find(|ask| ask.source == package.source);
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
                    source: package.source.clone(),
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
) -> Result<Vec<Arc<Wheel>>, ResolveError> {
    let ask = |ask: &Ask| {
        let project = shown(&ask.source);
        let source = build_source(&ask.source, ask.commit.as_deref(), request);
        let wheel = tools.sources.metadata(&source, &ask.targets);
        let wheel = wheel.map_err(|source| ResolveError::Metadata {
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
        Ok(wheel)
    };
    asks.par_iter().map(ask).collect()
}

fn add(projects: &mut Projects, ask: Ask, wheel: Arc<Wheel>) -> Result<(), ResolveError> {
    let name = wheel.name.clone();
    if let Some(other) = projects.by_name.get(&name) {
        return Err(ResolveError::TwoSources {
            package: name,
            one: shown(&other.source).into(),
            one_by: other.by.as_str().into(),
            other: shown(&ask.source).into(),
            other_by: ask.by.into(),
        });
    }
    let project = Project {
        source: ask.source,
        commit: ask.commit,
        wheel,
        by: ask.by,
    };
    projects.by_name.insert(name, project);
    Ok(())
}

/// What the named projects require from git and is not known yet.
fn requirements_of(
    names: &[PackageName],
    projects: &mut Projects,
    known: &Commits,
    request: &Request,
    tools: Tools<'_>,
) -> Result<Vec<Ask>, ResolveError> {
    let mut asks: Vec<Ask> = Vec::new();
    for name in names {
        let lines = projects.by_name[name].wheel.requires_dist.clone();
        let project = shown(&projects.by_name[name].source);
        for line in lines {
            let Some((nested, url)) = git_requirement(&line, &project)? else {
                continue;
            };
            let source = ProjectSource::Git {
                revision: url.revision.unwrap_or_else(|| "HEAD".to_owned()),
                repository: url.repository,
                subdirectory: url.subdirectory,
            };
            if let Some(top) = projects.by_name.get(&nested) {
                if !same(&top.source, &source) {
                    tools.reporter.detail(format!(
                        "{name} requires {nested} from {}; it comes from {} ({})",
                        shown(&source),
                        shown(&top.source),
                        top.by
                    ));
                }
                continue;
            }
            let by = format!("required by `{name}`");
            if let Some(other) = asks.iter().find(|ask| ask.name.as_ref() == Some(&nested)) {
                if same(&other.source, &source) {
                    continue;
                }
                return Err(ResolveError::TwoSources {
                    package: nested,
                    one: shown(&other.source).into(),
                    one_by: other.by.as_str().into(),
                    other: shown(&source).into(),
                    other_by: by.into(),
                });
            }
            asks.push(Ask {
                commit: Some(commit_of(&source, projects, known, tools)?),
                source,
                name: Some(nested),
                by,
                targets: all_targets(request),
            });
        }
    }
    Ok(asks)
}

/// The commit of a nested requirement: that of the same revision elsewhere in the lock, the earlier lock's, or git's.
fn commit_of(
    source: &ProjectSource,
    projects: &mut Projects,
    known: &Commits,
    tools: Tools<'_>,
) -> Result<String, ResolveError> {
    let ProjectSource::Git {
        repository,
        revision,
        ..
    } = source
    else {
        unreachable!("nested requirements are from git");
    };
    let key = Revision::new(repository, revision);
    if let Some(commit) = projects.commits.get(&key).or_else(|| known.get(&key)) {
        let commit = commit.clone();
        projects.commits.insert(key, commit.clone());
        return Ok(commit);
    }
    let commit = revisions::commit(repository, revision, tools)?;
    projects.commits.insert(key, commit.clone());
    Ok(commit)
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
        requirement: redact(line),
        reason: redact(&reason),
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
        .map_err(|why: crate::url::UrlError| fail(why.to_string()))?;
    Ok(Some((requirement.name.to_string().parse()?, url)))
}

fn same(one: &ProjectSource, other: &ProjectSource) -> bool {
    match (one, other) {
        (
            ProjectSource::Git {
                repository,
                revision,
                subdirectory,
            },
            ProjectSource::Git {
                repository: other_repository,
                revision: other_revision,
                subdirectory: other_subdirectory,
            },
        ) => {
            Revision::new(repository, revision) == Revision::new(other_repository, other_revision)
                && subdirectory == other_subdirectory
        }
        _ => one == other,
    }
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

/// A source for people, without credentials.
pub(super) fn shown(source: &ProjectSource) -> String {
    match source {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => {
            let repository: &SafeUrl = repository;
            let folder = subdirectory
                .as_ref()
                .map(|folder| format!("#subdirectory={folder}"));
            format!(
                "{}@{revision}{}",
                repository.without_credentials(),
                folder.unwrap_or_default()
            )
        }
        ProjectSource::Directory { path } => path.display().to_string(),
    }
}
