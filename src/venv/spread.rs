//! One wheel spread over a venv: which of its files goes where, what is rewritten, what is added.
//!
//! Looks at one package alone; how packages get along is for the plan to see.

use std::borrow::Cow;

use super::reserved::{program, reserved};
use super::{Installed, ItemKind, LayoutError, VenvOptions, scripts};
use crate::digest::Digest;
use crate::pack::{Content, Stream};
use crate::target::PythonVersion;
use crate::wheel::{EntryPoint, RecordRow};
use crate::zip;

/// Where the kinds of files go (the `venv` installation scheme).
pub(super) struct Places {
    pub(super) site_packages: String,
    headers: String,
    python: PythonVersion,
    small: u64,
}

impl Places {
    pub(super) fn new(options: &VenvOptions) -> Self {
        let python = options.target.python;
        let folder = python.lib_dir();
        Self {
            site_packages: format!("venv/lib/{folder}/site-packages"),
            headers: format!("venv/include/site/{folder}"),
            python,
            small: options.small,
        }
    }

    /// `path` as RECORD spells it: relative to site-packages.
    fn in_record<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if let Some(rest) = path.strip_prefix(&self.site_packages) {
            return rest.trim_start_matches('/').into();
        }
        let rest = path.strip_prefix("venv/").unwrap_or(path);
        format!("../../../{rest}").into()
    }
}

/// Numbers of the packs of one package.
const WHEEL: usize = 0;
const BYTECODE: usize = 1;

/// One file of a package at its final place.
pub(super) struct Placed {
    pub(super) path: String,
    pub(super) kind: ItemKind,
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) executable: bool,
    pub(super) large: bool,
}

/// One package on its way into the venv.
pub(super) struct Spread<'a> {
    package: &'a Installed<'a>,
    places: &'a Places,
    points: Vec<EntryPoint>,
    files: Vec<Placed>,
}

/// What is done with a file of a wheel.
enum Destination {
    /// It goes to this path below the tarball's top, as it is.
    Path(String),
    /// It is a script of that name.
    Script(String),
    /// It is replaced by a file of ours.
    Dropped,
}

impl<'a> Spread<'a> {
    pub(super) fn new(package: &'a Installed<'a>, places: &'a Places) -> Self {
        Self {
            package,
            places,
            points: EntryPoint::for_python(&package.wheel.scripts, &places.python),
            files: Vec::new(),
        }
    }

    /// All files of the package, RECORD last.
    pub(super) fn run(mut self) -> Result<Vec<Placed>, LayoutError> {
        let package = self.package;
        for (number, entry) in package.wheel.pack.entries.iter().enumerate() {
            match &entry.content {
                Content::Directory => {}
                Content::Symlink { .. } => {
                    return Err(self.refuse(&entry.path, "a wheel cannot hold symbolic links"));
                }
                Content::File { executable, stream } => match self.destination(&entry.path)? {
                    Destination::Path(path) => {
                        self.carry(path, (WHEEL, number), *executable, stream)?;
                    }
                    Destination::Script(name) => self.script(&name, number, stream)?,
                    Destination::Dropped => {}
                },
            }
        }
        self.bytecode()?;
        for point in std::mem::take(&mut self.points) {
            self.check_script_name(&point.name, "entry_points.txt")?;
            let path = format!("venv/bin/{}", point.name);
            self.own(path, scripts::entry_point(&point), true)?;
        }
        self.metadata()?;
        Ok(self.files)
    }

    /// What was compiled goes beside its modules.
    fn bytecode(&mut self) -> Result<(), LayoutError> {
        let Some(bytecode) = self.package.bytecode else {
            return Ok(());
        };
        for (number, entry) in bytecode.entries.iter().enumerate() {
            if let Content::File { stream, .. } = &entry.content {
                let path = self.in_site_packages(&entry.path);
                self.carry(path, (BYTECODE, number), false, stream)?;
            }
        }
        Ok(())
    }

    /// Where a file of the wheel goes.
    fn destination(&self, path: &str) -> Result<Destination, LayoutError> {
        let wheel = self.package.wheel;
        let below = |folder: &str| path.strip_prefix(folder)?.strip_prefix('/');
        if let Some(name) = below(&wheel.dist_info) {
            // Signatures of a RECORD end with it, and the installer's own files are ours to write.
            let ours = [
                "RECORD",
                "RECORD.jws",
                "RECORD.p7s",
                "INSTALLER",
                "REQUESTED",
                "direct_url.json",
            ];
            if ours.contains(&name) {
                return Ok(Destination::Dropped);
            }
        }
        let Some(rest) = wheel.data.as_deref().and_then(below) else {
            return Ok(Destination::Path(self.in_site_packages(path)));
        };
        let Some((key, rest)) = rest.split_once('/') else {
            return Err(self.refuse(path, "a `.data` folder holds nothing but folders"));
        };
        Ok(match key {
            "purelib" | "platlib" => Destination::Path(self.in_site_packages(rest)),
            "data" => Destination::Path(format!("venv/{rest}")),
            "headers" => Destination::Path(format!(
                "{}/{}/{rest}",
                self.places.headers,
                wheel.name.as_str()
            )),
            "scripts" if scripts::is_launcher_of(rest, &self.points) => Destination::Dropped,
            "scripts" => {
                self.check_script_name(rest, path)?;
                Destination::Script(rest.to_owned())
            }
            _ => {
                return Err(self.refuse(
                    path,
                    "only purelib, platlib, headers, scripts and data may stand in a `.data` folder",
                ));
            }
        })
    }

