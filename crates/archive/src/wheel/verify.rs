//! The verdict on a wheel: its container, its metadata, its `RECORD`, and where its files would go.
//!
//! Refuses everything that two installers could read differently. Holds one metadata file at a time in memory.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader};

use pep440_rs::Version;

use super::Wheel;
use super::data;
use super::entry_points::EntryPoint;
use super::error::{MetadataProblem, WheelError};
use super::filename::{self, WheelFilename};
use super::metadata::Metadata;
use super::record::{Record, RecordError, RecordRow};
use super::targets::Targets;
use super::wheel_file::WheelFile;
use crate::entries::{Content, Pack, PackEntry, Stream};
use crate::zip::{self, Rules, ZipError, plain_name};
use pannier_base::name::PackageName;

/// What installers write into a `.dist-info`: the wheel's own file of that name gives way.
pub const INSTALLERS: [&str; 6] = [
    "RECORD",
    "RECORD.jws",
    "RECORD.p7s",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
];

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
    open.check_own(&dist_info)?;
    if let Some(data) = &data {
        open.check_data(data)?;
        Targets::new(filename, open.pack, data).check(&scripts)?;
    }
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
        let folders = self.pack.iter().filter_map(|entry| {
            let (top, _) = entry.path.split_once('/').or_else(|| {
                let folder = matches!(entry.content, Content::Directory);
                folder.then_some((&*entry.path, ""))
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
        let Some(stream) = self.stream(&path)? else {
            return Ok(Vec::new());
        };
        let bytes = zip::read_entry(self.file, &stream);
        let bytes = bytes.map_err(|error| self.io_error(error))?;
        EntryPoint::parse_all(&bytes).map_err(|source| WheelError::EntryPoint {
            wheel: self.filename.to_string(),
            entry: path,
            source,
        })
    }

    /// Checks that `RECORD` lists every file with its right hash, and nothing else. It is read row by row: of hundreds of
    /// thousands of files it is longer than everything else that is held.
    fn check_record(&self, dist_info: &str) -> Result<(), WheelError> {
        let path = format!("{dist_info}/RECORD");
        let stream = self.required(&path)?;
        let refuse = |source| WheelError::Record {
            wheel: self.filename.to_string(),
            entry: path.clone(),
            source,
        };
        let files = self.pack.len();
        let mut listing = Listing::new(self.pack);
        let rows = Record::read(BufReader::new(zip::open_entry(self.file, &stream)));
        for (number, row) in rows.enumerate() {
            let row = row.map_err(|error| self.io_error(error))?.map_err(refuse)?;
            // Sixty million bytes can be sixteen million rows.
            if number > 2 * files + 64 {
                return Err(refuse(RecordError::TooLong {
                    rows: number,
                    files,
                }));
            }
            let Some(stream) = listing.take(&row).map_err(refuse)? else {
                continue;
            };
            if row.path != path {
                let content = || zip::open_entry(self.file, stream);
                let checked = row.check(&stream.sha256, stream.size, content);
                checked
                    .map_err(|error| self.io_error(error))?
                    .map_err(refuse)?;
            }
        }
        listing.finish(&path).map_err(refuse)
    }

    /// Checks that nothing at the top is metadata of another package, and nothing in the wheel's own stands where installers
    /// write.
    fn check_own(&self, dist_info: &str) -> Result<(), WheelError> {
        for entry in self.pack.iter() {
            let (top, rest) = entry.path.split_once('/').unwrap_or((&entry.path, ""));
            if top == dist_info {
                let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
                let plain = plain_name(name);
                let written = INSTALLERS.iter().find(|it| plain_name(it) == plain);
                let directory = matches!(entry.content, Content::Directory);
                if let Some(written) = written
                    && (name != *written || directory || !below.is_empty())
                {
                    let problem = MetadataProblem::Installers { name: written };
                    return Err(self.metadata_error(&entry.path, problem));
                }
            } else if data::is_metadata(top) {
                let own = dist_info.to_owned();
                return Err(self.metadata_error(&entry.path, MetadataProblem::Foreign { own }));
            }
        }
        Ok(())
    }

    fn check_data(&self, data: &str) -> Result<(), WheelError> {
        for entry in self.pack.iter() {
            let below = entry.path.strip_prefix(data);
            let Some(path) = below.and_then(|path| path.strip_prefix('/')) else {
                continue;
            };
            let directory = matches!(entry.content, Content::Directory);
            data::check(path, directory).map_err(|source| WheelError::Data {
                wheel: self.filename.to_string(),
                entry: entry.path.to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    fn read_required(&self, path: &str) -> Result<Vec<u8>, WheelError> {
        let stream = self.required(path)?;
        let bytes = zip::read_entry(self.file, &stream);
        bytes.map_err(|error| self.io_error(error))
    }

    fn required(&self, path: &str) -> Result<Stream, WheelError> {
        let stream = self.stream(path)?;
        stream.ok_or_else(|| self.metadata_error(path, MetadataProblem::Missing))
    }

    /// Where a metadata file is, if it is there.
    fn stream(&self, path: &str) -> Result<Option<Stream>, WheelError> {
        let Some(&stream) = self.pack.find(path).and_then(PackEntry::stream) else {
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
        Ok(Some(stream))
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

/// The files of a wheel, to be ticked off while its `RECORD` is read.
struct Listing<'a> {
    pack: &'a Pack,
    /// By path: where the file is, and what the first row about it says, as a hash. `None`: there was no row. Two rows that
    /// differ and have one hash are both right about the file all the same.
    files: HashMap<&'a str, (&'a Stream, Option<u64>)>,
    /// The first path by name that is listed without a file.
    missing: Option<String>,
}

impl<'a> Listing<'a> {
    fn new(pack: &'a Pack) -> Self {
        let files = pack.iter();
        let files = files.filter_map(|it| Some((&*it.path, (it.stream()?, None))));
        Self {
            pack,
            files: files.collect(),
            missing: None,
        }
    }

    /// The file that the row is about, if it is the first one about it.
    fn take(&mut self, row: &RecordRow) -> Result<Option<&'a Stream>, RecordError> {
        let Some((stream, said)) = self.files.get_mut(&*row.path) else {
            if self.missing.as_ref().is_none_or(|path| row.path < *path) {
                self.missing = Some(row.path.clone());
            }
            return Ok(None);
        };
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        let says = hasher.finish();
        match said.replace(says) {
            None => Ok(Some(*stream)),
            Some(said) if said == says => Ok(None),
            Some(_) => Err(RecordError::Twice {
                path: row.path.clone(),
            }),
        }
    }

    /// Checks that every file was listed but `RECORD`, which is at `own`, and its signatures: these are made after it (and
    /// withdrawn by PEP 815), so nothing trusts them and nothing lists them.
    fn finish(self, own: &str) -> Result<(), RecordError> {
        let free = |path: &str| {
            let rest = path.strip_prefix(own);
            rest.is_some_and(|rest| matches!(rest, "" | ".jws" | ".p7s"))
        };
        let unlisted = |path: &str| matches!(self.files.get(path), Some((_, None)));
        let mut paths = self.pack.iter().map(|entry| &*entry.path);
        match (paths.find(|it| unlisted(it) && !free(it)), self.missing) {
            (Some(path), _) => Err(RecordError::Unlisted { path: path.into() }),
            (None, Some(path)) if path != own => Err(RecordError::Missing { path }),
            (None, _) => Ok(()),
        }
    }
}
