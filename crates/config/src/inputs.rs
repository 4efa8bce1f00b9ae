//! What a configuration is made from, and the order of sources for one value: flag, variable, file.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::env::Environment;
use crate::file::ConfigFile;
use crate::flags::Flags;
use pannier_core::constraints::Reader;
use pannier_core::request::origin::{Effective, Origin};

/// Everything that a configuration is made from.
pub struct Inputs<'a> {
    /// The configuration file, parsed, if there is one.
    pub file: Option<LoadedFile>,
    /// Absolute path of the folder that relative paths start from: that of the file, else the current one.
    pub root: &'a Path,
    /// Absolute path of the current folder: paths of flags and variables start from there.
    pub current: &'a Path,
    /// The environment.
    pub environment: &'a Environment,
    /// The command line.
    pub flags: &'a Flags,
    /// Reads text files, by a path that is absolute or relative to `root`.
    pub read: &'a Reader<'a>,
    /// Text of the netrc file, if there is one.
    pub netrc: Option<String>,
}

/// A configuration file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFile {
    /// Its path, as named, for messages.
    pub path: PathBuf,
    /// What it says.
    pub content: ConfigFile,
}

impl Inputs<'_> {
    /// The file's content, empty where there is no file.
    pub(super) fn file(&self) -> &ConfigFile {
        static EMPTY: LazyLock<ConfigFile> = LazyLock::new(ConfigFile::default);
        self.file.as_ref().map_or(&EMPTY, |file| &file.content)
    }

    /// The file's name for messages.
    pub(super) fn file_name(&self) -> String {
        self.file.as_ref().map_or("pannier.yml".to_owned(), |file| {
            file.path.display().to_string()
        })
    }

    /// The origin of a key of the file.
    pub(super) fn key(&self, key: &str) -> Origin {
        Origin::File {
            file: self.file_name().into(),
            key: key.into(),
        }
    }

    /// One text by the usual order.
    pub(super) fn text(
        &self,
        flag: (&'static str, Option<&str>),
        variable: &'static str,
        file: (&str, Option<&str>),
    ) -> Option<Effective<String>> {
        let effective = |text: &str, origin| Effective::new(text.to_owned(), origin);
        if let (name, Some(text)) = flag {
            return Some(effective(text, Origin::Flag(name)));
        }
        if let Some(text) = self.environment.get(variable) {
            return Some(effective(text, Origin::Variable(variable.to_owned())));
        }
        let (key, text) = file;
        text.map(|text| effective(text, self.key(key)))
    }

    /// A path of a flag or variable, so that it can be read from the root.
    pub(super) fn seen_from_root(&self, path: &Path) -> PathBuf {
        if self.root == self.current {
            return path.to_owned();
        }
        let absolute = self.current.join(path);
        match absolute.strip_prefix(self.root) {
            Ok(below) => below.to_owned(),
            Err(_) => absolute,
        }
    }

    /// One path by the usual order, as written.
    pub(super) fn path(
        &self,
        flag: (&'static str, Option<&PathBuf>),
        variable: &'static str,
        file: (&str, Option<&PathBuf>),
    ) -> Option<Effective<PathBuf>> {
        let effective = |path: &PathBuf, origin| Effective::new(path.clone(), origin);
        if let (name, Some(path)) = flag {
            return Some(effective(path, Origin::Flag(name)));
        }
        if let Some(path) = self.environment.get(variable) {
            let origin = Origin::Variable(variable.to_owned());
            return Some(effective(&PathBuf::from(path), origin));
        }
        let (key, path) = file;
        path.map(|path| effective(path, self.key(key)))
    }
}
