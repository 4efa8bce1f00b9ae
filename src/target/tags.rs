//! Wheel tags of a target, best first (PEP 425, PEP 600, PEP 656), ordered as `packaging.tags` orders them.

/// One compatibility tag: `cp311-abi3-manylinux_2_17_x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Python tag.
    pub python: String,
    /// ABI tag.
    pub abi: String,
    /// Platform tag.
    pub platform: String,
}
