//! Tarballs: tar entries in one gzip member, spliced from the streams of verified containers (or packed as zstd frames), and
//! the files next to them.
//!
//! Nothing is unpacked or compressed a second time but small files. Reads containers by their tables of contents and never
//! checks them: that has happened when they entered the store.

mod archive;
mod assemble;
mod entries;
mod error;
mod frame_cache;
mod frames;
mod gzip;
pub mod index;
mod manifest;
mod members;
mod model;
mod output;
mod packing;
mod part;
pub mod read;
mod segment;
mod small_block;
mod splice;
mod tar;
#[cfg(test)]
pub(crate) mod tests;
mod write_back;
mod writer;

pub use assemble::assemble;
pub use error::AssembleError;
pub use manifest::{
    Fallback, MANIFEST_PATH, Manifest, ManifestData, ManifestImage, ManifestOverride,
    ManifestPackage, ManifestTarget, OverrideKind, Source,
};
pub use model::{Common, Contents, Frame, FrameCache, FrameCacheError, NewRun, PackedRun, Summary};
pub use output::{Output, OutputError, Written};
pub use packing::Packing;
pub use part::{Container, Failed, Part, Parts};
pub use tar::Mtime;
