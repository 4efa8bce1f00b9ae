//! What the command line said, as a value. Which flag is called how is the command line's matter; the names in messages
//! are those of the fields.

use std::path::PathBuf;

use crate::file::Compression;
use pannier_base::platform::Target;
use pannier_core::request::Bytecode;
use pannier_core::request::overrides::Unmatched;

/// Everything that flags can say about a request; `None` and empty lists mean that nothing was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--git-base`
    pub git_base: Option<String>,
    /// `--branch`
    pub branch: Option<String>,
    /// `--constraints`
    pub constraints: Option<PathBuf>,
    /// `--require-hashes`
    pub require_hashes: bool,
    /// `--index-url`
    pub index_url: Option<String>,
    /// `--extra-index-url`, as often as given
    pub extra_index_urls: Vec<String>,
    /// `--output`
    pub output: Option<PathBuf>,
    /// `--compression`
    pub compression: Option<Compression>,
    /// `--bytecode`
    pub bytecode: Option<Bytecode>,
    /// `--store`
    pub store: Option<PathBuf>,
    /// `--release-log`
    pub book: Option<String>,
    /// `--image`, as often as given: the images to prepare, all unless given
    pub images: Vec<String>,
    /// `--override`, as often as given: `NAME=VALUE`
    pub overrides: Vec<String>,
    /// `--overrides`: a file of them
    pub overrides_file: Option<PathBuf>,
    /// `--strict-overrides`
    pub unmatched_overrides: Unmatched,
    /// `--here`: the machine that Pannier runs on is the image
    pub here: Option<HereImage>,
}

/// What `--here` found out about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereImage {
    /// Its Python and platform.
    pub target: Target,
    /// Absolute path of its interpreter.
    pub interpreter: PathBuf,
    /// The container image, where the machine says it (`CI_JOB_IMAGE`).
    pub image: Option<String>,
}
