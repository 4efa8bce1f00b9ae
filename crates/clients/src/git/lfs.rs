//! Pointers of Git LFS: small files that stand for large ones, which Pannier does not fetch.

/// A pointer has fewer bytes than this (the specification of Git LFS, version 1).
pub(super) const LONGEST: usize = 1024;

/// The pointers that a snapshot holds in place of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LfsPointers {
    /// The path of the first.
    pub first: Option<String>,
    /// How many there are.
    pub count: u64,
}

impl LfsPointers {
    /// Takes note of `path` when its content, or the first [`LONGEST`] bytes of it, is a pointer.
    pub(super) fn look_at(&mut self, path: &str, content: &[u8]) {
        if is_pointer(content) {
            self.count += 1;
            self.first.get_or_insert_with(|| path.to_owned());
        }
    }
}

fn is_pointer(bytes: &[u8]) -> bool {
    bytes.len() < LONGEST && bytes.starts_with(b"version https://git-lfs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_files() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        let mut found = LfsPointers::default();
        found.look_at("a", b"about version https://git-lfs");
        found.look_at("b", pointer);
        found.look_at("c", &[pointer.as_slice(), &[b'\n'; LONGEST]].concat());
        found.look_at("d", pointer);
        let first = Some("b".to_owned());
        assert_eq!(found, LfsPointers { first, count: 2 });
    }
}
