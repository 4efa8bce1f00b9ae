//! The fifth step: resolve, look at what does not serve, take that choice away, resolve again.
//!
//! First searches one version that supports all images; a package forks by image only if there is none. Every
//! round looks at all images and packages at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pep440_rs::Version;

use crate::lock::model::{Fork, LockedPackage, LockedSource};
use crate::lock::pylock;
use crate::lock::pylock::Document;
use crate::lock::select::shown_target;
use crate::resolve::banned_versions::{Exclusion, known_forks, preferences};
use crate::resolve::error::ResolveError;
use crate::resolve::inputs::{Image, Inputs};
use crate::resolve::model::{Tools, Upgrade, Wanted};
use crate::resolve::wheel_coverage::{Lists, Unserved, holds, unserved, uv_platform};
use pannier_base::name::{ImageName, PackageName};
use pannier_clients::uv::{BestWheel, Compile, Refresh, UvError};

/// Resolutions after which it is given up; each takes at least one version away.
const LIMIT: usize = 24;

/// Versions that are looked at for an image whose platform uv does not know, before a source archive is taken instead. What
/// has wheels for such a platform has them at its newest versions.
const UNKNOWN_LIMIT: usize = 4;

/// What was chosen.
pub(super) struct Chosen {
    /// What uv wrote.
    pub document: Document,
    /// Packages of the images whose lists are narrower than their markers.
    pub lists: Lists,
    /// Where packages had to fork.
    pub forks: Vec<Fork>,
}

/// Resolves until every image is served.
pub(super) fn choose(
    wanted: &Wanted<'_>,
    inputs: &Inputs,
    work: &Path,
    tools: Tools<'_>,
) -> Result<Chosen, ResolveError> {
    let mut search = Search {
        inputs,
        tools,
        work,
        preferences: wanted
            .previous
            .and_then(|lock| preferences(lock, wanted.upgrade)),
        refresh: match wanted.upgrade {
            Upgrade::None => Refresh::AsCached,
            Upgrade::All | Upgrade::Packages(_) => Refresh::All,
        },
        exclusions: wanted
            .previous
            .map(|lock| known_forks(lock, wanted.upgrade, inputs))
            .unwrap_or_default()
            .into_iter()
            .filter(|fork| {
                wanted
                    .request
                    .overrides
                    .of(fork.unserved.package.as_str())
                    .is_none()
            })
            .collect(),
        accepted: BTreeSet::new(),
        tried: Vec::new(),
        bare: BTreeMap::new(),
    };
    search.run()
}

struct Search<'a> {
    inputs: &'a Inputs,
    tools: Tools<'a>,
    work: &'a Path,
    preferences: Option<String>,
    refresh: Refresh,
    /// Choices taken away so far.
    exclusions: Vec<Exclusion>,
    /// What is taken although it has to be built.
    accepted: BTreeSet<(PackageName, Version, ImageName)>,
    /// Everything that was found not to serve.
    tried: Vec<Unserved>,
    /// Versions that have a source archive alone, as far as they were asked about; `false`: they have wheels for others.
    bare: BTreeMap<(PackageName, Version), bool>,
}

