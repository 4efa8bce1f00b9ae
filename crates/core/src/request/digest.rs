//! The digest of a request and of each of its parts: whether a lock still belongs to it, and if not, what changed.
//!
//! Only what can change a lock goes in. Credentials never do, nor the interpreter's path, comments, or where the project is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};

use crate::constraints::{ConstraintLine, Reader};
use crate::request::folder::FolderError;
use crate::request::{ImageRequest, ProjectSource, Request, folder};
use pannier_base::digest::{Digest, Hasher};
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Submodules;

/// Digest of each part of a request, by name, such as `constraints`, `image builder`, `packages of image builder`,
/// `packaging files in packages/x`.
pub type Parts = BTreeMap<String, Digest>;

impl Request {
    /// The digest of each part. `read` reads the packaging files of packages in folders, by a path that is absolute or
    /// relative to [`Request::root`].
    ///
    /// # Errors
    /// A folder without a Python project, or a packaging file in it that cannot be read.
    pub fn parts(&self, read: &Reader<'_>) -> Result<Parts, FolderError> {
        let mut parts = Parts::new();
        let constraints = self.constraints.iter().flat_map(|text| &text.lines);
        let mut constraints: Vec<String> = constraints
            .map(|line| with_hashes(canonical(line.constraint.requirement()), line))
            .collect();
        constraints.sort();
        parts.insert("constraints".to_owned(), digest_of(&constraints));
        parts.insert("index".to_owned(), self.index_part());
        let submodules = match self.submodules {
            Submodules::Refuse => "refuse",
            Submodules::Follow => "follow",
        };
        parts.insert("submodules".to_owned(), digest_of(&[submodules.to_owned()]));
        // None is no part: what a production lock was made from does not hold the word.
        if !self.overrides.list.is_empty() {
            let overrides = self.overrides.list.iter();
            let overrides: Vec<String> = overrides
                .map(|one| format!("{}={}", one.name, one.value))
                .collect();
            parts.insert("overrides".to_owned(), digest_of(&overrides));
        }
        for image in &self.images {
            image_parts(image, &mut parts);
            for package in &image.packages {
                if let ProjectSource::Directory { path } = &package.source {
                    let digest = folder::digest(path, read)?;
                    parts.insert(format!("packaging files in {}", path.display()), digest);
                }
            }
        }
        Ok(parts)
    }

    /// The digest of the whole request, see [`Request::parts`].
    ///
    /// # Errors
    /// As [`Request::parts`].
    pub fn digest(&self, read: &Reader<'_>) -> Result<Digest, FolderError> {
        Ok(whole(&self.parts(read)?))
    }

    fn index_part(&self) -> Digest {
        let url = |url: &SafeUrl| url.without_credentials().to_string();
        let mut fields = vec![self.index.url.as_ref().map(url).unwrap_or_default()];
        fields.extend(self.index.extra.iter().map(url));
        digest_of(&fields)
    }
}

/// The digest over all parts.
#[must_use]
pub fn whole(parts: &Parts) -> Digest {
    let mut hasher = Hasher::default();
    for (name, digest) in parts {
        hasher.field(name.as_bytes());
        hasher.field(digest.as_bytes());
    }
    hasher.finish()
}

/// What changed between the parts that a lock remembers and those of now: one line each, for people; empty if nothing did.
#[must_use]
pub fn changes(before: &Parts, now: &Parts) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    // The lists of an image that came or went say nothing more than the image itself does.
    let image_is_missing = |name: &str, parts: &Parts| {
        name.split_once(" of ")
            .is_some_and(|(_, image)| !parts.contains_key(image))
    };
    let mut changes = Vec::new();
    for name in names {
        let what = match (before.get(name), now.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) if image_is_missing(name, before) => continue,
            (_, None) if image_is_missing(name, now) => continue,
            (None, _) => "added",
            (_, None) => "removed",
        };
        changes.push(format!("{name} {what}"));
    }
    changes
}

fn image_parts(image: &ImageRequest, parts: &mut Parts) {
    // Names of images may hold dots and dashes, but no blanks.
    let own = format!("image {}", image.name);
    let list = |list: &str| format!("{list} of {own}");
    let target = [
        image.target.python.to_string(),
        image.target.platform.to_string(),
    ];
    parts.insert(own.clone(), digest_of(&target));
    let mut packages: Vec<String> = image
        .packages
        .iter()
        .map(|package| {
            let name = package.name.as_ref().map_or("", PackageName::as_str);
            let extras: Vec<_> = package.extras.iter().map(PackageName::as_str).collect();
            format!("{name}[{}] @ {}", extras.join(","), source(&package.source))
        })
        .collect();
    packages.sort();
    parts.insert(list("packages"), digest_of(&packages));
    let mut requirements: Vec<String> = image.requirements.iter().map(canonical).collect();
    let hashed = image.hashed.iter();
    let hashed = hashed.map(|line| with_hashes(canonical(line.constraint.requirement()), line));
    requirements.extend(hashed);
    requirements.sort();
    parts.insert(list("requirements"), digest_of(&requirements));
    let mut data: Vec<String> = image
        .data
        .iter()
        .map(|data| format!("{} @ {}", data.name, source(&data.source)))
        .collect();
    data.sort();
    parts.insert(list("data"), digest_of(&data));
}

/// A source as a text, without credentials.
fn source(source: &ProjectSource) -> String {
    match source {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => {
            let mut text = format!("git+{}@{revision}", repository.without_credentials());
            if let Some(folder) = subdirectory {
                let _ = write!(text, "#subdirectory={folder}");
            }
            text
        }
        ProjectSource::Directory { path } => path.display().to_string(),
    }
}

/// A requirement in one spelling, without credentials.
fn canonical(requirement: &Requirement<VerbatimUrl>) -> String {
    let mut requirement = requirement.clone();
    if let Some(VersionOrUrl::Url(url)) = &mut requirement.version_or_url {
        let mut bare = url.to_url();
        // Both fail only for URLs that cannot have credentials, which then have none to remove.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        *url = VerbatimUrl::from_url(bare);
    }
    requirement.extras.sort();
    requirement.to_string()
}

/// A requirement with the hashes of its line, in one order.
fn with_hashes(mut text: String, line: &ConstraintLine) -> String {
    let mut hashes = line.hashes.clone();
    hashes.sort();
    hashes.dedup();
    text.extend(hashes.iter().map(|hash| format!(" --hash={hash}")));
    text
}

fn digest_of(fields: &[String]) -> Digest {
    let mut hasher = Hasher::default();
    for field in fields {
        hasher.field(field.as_bytes());
    }
    hasher.finish()
}
