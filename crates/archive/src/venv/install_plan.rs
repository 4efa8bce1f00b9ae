//! One wheel spread over a venv: which of its files goes where, what is rewritten, what is added.
//!
//! Looks at one package alone; how packages get along is for the plan to see.

use super::error::LayoutError;
use super::model::{Installed, Item, ItemKind, VenvOptions};
use super::protected::{program, protected};
use super::record::record;
use super::scripts;
use crate::entries::{Content, Stream};
use crate::wheel::{EntryPoint, INSTALLERS};
use crate::zip;
use pannier_base::platform::PythonVersion;

/// Where the kinds of files go (the `venv` installation scheme).
pub(super) struct Places {
    pub(super) site_packages: String,
    headers: String,
    python: PythonVersion,
    /// Files of up to this many bytes come before the others of their package.
    pub(super) small: u64,
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

/// Numbers of the containers of one package.
const WHEEL: usize = 0;
const BYTECODE: usize = 1;

/// One package on its way into the venv.
pub(super) struct InstallPlan<'a> {
    package: &'a Installed<'a>,
    places: &'a Places,
    points: Vec<EntryPoint>,
    items: Vec<Item>,
}

/// What is done with a file of a wheel.
enum Destination<'p> {
    /// It goes to this path as it is.
    At(String),
    /// It is a script of that name.
    Script(&'p str),
    /// It is replaced by a file of ours.
    Dropped,
}

impl<'a> InstallPlan<'a> {
    pub(super) fn new(package: &'a Installed<'a>, places: &'a Places) -> Self {
        Self {
            package,
            places,
            points: EntryPoint::for_python(&package.wheel.scripts, &places.python),
            items: Vec::new(),
        }
    }

    /// All files of the package, RECORD last.
    pub(super) fn run(mut self) -> Result<Vec<Item>, LayoutError> {
        for entry in self.package.wheel.pack.iter() {
            let path = &*entry.path;
            let (executable, stream) = match &entry.content {
                Content::Directory => continue,
                Content::Symlink { .. } => {
                    return Err(self.refuse(path, "a wheel cannot contain symbolic links"));
                }
                Content::File { executable, stream } => (*executable, *stream),
            };
            match self.destination(path)? {
                Destination::At(place) => self.carry(place, WHEEL, stream, executable)?,
                Destination::Script(name) => self.script(path, name, stream)?,
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

    /// Bytecode goes next to its modules.
    fn bytecode(&mut self) -> Result<(), LayoutError> {
        let Some(bytecode) = self.package.bytecode else {
            return Ok(());
        };
        for entry in bytecode.iter() {
            if let Some(stream) = entry.stream() {
                let place = self.in_site_packages(&entry.path);
                self.carry(place, BYTECODE, *stream, false)?;
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
            return Ok(Destination::At(self.in_site_packages(path)));
        };
        let Some((key, rest)) = rest.split_once('/') else {
            return Err(self.refuse(path, "a `.data` folder contains only folders"));
        };
        Ok(match key {
            "purelib" | "platlib" => Destination::At(self.in_site_packages(rest)),
            "data" => Destination::At(format!("venv/{rest}")),
            "headers" => {
                let headers = &self.places.headers;
                Destination::At(format!("{headers}/{}/{rest}", wheel.name.as_str()))
            }
            "scripts" if scripts::is_launcher_of(rest, &self.points) => Destination::Dropped,
            "scripts" => {
                self.check_script_name(rest, path)?;
                Destination::Script(rest)
            }
            _ => {
                return Err(self.refuse(
                    path,
                    "a `.data` folder contains only purelib, platlib, headers, scripts and data",
                ));
            }
        })
    }

    fn in_site_packages(&self, path: &str) -> String {
        format!("{}/{path}", self.places.site_packages)
    }

    /// A script of the wheel: executable whatever the wheel says, its shebang rewritten where it asks for that.
    fn script(&mut self, path: &str, name: &str, stream: Stream) -> Result<(), LayoutError> {
        let package = self.package;
        let unreadable = |source| LayoutError::Read {
            package: package.wheel.name.clone(),
            path: path.to_owned(),
            source,
        };
        let place = format!("venv/bin/{name}");
        if !scripts::asks_for_python(package.file, &stream).map_err(unreadable)? {
            return self.carry(place, WHEEL, stream, true);
        }
        let script = zip::read_entry(package.file, &stream).map_err(unreadable)?;
        self.own(place, scripts::with_header(&script), true)
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
        let text = record(&self.items, &path, &self.places.site_packages);
        self.own(path, text, false)
    }

    fn carry(
        &mut self,
        path: String,
        pack: usize,
        stream: Stream,
        executable: bool,
    ) -> Result<(), LayoutError> {
        self.check(&path)?;
        let kind = ItemKind::Carried {
            pack,
            stream,
            executable,
        };
        self.items.push(Item { path, kind });
        Ok(())
    }

    fn own(&mut self, path: String, bytes: Vec<u8>, executable: bool) -> Result<(), LayoutError> {
        self.check(&path)?;
        let kind = ItemKind::Bytes { bytes, executable };
        self.items.push(Item { path, kind });
        Ok(())
    }

    fn check(&self, path: &str) -> Result<(), LayoutError> {
        let in_venv = path.strip_prefix("venv/").unwrap_or(path);
        match protected(in_venv) {
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
            return Err(self.refuse(source, "the name of a script must be a plain file name"));
        }
        if name.starts_with('-') {
            return Err(self.refuse(source, "the name of a script must not start with `-`"));
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
