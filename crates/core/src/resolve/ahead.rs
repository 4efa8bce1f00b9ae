//! Before anything is resolved: which files there are of the versions that lines with hashes pin, so that uv builds no source
//! archive whose hash nobody stated. uv itself checks hashes only when it installs.
//!
//! Builds nothing and reads no metadata: uv is asked without dependencies.

use std::path::Path;

use crate::lock::model::{LockedPackage, LockedSource};
use crate::lock::pylock;
use crate::resolve::error::ResolveError;
use crate::resolve::hashes::{HashCheck, HashError};
use crate::resolve::inputs::{Image, Inputs};
use crate::resolve::model::Tools;
use pannier_clients::uv::Compile;

/// Packages whose source archives may not be built.
#[derive(Default)]
pub(super) struct Ahead {
    barred: Vec<LockedPackage>,
    required: bool,
}

/// Looks up the files of all pinned versions with hashes, and says in `inputs` which of them uv may take.
pub(super) fn look(
    check: &HashCheck<'_>,
    required: bool,
    inputs: &mut Inputs,
    (work, tools): (&Path, Tools<'_>),
) -> Result<Ahead, ResolveError> {
    if check.is_idle() {
        return Ok(Ahead::default());
    }
    if !tools.uv.checks_build_hashes() {
        let found = tools.uv.version.clone();
        return Err(HashError::OldUv { found }.into());
    }
    let of_index = || check.lines().filter(|line| !line.constraint.has_url());
    let pins = of_index().map(|line| line.constraint.to_string());
    let mut pins: Vec<String> = pins.collect();
    pins.sort();
    pins.dedup();
    let folder = work.join("ahead");
    std::fs::create_dir_all(&folder).map_err(ResolveError::Work)?;
    let of = |pins: &[String], image: Option<&Image>| -> Result<_, ResolveError> {
        let own = image.map(|image| (std::slice::from_ref(&image.marker), image.python()));
        let all = || (inputs.environments.as_slice(), inputs.python.clone());
        let (environments, python) = own.unwrap_or_else(all);
        let compile = Compile {
            requirements: pins,
            environments,
            python: &python,
            no_deps: true,
            ..Compile::default()
        };
        let text = tools.uv.compile(&compile, &folder, tools.around)?;
        let document = pylock::read_document(&text).map_err(ResolveError::Written)?;
        Ok(document.packages)
    };
    let packages = found(&pins, &inputs.images, &of)?;
    let mut ahead = Ahead {
        barred: Vec::new(),
        required,
    };
    let answered = |name: &str| packages.iter().any(|package| package.name.as_str() == name);
    let names = of_index().map(|line| line.name().to_string());
    let unknown: Vec<String> = names.filter(|name| !answered(name)).collect();
    inputs.only_binary.extend(unknown);
    for package in packages {
        ahead.take(package, check, inputs)?;
    }
    if required {
        let archives = check.lines().filter(|line| {
            let is_wheel = |url: &str| url.split('#').next().is_some_and(|it| it.ends_with(".whl"));
            line.constraint.has_url() && !is_wheel(&line.specifier())
        });
        inputs
            .no_binary
            .extend(archives.map(|line| line.name().to_string()));
        inputs.only_binary = vec![":all:".to_owned()];
        inputs.require_build_hashes = true;
    }
    Ok(ahead)
}

/// Asks uv for the files of pins, for one image or for all.
type Ask<'a> = dyn Fn(&[String], Option<&Image>) -> Result<Vec<LockedPackage>, ResolveError> + 'a;

/// The packages of all pins that any image could get. Lines bound what nothing may ask for, and each image may have its own, so a
/// pin without an answer says nothing about the others.
fn found(
    pins: &[String],
    images: &[Image],
    of: &Ask<'_>,
) -> Result<Vec<LockedPackage>, ResolveError> {
    if pins.is_empty() {
        return Ok(Vec::new());
    }
    let mut packages = Vec::new();
    match of(pins, None) {
        Err(ResolveError::Collision(_)) => {}
        answer => return answer,
    }
    if pins.len() > 1 {
        let (some, others) = pins.split_at(pins.len() / 2);
        packages.extend(found(some, images, of)?);
        packages.extend(found(others, images, of)?);
        return Ok(packages);
    }
    for image in images {
        match of(pins, Some(image)) {
            Err(ResolveError::Collision(_)) => {}
            answer => answer?.into_iter().for_each(|one| join(&mut packages, one)),
        }
    }
    Ok(packages)
}

/// Adds a package, or its wheels to those that are known of it: uv lists only those that an environment can use.
fn join(packages: &mut Vec<LockedPackage>, other: LockedPackage) {
    let same =
        |one: &&mut LockedPackage| (&one.name, &one.version) == (&other.name, &other.version);
    match packages.iter_mut().find(same) {
        Some(known) => {
            if let (LockedSource::Index { wheels, .. }, LockedSource::Index { wheels: more, .. }) =
                (&mut known.source, other.source)
            {
                wheels.extend(more);
            }
        }
        None => packages.push(other),
    }
}

impl Ahead {
    fn take(
        &mut self,
        package: LockedPackage,
        check: &HashCheck<'_>,
        inputs: &mut Inputs,
    ) -> Result<(), ResolveError> {
        let LockedSource::Index { sdist, wheels } = &package.source else {
            return Ok(());
        };
        let allowed = |file| check.is_allowed_somewhere(&package, file);
        let of_source = sdist.as_ref().map(allowed).transpose()?.unwrap_or(false);
        let mut of_wheels = false;
        for wheel in wheels {
            of_wheels = of_wheels || allowed(wheel)?;
        }
        let name = package.name.to_string();
        match (of_source, of_wheels) {
            (true, false) => inputs.no_binary.push(name),
            (true, true) => {}
            (false, _) => {
                inputs.only_binary.push(name);
                if !of_wheels {
                    self.barred.push(package);
                }
            }
        }
        Ok(())
    }

    /// Why there is no lock: that the hashes of files are not those stated, where uv says that there are no files.
    pub(super) fn explain(&self, why: ResolveError, check: &HashCheck<'_>) -> ResolveError {
        if let ResolveError::Collision(uv) = &why {
            let text = uv.to_string();
            let names = |package: &&LockedPackage| is_named(&text, package.name.as_str());
            if let Some(package) = self.barred.iter().find(names) {
                return check.mismatch(package).unwrap_or_else(|error| error).into();
            }
        }
        match why {
            ResolveError::Collision(uv) | ResolveError::Uv(uv)
                if self.required && uv.is_about_source_alone() =>
            {
                HashError::Source(uv).into()
            }
            why => why,
        }
    }
}

/// Whether uv names a version of a package: `a==1.0`, `a[x]==1.0` or `a{marker}==1.0`.
fn is_named(text: &str, name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.match_indices(name).any(|(at, _)| {
        let behind = &text[at + name.len()..];
        !text[..at].ends_with(inner) && ["==", "[", "{"].iter().any(|it| behind.starts_with(it))
    })
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_package_is_named_with_its_version_extras_or_marker() {
        let text = "Because raw{python_full_version >= '3.10'}==1.0 and b-c[x]==2 have no usable wheels and d==1 …";
        for name in ["raw", "b-c", "d"] {
            assert!(is_named(text, name), "{name}");
        }
        for name in ["aw", "c", "usable", "b"] {
            assert!(!is_named(text, name), "{name}");
        }
    }
}