    fn in_site_packages(&self, path: &str) -> String {
        format!("{}/{path}", self.places.site_packages)
    }

    /// A script of the wheel: executable whatever the wheel says, its shebang rewritten where it asks for that.
    fn script(&mut self, name: &str, number: usize, stream: &Stream) -> Result<(), LayoutError> {
        let path = format!("venv/bin/{name}");
        let unreadable = |source| LayoutError::Read {
            package: self.package.wheel.name.clone(),
            path: self.package.wheel.pack.entries[number].path.clone(),
            source,
        };
        let file = self.package.file;
        if !scripts::asks_for_python(file, stream).map_err(unreadable)? {
            return self.carry(path, (WHEEL, number), true, stream);
        }
        let script = zip::read_entry(file, stream).map_err(unreadable)?;
        self.own(path, scripts::with_header(&script), true)
    }

    /// What an installer adds to `.dist-info`.
    fn metadata(&mut self) -> Result<(), LayoutError> {
        let package = self.package;
        let folder = self.in_site_packages(&package.wheel.dist_info);
        self.own(format!("{folder}/INSTALLER"), b"pannier\n".to_vec(), false)?;
        if package.requested {
            self.own(format!("{folder}/REQUESTED"), Vec::new(), false)?;
        }
        if let Some(direct_url) = &package.direct_url {
            self.own(
                format!("{folder}/direct_url.json"),
                direct_url.render(),
                false,
            )?;
        }
        let path = format!("{folder}/RECORD");
        let record = self.record(&path);
        self.own(path, record.into_bytes(), false)
    }

    /// The RECORD that stands at `own`, its rows sorted by path. No more than a row is made at a time: packages can have a
    /// hundred thousand files.
    fn record(&self, own: &str) -> String {
        let files = self
            .files
            .iter()
            .map(|file| (file.path.as_str(), Some(file)));
        let mut rows: Vec<_> = files
            .chain([(own, None)])
            .map(|(path, file)| (self.places.in_record(path), file))
            .collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut text = String::new();
        for (path, file) in rows {
            let row = match file {
                Some(file) => RecordRow::of(path, &file.sha256, file.size),
                None => RecordRow::bare(path),
            };
            row.write(&mut text);
        }
        text
    }

    fn carry(
        &mut self,
        path: String,
        (pack, entry): (usize, usize),
        executable: bool,
        stream: &Stream,
    ) -> Result<(), LayoutError> {
        self.place(Placed {
            path,
            kind: ItemKind::Carried {
                pack,
                entry,
                executable,
            },
            sha256: stream.sha256,
            size: stream.size,
            executable,
            large: stream.size > self.places.small,
        })
    }

    fn own(&mut self, path: String, bytes: Vec<u8>, executable: bool) -> Result<(), LayoutError> {
        self.place(Placed {
            path,
            sha256: Digest::of(&bytes),
            size: bytes.len() as u64,
            kind: ItemKind::Bytes { bytes, executable },
            executable,
            large: false,
        })
    }

    fn place(&mut self, file: Placed) -> Result<(), LayoutError> {
        let in_venv = file.path.strip_prefix("venv/").unwrap_or(&file.path);
        if let Some(rule) = reserved(in_venv) {
            return Err(LayoutError::Reserved {
                package: self.package.wheel.name.clone(),
                path: file.path,
                rule,
            });
        }
        self.files.push(file);
        Ok(())
    }

    fn check_script_name(&self, name: &str, source: &str) -> Result<(), LayoutError> {
        if let Some(rule) = program(name) {
            return Err(LayoutError::Reserved {
                package: self.package.wheel.name.clone(),
                path: format!("venv/bin/{name}"),
                rule,
            });
        }
        if name.is_empty() || matches!(name, "." | "..") || name.contains('/') {
            return Err(self.refuse(source, "the name of a script is a plain file name"));
        }
        if name.starts_with('-') {
            return Err(self.refuse(source, "the name of a script does not start with `-`"));
        }
        Ok(())
    }

    fn refuse(&self, path: &str, rule: &'static str) -> LayoutError {
        LayoutError::Data {
            package: self.package.wheel.name.clone(),
            path: path.to_owned(),
            rule,
        }
    }
}
