//! Tarballs: tar entries in one gzip member, spliced from the streams of verified containers, and the files beside them.
//!
//! Nothing is unpacked or compressed a second time but small files. Reads containers by their tables of contents and never
//! checks them: that has happened when they entered the store.

mod assemble;
pub mod index;
mod manifest;
mod output;
pub mod read;
mod sink;
mod splice;
mod tar;
#[cfg(test)]
pub(crate) mod tests;

pub use assemble::{AssembleError, Contents, DataTree, Summary, assemble};
pub use manifest::{
    MANIFEST_PATH, Manifest, ManifestData, ManifestImage, ManifestPackage, ManifestTarget, Source,
};
pub use output::{Output, OutputError, Written};
pub use tar::Mtime;