impl Search<'_> {
    fn run(&mut self) -> Result<Chosen, ResolveError> {
        // What the last round took away: given back when uv finds nothing without it.
        let mut last: Vec<Exclusion> = self.exclusions.clone();
        let mut open = Vec::new();
        for _ in 0..LIMIT {
            let document = match self.compile(&self.exclusions.clone()) {
                Ok(document) => document,
                Err(ResolveError::Collision(_)) if !last.is_empty() => {
                    self.give_back(&last)?;
                    last.clear();
                    continue;
                }
                Err(why) => return Err(why),
            };
            let (lists, missing) = self.look(&document)?;
            if missing.is_empty() {
                return self.done(document, lists);
            }
            last = self.exclude(&missing)?;
            open = missing;
        }
        Err(ResolveError::Endless {
            rounds: LIMIT,
            last: open.iter().map(described).collect::<Vec<_>>().join("; "),
        })
    }

    /// One universal resolution without the excluded choices.
    fn compile(&mut self, exclusions: &[Exclusion]) -> Result<Document, ResolveError> {
        let mut constraints = self.inputs.constraints.clone();
        constraints.extend(exclusions.iter().map(Exclusion::line));
        let compile = Compile {
            requirements: &self.inputs.requirements,
            constraints: &constraints,
            build_constraints: &self.inputs.build_constraints,
            environments: &self.inputs.environments,
            python: &self.inputs.python,
            preferences: self.preferences.as_deref(),
            refresh: std::mem::take(&mut self.refresh),
            only_binary: &self.inputs.only_binary,
            no_binary: &self.inputs.no_binary,
            no_deps: false,
            require_build_hashes: self.inputs.require_build_hashes,
        };
        self.written(&compile, "universal")
    }

    fn written(&self, compile: &Compile<'_>, folder: &str) -> Result<Document, ResolveError> {
        let text = self
            .tools
            .uv
            .compile(compile, &self.folder(folder)?, self.tools.around)?;
        pylock::read_document(&text).map_err(ResolveError::Written)
    }

    fn folder(&self, name: &str) -> Result<std::path::PathBuf, ResolveError> {
        let folder = self.work.join(name);
        std::fs::create_dir_all(&folder).map_err(ResolveError::Work)?;
        Ok(folder)
    }

    /// What does not serve. Lists of narrower images are made only when they matter.
    fn look(&mut self, document: &Document) -> Result<(Lists, Vec<Unserved>), ResolveError> {
        let mut lists = Lists::new();
        let images = self.inputs.images.as_slice();
        let mut missing = self.open(document, &lists)?;
        let concerned =
            |image: &Image, missing: &[Unserved]| missing.iter().any(|one| one.image == image.name);
        for image in images.iter().filter(|image| image.narrower) {
            if missing.is_empty() || concerned(image, &missing) {
                lists.insert(image.name.clone(), self.list(image, document)?);
            }
        }
        if !lists.is_empty() {
            missing = self.open(document, &lists)?;
        }
        Ok((lists, missing))
    }

    fn open(&mut self, document: &Document, lists: &Lists) -> Result<Vec<Unserved>, ResolveError> {
        let mut open = Vec::new();
        for one in unserved(&document.packages, &self.inputs.images, lists)? {
            let key = (one.package.clone(), one.version.clone(), one.image.clone());
            // A version that nobody has wheels of is built everywhere.
            if self.accepted.contains(&key) || (one.bare && self.is_bare(&one)?) {
                continue;
            }
            open.push(one);
        }
        Ok(open)
    }

    /// Whether a version has no wheel for any platform.
    fn is_bare(&mut self, one: &Unserved) -> Result<bool, ResolveError> {
        let key = (one.package.clone(), one.version.clone());
        if let Some(known) = self.bare.get(&key) {
            return Ok(*known);
        }
        let asked = BestWheel {
            package: &one.package,
            constraints: &[format!("{}=={}", one.package, one.version)],
            python: &self.image(&one.image).target.python.short(),
            platform: None,
        };
        let found = self
            .tools
            .uv
            .best_wheel(&asked, &self.folder("wheel")?, self.tools.around)?;
        self.bare.insert(key, found.is_none());
        Ok(found.is_none())
    }

    /// The packages that one image's own requirements lead to, at the versions that were chosen for all.
    fn list(&self, image: &Image, document: &Document) -> Result<Vec<PackageName>, ResolveError> {
        let mut constraints = self.inputs.constraints.clone();
        for package in &document.packages {
            if let (LockedSource::Index { .. }, Some(version)) = (&package.source, &package.version)
                && holds(package, image)?
            {
                constraints.push(format!("{}=={version}", package.name));
            }
        }
        let compile = Compile {
            requirements: &Inputs::alone(image),
            constraints: &constraints,
            build_constraints: &self.inputs.build_constraints,
            environments: std::slice::from_ref(&image.marker),
            python: &image.target.python.short(),
            only_binary: &self.inputs.only_binary,
            no_binary: &self.inputs.no_binary,
            require_build_hashes: self.inputs.require_build_hashes,
            ..Compile::default()
        };
        let mut names = Vec::new();
        for package in self.written(&compile, "narrower")?.packages {
            if holds(&package, image)? {
                names.push(package.name);
            }
        }
        names.dedup();
        Ok(names)
    }

    /// Takes the choices away that do not serve: for all images where one version then serves all, else by image.
    /// Gives what was taken away; nothing when everything has to be taken as it is.
    fn exclude(&mut self, missing: &[Unserved]) -> Result<Vec<Exclusion>, ResolveError> {
        for one in missing {
            self.tools.reporter.detail(format!(
                "{} does not support image `{}`: {}",
                shown(one),
                one.image,
                one.reason
            ));
        }
        self.tried.extend(missing.iter().cloned());
        let mut common = Vec::new();
        let mut by_image = Vec::new();
        for one in missing {
            let image = self.image(&one.image);
            let newest = self.newest_with_wheel(one)?;
            let bound = match &newest {
                Newest::None => {
                    self.accept(one, None)?;
                    continue;
                }
                Newest::Unknown if one.buildable && self.tries(one) >= UNKNOWN_LIMIT => {
                    self.accept_first(one)?;
                    continue;
                }
                Newest::Is(version) if *version < one.version => format!("<={version}"),
                _ => format!("!={}", one.version),
            };
            let exclusion = |marker| Exclusion {
                unserved: one.clone(),
                bound: bound.clone(),
                marker,
            };
            by_image.push(exclusion(Some(image.marker.clone())));
            // Where only a newer version serves this image, the others have a reason for their older one.
            if !matches!(&newest, Newest::Is(version) if *version > one.version) {
                common.push(exclusion(None));
            }
        }
        let added = self.fewest(common, by_image)?;
        self.exclusions.extend(added.iter().cloned());
        Ok(added)
    }

    /// Of each package the exclusion for all images when it leads to one version that serves all, else those by image.
    fn fewest(
        &mut self,
        common: Vec<Exclusion>,
        by_image: Vec<Exclusion>,
    ) -> Result<Vec<Exclusion>, ResolveError> {
        if common.is_empty() || self.inputs.environments.len() == 1 {
            return Ok(by_image);
        }
        let mut trial = self.exclusions.clone();
        trial.extend(common.iter().cloned());
        let document = match self.compile(&trial) {
            Ok(document) => document,
            Err(ResolveError::Collision(_)) => return Ok(by_image),
            Err(why) => return Err(why),
        };
        let missing = self.open(&document, &Lists::new())?;
        let serves_all = |name: &PackageName| {
            let versions = document
                .packages
                .iter()
                .filter(|package| package.name == *name)
                .count();
            versions == 1 && missing.iter().all(|one| one.package != *name)
        };
        let for_all: BTreeSet<PackageName> = common
            .iter()
            .map(|one| one.unserved.package.clone())
            .filter(serves_all)
            .collect();
        let (mut kept, _): (Vec<_>, Vec<_>) = common
            .into_iter()
            .partition(|one| for_all.contains(&one.unserved.package));
        kept.extend(
            by_image
                .into_iter()
                .filter(|one| !for_all.contains(&one.unserved.package)),
        );
        Ok(kept)
    }

    /// The newest version with a wheel for the image that was not found wanting yet, as far as uv can tell.
    fn newest_with_wheel(&self, one: &Unserved) -> Result<Newest, ResolveError> {
        let image = self.image(&one.image);
        let Some(platform) = uv_platform(&image.target) else {
            return Ok(Newest::Unknown);
        };
        let mut constraints = self.inputs.bounds.clone();
        let tried = self
            .tried
            .iter()
            .filter(|other| other.package == one.package && other.image == one.image);
        constraints.extend(tried.map(|other| format!("{}!={}", other.package, other.version)));
        let asked = BestWheel {
            package: &one.package,
            constraints: &constraints,
            python: &image.target.python.short(),
            platform: Some(&platform),
        };
        let newest = self
            .tools
            .uv
            .best_wheel(&asked, &self.folder("wheel")?, self.tools.around)?;
        Ok(match newest.map(|version| version.parse()) {
            Some(Ok(version)) => Newest::Is(version),
            Some(Err(_)) => Newest::Unknown,
            None => Newest::None,
        })
    }

    /// uv found nothing without these choices: those that collide are given back, and built from source where that can
    /// be. Each is looked at alone, so that one package's collision does not cost another its wheel.
    fn give_back(&mut self, last: &[Exclusion]) -> Result<(), ResolveError> {
        self.exclusions
            .retain(|exclusion| !last.contains(exclusion));
        let mut collide = Vec::new();
        for exclusion in last {
            let mut trial = self.exclusions.clone();
            trial.push(exclusion.clone());
            match self.compile(&trial) {
                Ok(_) => self.exclusions = trial,
                Err(ResolveError::Collision(why)) => collide.push((exclusion, why)),
                Err(why) => return Err(why),
            }
        }
        for (exclusion, why) in collide {
            // One that an earlier lock brought in is only found again if it still matters.
            if self.tried.contains(&exclusion.unserved) {
                self.accept(&exclusion.unserved, Some(why))?;
            }
        }
        Ok(())
    }

    /// What was found wanting of one package for one image.
    fn tried_like(&self, one: &Unserved) -> impl Iterator<Item = &Unserved> {
        let like = (one.package.clone(), one.image.clone());
        let tried = self.tried.iter();
        tried.filter(move |other| (&other.package, &other.image) == (&like.0, &like.1))
    }

    fn tries(&self, one: &Unserved) -> usize {
        self.tried_like(one).count()
    }

    /// Takes the version that was found first, after all: none of the others served either.
    fn accept_first(&mut self, one: &Unserved) -> Result<(), ResolveError> {
        let marker = self.image(&one.image).marker.clone();
        self.exclusions.retain(|exclusion| {
            exclusion.unserved.package != one.package || exclusion.marker.as_ref() != Some(&marker)
        });
        let tried: Vec<Unserved> = self.tried_like(one).cloned().collect();
        let accepted = tried
            .iter()
            .map(|one| (one.package.clone(), one.version.clone(), one.image.clone()));
        self.accepted.extend(accepted);
        self.accept(tried.first().unwrap_or(one), None)
    }

    /// Why nothing else can be taken instead of what does not serve: uv's message about what requires it.
    fn chain(&mut self, one: &Unserved) -> Option<UvError> {
        let mut trial = self.exclusions.clone();
        let marker = self.image(&one.image).marker.clone();
        trial.extend(self.tried_like(one).map(|other| Exclusion {
            unserved: other.clone(),
            bound: format!("!={}", other.version),
            marker: Some(marker.clone()),
        }));
        match self.compile(&trial) {
            Err(ResolveError::Collision(why)) => Some(why),
            _ => None,
        }
    }

    /// Takes a version although no wheel serves the image; `why` is what uv says about the versions that would.
    fn accept(&mut self, one: &Unserved, why: Option<UvError>) -> Result<(), ResolveError> {
        if !one.buildable {
            let source = why.or_else(|| self.chain(one)).map(Box::new);
            return Err(ResolveError::NotServed {
                package: one.package.clone(),
                image: one.image.clone(),
                target: shown_target(&self.image(&one.image).target).into(),
                reason: one.reason.as_str().into(),
                tried: self
                    .tried_like(one)
                    .map(|other| other.version.to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
                    .into(),
                source,
            });
        }
        self.tools.reporter.warn(
            format!("{} has to be built for image `{}`: {}", shown(one), one.image, one.reason),
            Some("run Pannier on a machine like the image, or pin the package to a version with a wheel".to_owned()),
        );
        self.accepted
            .insert((one.package.clone(), one.version.clone(), one.image.clone()));
        Ok(())
    }

    fn image(&self, name: &ImageName) -> &Image {
        let image = self.inputs.images.iter().find(|image| image.name == *name);
        image.expect("what does not serve names an image of the request")
    }

    /// All images are served: the forks that are left are told.
    fn done(&self, document: Document, lists: Lists) -> Result<Chosen, ResolveError> {
        let mut forks: Vec<Fork> = self
            .exclusions
            .iter()
            .filter(|exclusion| {
                exclusion.marker.is_some()
                    && forked(&document.packages, &exclusion.unserved.package)
            })
            .map(|exclusion| Fork {
                package: exclusion.unserved.package.clone(),
                version: exclusion.unserved.version.to_string(),
                image: exclusion.unserved.image.clone(),
                reason: exclusion.unserved.reason.clone(),
            })
            .collect();
        forks.sort_by(|a, b| {
            (&a.package, &a.image, &a.version).cmp(&(&b.package, &b.image, &b.version))
        });
        forks.dedup();
        Ok(Chosen {
            document,
            lists,
            forks,
        })
    }
}

/// What uv knows about wheels for an image.
enum Newest {
    Is(Version),
    None,
    Unknown,
}

fn forked(packages: &[LockedPackage], name: &PackageName) -> bool {
    packages
        .iter()
        .filter(|package| package.name == *name)
        .count()
        > 1
}

fn shown(one: &Unserved) -> String {
    format!("{} {}", one.package, one.version)
}

fn described(one: &Unserved) -> String {
    format!("{} for image `{}` ({})", shown(one), one.image, one.reason)
}
