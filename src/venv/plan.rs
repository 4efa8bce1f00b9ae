//! The plan of a venv: spreads every wheel over it, finds conflicts, and puts everything into the order of the tarball.
//!
//! The order is fixed: all folders, then what comes from no wheel, then package by package, small files first. So the same
//! wheel gives the same run of bytes wherever it stands, and a reader can extract while it reads.

use std::collections::{BTreeMap, BTreeSet};

use super::files::own_items;
use super::reserved::{program, reserved};
use super::{Installed, Item, ItemKind, Layout, LayoutError, VenvOptions, is_small, scripts};
use crate::digest::Digest;
use crate::name::PackageName;
use crate::pack::{Content, Stream};
use crate::target::PythonVersion;
use crate::wheel::{EntryPoint, Record, RecordRow};
use crate::zip;

/// Lays out all packages below `venv/`; pack numbers are positions in `packages`.
///
/// # Errors
/// [`LayoutError`] names the packages and the path.
pub fn layout(packages: &[Installed<'_>], options: &VenvOptions) -> Result<Layout, LayoutError> {
    let own = own_items(options)?;
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&number| &packages[number].wheel.name);
    for pair in order.windows(2) {
        let [first, second] = [pair[0], pair[1]].map(|number| &packages[number].wheel.name);
        if first == second {
            return Err(LayoutError::Twice {
                package: first.clone(),
            });
        }
    }
    let places = Places::new(options);
    let mut claims = Claims::default();
    let mut files = Vec::new();
    for number in order {
        let spread = Spread::new(number, &packages[number], &places).run()?;
        let mut written = Vec::with_capacity(spread.len());
        for file in spread {
            if claims.add(&file, &packages[number].wheel.name)? {
                written.push(file);
            }
        }
        written.sort_unstable_by(|a, b| (a.large, &a.path).cmp(&(b.large, &b.path)));
        files.extend(written.into_iter().map(|file| Item {
            path: file.path,
            kind: file.kind,
        }));
    }
    let folders = claims.folders()?;
    Ok(in_order(&places, folders, own, files))
}

/// Folders that something stands in, each once and before its content, then the rest as it is.
fn in_order(
    places: &Places,
    mut folders: BTreeSet<String>,
    own: Vec<Item>,
    files: Vec<Item>,
) -> Layout {
    add_parents(&mut folders, &format!("{}/x", places.site_packages));
    for item in &own {
        add_parents(&mut folders, &item.path);
    }
    let folders = folders.into_iter().map(|path| Item {
        path,
        kind: ItemKind::Directory,
    });
    Layout {
        items: folders.chain(own).chain(files).collect(),
    }
}

/// Adds every folder above `path`.
fn add_parents(folders: &mut BTreeSet<String>, path: &str) {
    let mut path = path;
    while let Some((parent, _)) = path.rsplit_once('/') {
        if !folders.insert(parent.to_owned()) {
            return;
        }
        path = parent;
    }
}

/// Where the kinds of files go (the `venv` installation scheme).
struct Places {
    site_packages: String,
    headers: String,
    python: PythonVersion,
}

impl Places {
    fn new(options: &VenvOptions) -> Self {
        let python = options.target.python;
        let folder = python.lib_dir();
        Self {
            site_packages: format!("venv/lib/{folder}/site-packages"),
            headers: format!("venv/include/site/{folder}"),
            python,
        }
    }

    /// `path` as RECORD spells it: relative to site-packages.
    fn in_record(&self, path: &str) -> String {
        if let Some(rest) = path.strip_prefix(&self.site_packages) {
            return rest.trim_start_matches('/').to_owned();
        }
        let rest = path.strip_prefix("venv/").unwrap_or(path);
        format!("../../../{rest}")
    }
}

/// One file of a package at its final place.
struct Placed {
    path: String,
    kind: ItemKind,
    sha256: Digest,
    size: u64,
    executable: bool,
    large: bool,
}

