//! One wheel spread over a venv: which of its files goes where, what is rewritten, what is added.
//!
//! Looks at one package alone; how packages get along is for the plan to see.

use super::items::{Items, Row, Spot};
use super::reserved::{program, reserved};
use super::{Installed, Item, ItemKind, LayoutError, VenvOptions, scripts};
use crate::entries::{Content, Pack, Stream};
use crate::wheel::{EntryPoint, INSTALLERS};
use crate::zip;
use pannier_base::platform::PythonVersion;

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
}

/// Numbers of the packs of one package.
const WHEEL: u8 = 0;
const BYTECODE: u8 = 1;

/// One package on its way into the venv.
pub(super) struct Spread<'a> {
    package: &'a Installed<'a>,
    places: &'a Places,
    points: Vec<EntryPoint>,
    packs: Vec<&'a Pack>,
    items: Items,
}

/// What is done with a file of a wheel.
enum Destination<'p> {
    /// It goes below this folder, which has a trailing slash, as it is.
    Below(String, &'p str),
    /// It is a script of that name.
    Script(&'p str),
    /// It is replaced by a file of ours.
    Dropped,
}

impl<'a> Spread<'a> {
    pub(super) fn new(package: &'a Installed<'a>, places: &'a Places) -> Self {
        Self {
            package,
            places,
            points: EntryPoint::for_python(&package.wheel.scripts, &places.python),
            packs: package.packs(),
            items: Items::default(),
        }
    }

    /// All files of the package, RECORD last.
    pub(super) fn run(mut self) -> Result<Items, LayoutError> {
        let package = self.package;
        for (number, entry) in package.wheel.pack.iter().enumerate() {
            let path = entry.path;
            let (executable, stream) = match entry.content {
                Content::Directory => continue,
                Content::Symlink { .. } => {
                    return Err(self.refuse(path, "a wheel cannot hold symbolic links"));
                }
                Content::File { executable, stream } => (executable, stream),
            };
            match self.destination(path)? {
                Destination::Below(folder, rest) => {
                    let skip = path.len() - rest.len();
                    let spot = self.items.spot(&folder, skip, (WHEEL, number));
                    self.carry(spot, executable, &stream)?;
                }
                Destination::Script(name) => {
                    let skip = path.len() - name.len();
                    let spot = self.items.spot("venv/bin/", skip, (WHEEL, number));
                    self.script(spot, name, &stream)?;
                }
                Destination::Dropped => {}
            }
        }
        self.bytecode()?;
        for point in std::mem::take(&mut self.points) {
            self.check_script_name(&point.name, "entry_points.txt")?;
            let path = format!("venv/bin/{}", point.name);
            self.own(path, scripts::entry_point(&point), true)?;
        }
        self.metadata()?;
        Ok(self.items)
    }

    /// What was compiled goes beside its modules.
    fn bytecode(&mut self) -> Result<(), LayoutError> {
        let Some(bytecode) = self.package.bytecode else {
            return Ok(());
        };
        let folder = self.in_site_packages("");
        for (number, entry) in bytecode.iter().enumerate() {
            if let Content::File { stream, .. } = entry.content {
                let spot = self.items.spot(&folder, 0, (BYTECODE, number));
                self.carry(spot, false, &stream)?;
            }
        }
        Ok(())
    }

    /// Where a file of the wheel goes.
    fn destination<'p>(&self, path: &'p str) -> Result<Destination<'p>, LayoutError> {
        let wheel = self.package.wheel;
        let below = |folder: &str| path.strip_prefix(folder)?.strip_prefix('/');
        if below(&wheel.dist_info).is_some_and(|name| INSTALLERS.contains(&name)) {
            return Ok(Destination::Dropped);
        }
        let Some(rest) = wheel.data.as_deref().and_then(below) else {
            return Ok(Destination::Below(self.in_site_packages(""), path));
        };
        let Some((key, rest)) = rest.split_once('/') else {
            return Err(self.refuse(path, "a `.data` folder holds nothing but folders"));
        };
        Ok(match key {
            "purelib" | "platlib" => Destination::Below(self.in_site_packages(""), rest),
            "data" => Destination::Below("venv/".to_owned(), rest),
            "headers" => {
                let folder = format!("{}/{}/", self.places.headers, wheel.name.as_str());
                Destination::Below(folder, rest)
            }
            "scripts" if scripts::is_launcher_of(rest, &self.points) => Destination::Dropped,
            "scripts" => {
                self.check_script_name(rest, path)?;
                Destination::Script(rest)
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
    fn script(&mut self, spot: Spot, name: &str, stream: &Stream) -> Result<(), LayoutError> {
        let wheel = self.package.wheel;
        let unreadable = |source| LayoutError::Read {
            package: wheel.name.clone(),
            path: wheel
                .pack
                .path(spot.entry as usize)
                .unwrap_or(name)
                .to_owned(),
            source,
        };
        let file = self.package.file;
        if !scripts::asks_for_python(file, stream).map_err(unreadable)? {
            return self.carry(spot, true, stream);
        }
        let script = zip::read_entry(file, stream).map_err(unreadable)?;
        let path = format!("venv/bin/{name}");
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
        self.check(&path)?;
        let site_packages = &self.places.site_packages;
        let added = self.items.add_record(path, site_packages, &self.packs);
        added.expect("what is laid out is from these containers");
        Ok(())
    }

    fn carry(&mut self, spot: Spot, executable: bool, stream: &Stream) -> Result<(), LayoutError> {
        let row = Row::Entry(Spot {
            executable,
            large: stream.size > self.places.small,
            ..spot
        });
        if let Some(path) = self.items.path(&row, &self.packs) {
            self.check(&path)?;
        }
        self.items.rows.push(row);
        Ok(())
    }

    fn own(&mut self, path: String, bytes: Vec<u8>, executable: bool) -> Result<(), LayoutError> {
        self.check(&path)?;
        let kind = ItemKind::Bytes { bytes, executable };
        self.items
            .rows
            .push(Row::Own(Box::new(Item { path, kind })));
        Ok(())
    }

    fn check(&self, path: &str) -> Result<(), LayoutError> {
        let in_venv = path.strip_prefix("venv/").unwrap_or(path);
        match reserved(in_venv) {
            None => Ok(()),
            Some(rule) => Err(LayoutError::Reserved {
                package: self.package.wheel.name.clone(),
                path: path.to_owned(),
                rule,
            }),
        }
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
