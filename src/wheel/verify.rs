//! The verdict on a wheel: its container, its metadata, its `RECORD`, and where its files would go.
//!
//! Refuses everything that two installers could read differently. Holds one metadata file at a time in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;

use pep440_rs::Version;

use super::Wheel;
use super::data;
use super::entry_points::EntryPoint;
use super::error::{MetadataProblem, WheelError};
use super::filename::{self, WheelFilename};
use super::metadata::Metadata;
use super::record::{Record, RecordError};
use super::wheel_file::WheelFile;
use crate::name::PackageName;
use crate::pack::{Content, Pack, Stream};
use crate::zip::{self, Rules, ZipError};

/// The longest `RECORD` that is read, in bytes: that of 200,000 files stays below it.
const RECORD_LIMIT: u64 = 64 << 20;
/// The longest of other metadata files, in bytes. Parsed, a file of the shortest possible lines takes thirty times its
/// length.
const METADATA_LIMIT: u64 = 8 << 20;

/// Verifies the whole wheel: container, metadata, `RECORD`, entry points and `.data` paths. What snapshots
/// alone may hold (symbolic links, names that differ in case alone) is refused whatever `rules` say.
///
/// # Errors
/// [`WheelError`] names wheel, entry and rule.
pub fn verify(file: &File, filename: &WheelFilename, rules: &Rules) -> Result<Wheel, WheelError> {
    let rules = Rules {
        symlinks: false,
        collisions: false,
        ..rules.clone()
    };
    let pack = zip::verify(file, &rules).map_err(|source| container(filename, source))?;
    let open = Open {
        file,
        filename,
        pack: &pack,
    };
    let dist_info = open.dist_info()?;
    let data = open.data_folder()?;
    let wheel_file = open.wheel_file(&dist_info)?;
    let metadata = open.metadata(&dist_info)?;
    let scripts = open.scripts(&dist_info)?;
    open.check_record(&dist_info)?;
    open.check_data(data.as_deref())?;
    let mut warnings = wheel_file.warnings;
    warnings.extend(metadata.warnings);
    Ok(Wheel {
        name: filename.name.clone(),
        version: metadata.version,
        purelib: wheel_file.purelib,
        requires_dist: metadata.requires_dist,
        requires_python: metadata.requires_python,
        extras: metadata.extras,
        dist_info,
        data,
        scripts,
        warnings,
        pack,
    })
}

/// A failure to read is no verdict, also where it comes from the container's reader.
fn container(filename: &WheelFilename, source: ZipError) -> WheelError {
    let wheel = filename.to_string();
    match source {
        ZipError::Io(source) => WheelError::Io { wheel, source },
        source => WheelError::Container { wheel, source },
    }
}

/// A wheel whose container is sound.
struct Open<'a> {
    file: &'a File,
    filename: &'a WheelFilename,
    pack: &'a Pack,
}

