//! Which file of which wheel goes where in a venv, and what a venv needs in addition: `pyvenv.cfg`, links to the interpreter,
//! programs, `activate`, `RECORD` and its companions; and where the files of data projects go.
//!
//! Plans only: writes nothing to any disk, runs no Python, and looks at neither the machine nor the image.

mod data;
mod error;
mod files;
mod install_plan;
mod model;
mod plan;
mod protected;
mod record;
mod scripts;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use data::{DataClash, data};
pub use error::LayoutError;
pub use model::{
    DirectUrl, FORMAT, Installed, Item, ItemKind, PythonLink, SMALL_FILE, VenvOptions,
};
pub use plan::Planner;
