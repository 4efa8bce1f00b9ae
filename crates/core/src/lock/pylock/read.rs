//! Reading a `pylock.toml`: every value is checked before it becomes part of a [`Lock`].

use pep440_rs::{Version, VersionSpecifiers};
use toml::Value;

use super::raw::{RawFile, RawLock, RawPackage, RawVcs};
use super::{PylockError, SyntaxError, TABLE_FORMAT};
use crate::lock::model::{Artifact, Lock, LockedData, LockedPackage, LockedSource, PannierTable};
use pannier_base::name::PackageName;
use pannier_base::platform::parse_marker;
use pannier_base::url::SafeUrl;

/// A lock and what was noticed about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The lock.
    pub lock: Lock,
    /// Remarks that are no reason to refuse: a newer minor version, keys that are not known.
    pub notes: Vec<String>,
}

/// A `pylock.toml` of any tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// `requires-python`.
    pub requires_python: Option<String>,
    /// `environments`.
    pub environments: Vec<String>,
    /// `packages`, sorted by name, then version.
    pub packages: Vec<LockedPackage>,
    /// `[tool.pannier]`, if it is there.
    pub pannier: Option<PannierTable>,
    /// Remarks that are no reason to refuse.
    pub notes: Vec<String>,
}

/// Reads a lock that Pannier made.
///
/// # Errors
/// [`PylockError`] names the package or the line.
pub fn read(text: &str) -> Result<Read, PylockError> {
    let document = read_document(text)?;
    let pannier = document.pannier.ok_or(PylockError::Foreign)?;
    Ok(Read {
        lock: Lock {
            requires_python: document.requires_python,
            environments: document.environments,
            packages: document.packages,
            pannier,
        },
        notes: document.notes,
    })
}

/// Reads a `pylock.toml` of any tool.
///
/// # Errors
/// [`PylockError`] names the package or the line.
pub fn read_document(text: &str) -> Result<Document, PylockError> {
    let syntax = |why| PylockError::Syntax(SyntaxError::new(&why, text));
    let raw: RawLock = toml::from_str(text).map_err(syntax)?;
    let mut notes = Vec::new();
    check_version(&raw.lock_version, &mut notes)?;
    let mut packages = Vec::with_capacity(raw.packages.len());
    for package in raw.packages {
        packages.push(read_package(package, &mut notes)?);
    }
    packages.sort_by(|a: &LockedPackage, b| {
        (&a.name, &a.version, &a.marker).cmp(&(&b.name, &b.version, &b.marker))
    });
    let pannier = raw.tool.get("pannier").map(read_table).transpose()?;
    Ok(Document {
        requires_python: raw.requires_python,
        environments: raw.environments,
        packages,
        pannier,
        notes,
    })
}

fn check_version(found: &str, notes: &mut Vec<String>) -> Result<(), PylockError> {
    match found.split_once('.') {
        Some(("1", "0")) => Ok(()),
        Some(("1", minor)) if !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()) => {
            notes.push(format!(
                "the lock has lock-version {found}; parts that are newer than 1.0 are ignored"
            ));
            Ok(())
        }
        _ => Err(PylockError::LockVersion {
            found: found.to_owned(),
        }),
    }
}

fn read_table(table: &Value) -> Result<PannierTable, PylockError> {
    // The format is looked at first: a newer table need not make sense to this reader.
    match table.get("format").and_then(Value::as_integer) {
        Some(found) if found != i64::from(TABLE_FORMAT) => Err(PylockError::TableFormat { found }),
        _ => {
            let read = table.clone().try_into();
            let mut table: PannierTable =
                read.map_err(|why| PylockError::Syntax(SyntaxError::new(&why, "")))?;
            // As for packages: credentials that someone wrote into a lock by hand are dropped.
            for data in table.data.values_mut() {
                if let LockedData::Git { url, .. } = data {
                    *url = url.without_credentials();
                }
            }
            Ok(table)
        }
    }
}

