//! Where the files of a wheel with a `.data` folder would be installed, and whether two of them go to one place.
//!
//! The container's own check knows the paths in the wheel alone, and schemes lead elsewhere. Two files of the same content are
//! no conflict: whichever comes last leaves the same.

use super::data::DataError;
use super::entry_points::EntryPoint;
use super::error::WheelError;
use super::filename::WheelFilename;
use crate::entries::{Content, Pack};
use crate::zip::{Names, Sameness};

/// Stands for site-packages, whatever the Python. No other target begins so.
const SITE: &str = "site";

/// The targets of one wheel.
pub(super) struct Targets<'a> {
    filename: &'a WheelFilename,
    pack: &'a Pack,
    /// Its `.data` folder with a trailing slash.
    data: String,
    names: Names,
    /// What was added, in its order.
    added: Vec<Added>,
}

/// Something that is installed.
enum Added {
    /// Number of the entry.
    Entry(usize),
    /// An entry point of that number.
    Script(usize),
}

impl<'a> Targets<'a> {
    pub(super) fn new(filename: &'a WheelFilename, pack: &'a Pack, data: &str) -> Self {
        Self {
            filename,
            pack,
            data: format!("{data}/"),
            names: Names::new(Sameness::Folded),
            added: Vec::new(),
        }
    }

    /// # Errors
    /// [`WheelError::Data`] names a file and the other one that goes to its place.
    pub(super) fn check(mut self, scripts: &[EntryPoint]) -> Result<(), WheelError> {
        let pack = self.pack;
        for (number, entry) in pack.iter().enumerate() {
            if matches!(entry.content, Content::File { .. }) && !self.is_copy(&entry.path)? {
                self.names.add(&self.target(&entry.path), false);
                self.added.push(Added::Entry(number));
            }
        }
        for (number, script) in scripts.iter().enumerate() {
            // A launcher of that name is replaced, and anything else of that name is told where it is laid out.
            let launcher = format!("{}scripts/{}", self.data, script.name);
            if pack.find(&launcher).is_none() {
                self.names.add(&format!("venv/bin/{}", script.name), false);
                self.added.push(Added::Script(number));
            }
        }
        let Some(conflict) = self.names.conflict() else {
            return Ok(());
        };
        let shown = |at: usize| match self.added[at] {
            Added::Entry(number) => pack.get(number).map_or(String::new(), |it| it.path.clone()),
            Added::Script(number) => format!("the program {}", scripts[number].name),
        };
        Err(self.clash(&shown(conflict.at), shown(conflict.with)))
    }

    /// Whether another file of the same target and content stands in for this one.
    fn is_copy(&self, path: &str) -> Result<bool, WheelError> {
        let target = self.target(path);
        let Some(rest) = target
            .strip_prefix(SITE)
            .and_then(|it| it.strip_prefix('/'))
        else {
            return Ok(false);
        };
        let pack = self.pack;
        let places = [
            rest.to_owned(),
            format!("{}purelib/{rest}", self.data),
            format!("{}platlib/{rest}", self.data),
        ];
        for place in places {
            if place == path {
                break;
            }
            let Some(other) = pack.find(&place) else {
                continue;
            };
            let content = |path: &str| Some(pack.find(path)?.stream()?.sha256);
            if content(path) == content(&place) {
                return Ok(true);
            }
            return Err(self.clash(path, other.path.to_owned()));
        }
        Ok(false)
    }

    /// Where a file goes, named alike for all Pythons.
    fn target(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix(&self.data) else {
            return format!("{SITE}/{path}");
        };
        let (scheme, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match scheme {
            "purelib" | "platlib" => format!("{SITE}/{rest}"),
            "scripts" => format!("venv/bin/{rest}"),
            "data" => match in_site_packages(rest) {
                Some(rest) => format!("{SITE}/{rest}"),
                None => format!("venv/{rest}"),
            },
            scheme => format!("{scheme}/{rest}"),
        }
    }

    fn clash(&self, entry: &str, other: String) -> WheelError {
        WheelError::Data {
            wheel: self.filename.to_string(),
            entry: entry.to_owned(),
            source: DataError::Clash { other },
        }
    }
}

/// The rest of `lib/pythonX.Y/site-packages/…`.
fn in_site_packages(path: &str) -> Option<&str> {
    let (python, rest) = path.strip_prefix("lib/python")?.split_once('/')?;
    let version = python
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    rest.strip_prefix("site-packages/").filter(|_| version)
}
