//! Which image has no file of which chosen package. uv does not check wheels when it resolves for several environments.

use std::collections::BTreeMap;

use pep440_rs::{Version, VersionSpecifiers};

use crate::lock::model::{LockedPackage, LockedSource};
use crate::lock::python_allowed;
use crate::lock::select::{best_wheel, shown_target};
use crate::resolve::error::ResolveError;
use crate::resolve::inputs::Image;
use pannier_base::name::{ImageName, PackageName};
use pannier_base::platform::{Arch, Libc, Target, evaluate};

/// A chosen version that does not serve an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unserved {
    /// The package.
    pub package: PackageName,
    /// The version that was chosen.
    pub version: Version,
    /// The image.
    pub image: ImageName,
    /// Why.
    pub reason: String,
    /// Whether it could be built from source after all.
    pub buildable: bool,
    /// Whether uv lists a source archive alone. uv leaves wheels out that no environment can use, so there may be some.
    pub bare: bool,
}

/// Names of packages by image, for images whose lists are narrower than their markers.
pub(super) type Lists = BTreeMap<ImageName, Vec<PackageName>>;

/// Whether the package is for the image by its marker.
pub(super) fn holds(package: &LockedPackage, image: &Image) -> Result<bool, ResolveError> {
    let Some(marker) = &package.marker else {
        return Ok(true);
    };
    evaluate(marker, &image.target, &[]).map_err(|source| ResolveError::Marker {
        package: package.name.clone(),
        image: image.name.clone(),
        source,
    })
}

/// Every image and package for which no file serves.
pub(super) fn unserved(
    packages: &[LockedPackage],
    images: &[Image],
    lists: &Lists,
) -> Result<Vec<Unserved>, ResolveError> {
    let mut found = Vec::new();
    for image in images {
        let list = lists.get(&image.name);
        for package in packages {
            if list.is_some_and(|list| !list.contains(&package.name)) || !holds(package, image)? {
                continue;
            }
            let Some(version) = &package.version else {
                continue;
            };
            if let Some(Problem {
                reason,
                buildable,
                bare,
            }) = problem(package, image)
            {
                found.push(Unserved {
                    bare,
                    package: package.name.clone(),
                    version: version.clone(),
                    image: image.name.clone(),
                    reason,
                    buildable,
                });
            }
        }
    }
    Ok(found)
}

struct Problem {
    reason: String,
    buildable: bool,
    bare: bool,
}

/// Why the package does not serve the image, and whether a build could make it serve.
fn problem(package: &LockedPackage, image: &Image) -> Option<Problem> {
    let LockedSource::Index { sdist, wheels } = &package.source else {
        return None;
    };
    let requires = package.requires_python.as_ref();
    if let Some(text) = requires
        && let Ok(specifiers) = text.parse::<VersionSpecifiers>()
        && !python_allowed(&specifiers, &image.target)
    {
        return Some(Problem {
            reason: format!("it requires Python {text}"),
            buildable: false,
            bare: false,
        });
    }
    best_wheel(wheels, &image.tags).is_none().then(|| Problem {
        reason: format!("no wheel for {}", shown_target(&image.target)),
        buildable: sdist.is_some(),
        bare: wheels.is_empty() && sdist.is_some(),
    })
}

/// The platform by which uv knows the image's, or the next newer one: what has no wheel there has none for the image.
pub(super) fn uv_platform(target: &Target) -> Option<String> {
    const GLIBC: [u16; 12] = [17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];
    let arch = match target.platform.arch {
        Arch::X86_64 => "x86_64",
        Arch::Aarch64 => "aarch64",
        _ => return None,
    };
    if target.python.free_threaded {
        return None;
    }
    Some(match target.platform.libc {
        Libc::Musl { .. } => format!("{arch}-unknown-linux-musl"),
        Libc::Glibc { minor } => {
            // No wheel asks for more than uv's newest yet, so it stands for all that are newer.
            let known = GLIBC
                .iter()
                .find(|known| **known >= minor)
                .unwrap_or(&GLIBC[GLIBC.len() - 1]);
            format!("{arch}-manylinux_2_{known}")
        }
    })
}
