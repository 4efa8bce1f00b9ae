//! What a container may be, of a wheel and of a data project's snapshot.

/// What a container may be.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Largest number of entries.
    pub entries: u64,
    /// Largest inflated total, in bytes.
    pub total: u64,
    /// Largest inflated / compressed ratio of a container of more than 64 MiB inflated.
    pub ratio: u64,
    /// Whether symbolic links are allowed (snapshots of data projects made here; never wheels). Where they lead is
    /// not judged.
    pub symlinks: bool,
    /// Whether names may differ in case or Unicode form alone (snapshots of data projects; never wheels).
    pub collisions: bool,
}

impl Rules {
    /// What the snapshot of a data project may be: [`Writer`](super::Writer) made it from someone's tree, so it may hold
    /// links and
    /// compress well, and its names need only differ.
    #[must_use]
    pub const fn snapshot() -> Self {
        Self {
            entries: 200_000,
            total: 32 << 30,
            ratio: u64::MAX,
            symlinks: true,
            collisions: true,
        }
    }
}

impl Default for Rules {
    /// What a wheel may be.
    fn default() -> Self {
        Self {
            entries: 200_000,
            total: 32 << 30,
            ratio: 50,
            symlinks: false,
            collisions: false,
        }
    }
}