impl Open<'_> {
    /// The one `.dist-info` folder, which must be this project's and version's.
    fn dist_info(&self) -> Result<String, WheelError> {
        let mut found = self.top_folders(".dist-info");
        let Some(dist_info) = found.next() else {
            return Err(self.metadata_error("*.dist-info", MetadataProblem::NoDistInfo));
        };
        if let Some(other) = found.next() {
            let other = other.to_owned();
            let problem = MetadataProblem::TwoDistInfo { other };
            return Err(self.metadata_error(dist_info, problem));
        }
        self.check_folder(dist_info, ".dist-info")?;
        Ok(dist_info.to_owned())
    }

    /// The `.data` folder, if there is one; another project's is refused, since installers disagree about it.
    fn data_folder(&self) -> Result<Option<String>, WheelError> {
        let mut found = self.top_folders(".data");
        let Some(data) = found.next() else {
            return Ok(None);
        };
        self.check_folder(data, ".data")?;
        if let Some(other) = found.next() {
            self.check_folder(other, ".data")?;
            let other = other.to_owned();
            return Err(self.metadata_error(data, MetadataProblem::TwoData { other }));
        }
        Ok(Some(data.to_owned()))
    }

    /// Distinct folders at the top whose names end with `suffix`, in order of their names.
    fn top_folders<'b>(&'b self, suffix: &str) -> impl Iterator<Item = &'b str> + use<'b> {
        let folders = self.pack.entries.iter().filter_map(|entry| {
            let (top, _) = entry.path.split_once('/').or_else(|| {
                let folder = matches!(entry.content, Content::Directory);
                folder.then_some((entry.path.as_str(), ""))
            })?;
            Some(top)
        });
        let found: BTreeSet<_> = folders.filter(|top| top.ends_with(suffix)).collect();
        found.into_iter()
    }

    /// Checks that a folder's name says name and version as the file name does. Old wheels spell them unnormalised.
    fn check_folder(&self, folder: &str, suffix: &str) -> Result<(), WheelError> {
        let stem = folder.strip_suffix(suffix).unwrap_or(folder);
        let agrees = stem.rsplit_once('-').is_some_and(|(name, version)| {
            name.parse::<PackageName>().as_ref() == Ok(&self.filename.name)
                && filename::parse_version(version).as_ref() == Some(&self.filename.version)
        });
        if agrees {
            return Ok(());
        }
        let WheelFilename { name, version, .. } = self.filename;
        let expected = format!("{}-{version}", name.escaped());
        Err(self.metadata_error(folder, MetadataProblem::Folder { expected }))
    }

    fn wheel_file(&self, dist_info: &str) -> Result<WheelFile, WheelError> {
        let path = format!("{dist_info}/WHEEL");
        let bytes = self.read_required(&path)?;
        WheelFile::parse(&bytes).map_err(|error| self.metadata_error(&path, error.into()))
    }

    /// `METADATA`, whose name and version must be those of the file name.
    fn metadata(&self, dist_info: &str) -> Result<Metadata, WheelError> {
        let path = format!("{dist_info}/METADATA");
        let bytes = self.read_required(&path)?;
        let metadata =
            Metadata::parse(&bytes).map_err(|error| self.metadata_error(&path, error.into()))?;
        let disagrees = |field, found: &str, expected: String| {
            let found = found.to_owned();
            let problem = MetadataProblem::Disagrees {
                field,
                found,
                expected,
            };
            Err(self.metadata_error(&path, problem))
        };
        let WheelFilename { name, version, .. } = self.filename;
        if metadata.name.parse::<PackageName>().as_ref() != Ok(name) {
            return disagrees("Name", &metadata.name, name.to_string());
        }
        if metadata.version.parse::<Version>().as_ref() != Ok(version) {
            return disagrees("Version", &metadata.version, version.to_string());
        }
        Ok(metadata)
    }

    fn scripts(&self, dist_info: &str) -> Result<Vec<EntryPoint>, WheelError> {
        let path = format!("{dist_info}/entry_points.txt");
        let Some(bytes) = self.read(&path)? else {
            return Ok(Vec::new());
        };
        EntryPoint::parse_all(&bytes).map_err(|source| WheelError::EntryPoint {
            wheel: self.filename.to_string(),
            entry: path,
            source,
        })
    }

    /// Checks that `RECORD` lists every file with its right hash, and nothing else.
    fn check_record(&self, dist_info: &str) -> Result<(), WheelError> {
        let path = format!("{dist_info}/RECORD");
        let bytes = self.read_required(&path)?;
        let refuse = |source| WheelError::Record {
            wheel: self.filename.to_string(),
            entry: path.clone(),
            source,
        };
        // Before a row is made of any line: sixty million bytes can be sixteen million rows.
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        if lines > 2 * self.pack.entries.len() + 64 {
            let files = self.pack.entries.len();
            return Err(refuse(RecordError::TooLong { lines, files }));
        }
        let record = Record::parse(&bytes).map_err(refuse)?;
        let mut rows = BTreeMap::new();
        for row in &record.rows {
            if rows
                .insert(row.path.as_str(), row)
                .is_some_and(|other| other != row)
            {
                let path = row.path.clone();
                return Err(refuse(RecordError::Twice { path }));
            }
        }
        for entry in &self.pack.entries {
            let Content::File { stream, .. } = &entry.content else {
                continue;
            };
            let listed = rows.remove(entry.path.as_str());
            if entry.path == path {
                continue;
            }
            let Some(row) = listed else {
                // Signatures are made after RECORD (and withdrawn by PEP 815): nothing trusts them, nothing lists them.
                if entry.path == format!("{path}.jws") || entry.path == format!("{path}.p7s") {
                    continue;
                }
                let path = entry.path.clone();
                return Err(refuse(RecordError::Unlisted { path }));
            };
            let content = || zip::open_entry(self.file, stream);
            let checked = row.check(&stream.sha256, stream.size, content);
            checked
                .map_err(|error| self.io_error(error))?
                .map_err(refuse)?;
        }
        match rows.into_keys().next() {
            Some(missing) if missing != path => {
                let path = missing.to_owned();
                Err(refuse(RecordError::Missing { path }))
            }
            _ => Ok(()),
        }
    }

    fn check_data(&self, data: Option<&str>) -> Result<(), WheelError> {
        let Some(data) = data else { return Ok(()) };
        for entry in &self.pack.entries {
            let below = entry.path.strip_prefix(data);
            let Some(path) = below.and_then(|path| path.strip_prefix('/')) else {
                continue;
            };
            let directory = matches!(entry.content, Content::Directory);
            data::check(path, directory).map_err(|source| WheelError::Data {
                wheel: self.filename.to_string(),
                entry: entry.path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn read_required(&self, path: &str) -> Result<Vec<u8>, WheelError> {
        let bytes = self.read(path)?;
        bytes.ok_or_else(|| self.metadata_error(path, MetadataProblem::Missing))
    }

    /// The content of a metadata file, if it is there.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, WheelError> {
        let Some(stream) = file_stream(self.pack, path) else {
            return Ok(None);
        };
        let limit = match path.ends_with("/RECORD") {
            true => RECORD_LIMIT,
            false => METADATA_LIMIT,
        };
        if stream.size > limit {
            let problem = MetadataProblem::TooLong {
                size: stream.size,
                limit,
            };
            return Err(self.metadata_error(path, problem));
        }
        let bytes = zip::read_entry(self.file, stream);
        bytes.map(Some).map_err(|error| self.io_error(error))
    }

    fn metadata_error(&self, entry: &str, source: MetadataProblem) -> WheelError {
        WheelError::Metadata {
            wheel: self.filename.to_string(),
            entry: entry.to_owned(),
            source,
        }
    }

    fn io_error(&self, source: io::Error) -> WheelError {
        WheelError::Io {
            wheel: self.filename.to_string(),
            source,
        }
    }
}

/// The stream of the regular file at `path`.
fn file_stream<'a>(pack: &'a Pack, path: &str) -> Option<&'a Stream> {
    let mut entries = pack.entries.iter();
    match &entries.find(|entry| entry.path == path)?.content {
        Content::File { stream, .. } => Some(stream),
        Content::Symlink { .. } | Content::Directory => None,
    }
}