/// Which package owns which path so far.
#[derive(Default)]
struct Claims {
    files: BTreeMap<String, Claim>,
}

struct Claim {
    package: PackageName,
    sha256: Digest,
    executable: bool,
}

impl Claims {
    /// Whether the file is to be written: `false` when another package has brought the very same one.
    fn add(&mut self, file: &Placed, package: &PackageName) -> Result<bool, LayoutError> {
        let Some(claim) = self.files.get(&file.path) else {
            let claim = Claim {
                package: package.clone(),
                sha256: file.sha256,
                executable: file.executable,
            };
            self.files.insert(file.path.clone(), claim);
            return Ok(true);
        };
        if (claim.sha256, claim.executable) == (file.sha256, file.executable) {
            return Ok(false);
        }
        if claim.package == *package {
            return Err(LayoutError::Data {
                package: package.clone(),
                path: file.path.clone(),
                rule: "two different files of it go there",
            });
        }
        Err(LayoutError::Conflict {
            path: file.path.clone(),
            first: claim.package.clone(),
            second: package.clone(),
        })
    }

    /// All folders above the files; none of them may be a file itself.
    fn folders(&self) -> Result<BTreeSet<String>, LayoutError> {
        let mut folders = BTreeSet::new();
        for path in self.files.keys() {
            add_parents(&mut folders, path);
        }
        for folder in &folders {
            if let Some(file) = self.files.get(folder) {
                let below = format!("{folder}/");
                let owner = self.files.range(below..).next();
                return Err(LayoutError::FileIsFolder {
                    path: folder.clone(),
                    file: file.package.clone(),
                    folder: owner
                        .map_or(&file.package, |(_, claim)| &claim.package)
                        .clone(),
                });
            }
        }
        Ok(folders)
    }
}

/// One package on its way into the venv.
struct Spread<'a> {
    number: usize,
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
    fn new(number: usize, package: &'a Installed<'a>, places: &'a Places) -> Self {
        Self {
            number,
            package,
            places,
            points: EntryPoint::for_python(&package.wheel.scripts, &places.python),
            files: Vec::new(),
        }
    }

    /// All files of the package, RECORD last.
    fn run(mut self) -> Result<Vec<Placed>, LayoutError> {
        let package = self.package;
        for (number, entry) in package.wheel.pack.entries.iter().enumerate() {
            match &entry.content {
                Content::Directory => {}
                Content::Symlink { .. } => {
                    return Err(self.refuse(&entry.path, "a wheel cannot hold symbolic links"));
                }
                Content::File { executable, stream } => match self.destination(&entry.path)? {
                    Destination::Path(path) => self.carry(path, number, *executable, stream)?,
                    Destination::Script(name) => self.script(&name, number, stream)?,
                    Destination::Dropped => {}
                },
            }
        }
        for point in std::mem::take(&mut self.points) {
            self.check_script_name(&point.name, "entry_points.txt")?;
            let path = format!("venv/bin/{}", point.name);
            self.own(path, scripts::entry_point(&point), true)?;
        }
        self.metadata()?;
        Ok(self.files)
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
            return self.carry(path, number, true, stream);
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
        let mut record = Record::default();
        for file in &self.files {
            let path = self.places.in_record(&file.path);
            let row = RecordRow::of(path, &file.sha256, file.size);
            record.rows.push(row);
        }
        let path = format!("{folder}/RECORD");
        let own_row = RecordRow::bare(self.places.in_record(&path));
        record.rows.push(own_row);
        self.own(path, record.to_text().into_bytes(), false)
    }

    fn carry(
        &mut self,
        path: String,
        entry: usize,
        executable: bool,
        stream: &Stream,
    ) -> Result<(), LayoutError> {
        self.place(Placed {
            path,
            kind: ItemKind::Carried {
                pack: self.number,
                entry,
                executable,
            },
            sha256: stream.sha256,
            size: stream.size,
            executable,
            large: !is_small(stream),
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
