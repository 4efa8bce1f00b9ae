//! What is known about the location of uv, before it is searched.

use std::path::{Path, PathBuf};

use super::Surroundings;
use crate::http::Client;
use pannier_base::event::Reporter;

/// Where uv may be.
pub struct Finder<'a> {
    /// `PANNIER_UV`: the one to use, if it is set.
    pub named: Option<&'a Path>,
    /// Folders of `PATH`, in order.
    pub path: &'a [PathBuf],
    /// The store's folder.
    pub store: &'a Path,
    /// Makes the connection when a fetch from a configured index is needed.
    pub client: &'a Client,
    /// Index, variables, and whether the network may be used.
    pub around: &'a Surroundings,
    /// Hears where uv was found.
    pub reporter: &'a dyn Reporter,
}