fn read_package(raw: RawPackage, notes: &mut Vec<String>) -> Result<LockedPackage, PylockError> {
    let spelled = raw.name.clone();
    let fail = |problem: String| PylockError::Package {
        package: spelled.clone(),
        problem,
    };
    let name: PackageName = raw.name.parse().map_err(|why| fail(format!("{why}")))?;
    for key in raw.rest.keys() {
        let known = ["dependencies", "attestation-identities", "tool"];
        if !known.contains(&key.as_str()) {
            notes.push(format!(
                "the lock's package `{name}` has the unknown key `{key}`"
            ));
        }
    }
    let version = match &raw.version {
        None => None,
        Some(text) => Some(
            text.parse::<Version>()
                .map_err(|why| fail(format!("`{text}` is not a version: {why}")))?,
        ),
    };
    if let Some(text) = &raw.marker {
        parse_marker(text).map_err(|_| fail(format!("`{text}` is not a marker")))?;
    }
    if let Some(text) = &raw.requires_python {
        text.parse::<VersionSpecifiers>()
            .map_err(|_| fail(format!("`{text}` is not about Python versions")))?;
    }
    let index = raw
        .index
        .as_deref()
        .map(read_url)
        .transpose()
        .map_err(fail)?;
    let (marker, requires_python) = (raw.marker.clone(), raw.requires_python.clone());
    Ok(LockedPackage {
        source: read_source(raw).map_err(fail)?,
        name,
        version,
        marker,
        requires_python,
        index,
    })
}

fn read_source(raw: RawPackage) -> Result<LockedSource, String> {
    let from_index = raw.sdist.is_some() || raw.wheels.is_some();
    let count = [
        raw.vcs.is_some(),
        raw.directory.is_some(),
        raw.archive.is_some(),
        from_index,
    ];
    if count.iter().filter(|given| **given).count() != 1 {
        return Err(
            "exactly one of `vcs`, `directory`, `archive` and `sdist`/`wheels` is expected"
                .to_owned(),
        );
    }
    if let Some(vcs) = raw.vcs {
        return read_vcs(vcs);
    }
    if let Some(directory) = raw.directory {
        return Ok(LockedSource::Directory {
            path: match directory.subdirectory {
                Some(folder) => format!("{}/{folder}", directory.path),
                None => directory.path,
            },
        });
    }
    if let Some(archive) = raw.archive {
        let subdirectory = archive.subdirectory.clone();
        let artifact = read_file(archive)?;
        return Ok(LockedSource::Archive {
            artifact,
            subdirectory,
        });
    }
    let wheels = raw.wheels.unwrap_or_default();
    Ok(LockedSource::Index {
        sdist: raw.sdist.map(read_file).transpose()?,
        wheels: wheels
            .into_iter()
            .map(read_file)
            .collect::<Result<_, _>>()?,
    })
}

fn read_vcs(raw: RawVcs) -> Result<LockedSource, String> {
    if raw.kind != "git" {
        return Err(format!(
            "version control by `{}` is not supported, only git",
            raw.kind
        ));
    }
    let hexadecimal = raw
        .commit_id
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if raw.commit_id.len() != 40 || !hexadecimal {
        return Err(format!(
            "`{}` is not a commit: 40 hexadecimal digits are expected",
            raw.commit_id
        ));
    }
    Ok(LockedSource::Git {
        repository: read_url(&raw.url.ok_or("its repository has no `url`")?)?,
        requested_revision: raw.requested_revision,
        commit: raw.commit_id,
        subdirectory: raw.subdirectory,
    })
}

fn read_file(raw: RawFile) -> Result<Artifact, String> {
    let url = match (&raw.url, &raw.path) {
        (Some(url), _) => read_url(url)?,
        (None, Some(path)) => match url::Url::from_file_path(path) {
            Ok(url) => read_url(url.as_str())?,
            Err(()) => {
                return Err(format!(
                    "the path `{path}` is not absolute; a file needs a URL or such a path"
                ));
            }
        },
        (None, None) => return Err("a file has neither `url` nor `path`".to_owned()),
    };
    let name = raw.name.unwrap_or_else(|| url.file_name());
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name == "." || name == ".." {
        return Err(format!("`{name}` is not a file name"));
    }
    let sha256 = raw
        .hashes
        .iter()
        .find(|(kind, _)| kind.eq_ignore_ascii_case("sha256"));
    let (_, sha256) = sha256.ok_or_else(|| format!("the file `{name}` has no sha256"))?;
    Ok(Artifact {
        sha256: sha256
            .parse()
            .map_err(|why| format!("the file `{name}`: {why}"))?,
        size: raw.size,
        upload_time: match raw.upload_time {
            Some(Value::Datetime(time)) => Some(time.to_string()),
            _ => None,
        },
        name,
        url,
    })
}

fn read_url(text: &str) -> Result<SafeUrl, String> {
    let url = SafeUrl::of_server(text).map_err(|why| why.to_string())?;
    Ok(url.without_credentials())
}
