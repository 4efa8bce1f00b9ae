//! What only the end of an archive can settle, in little memory: links, and the attributes of folders.
//!
//! There can be hundreds of thousands; their texts lie one behind the other.

use crate::tarball::read::Entry;

/// Links or folders.
#[derive(Debug, Default)]
pub(super) struct Later {
    text: String,
    places: Vec<Place>,
}

/// Where the texts of an entry are, and its attributes.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    path: u32,
    target: u32,
    mode: u32,
    mtime: (i64, u32),
}

/// A link or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled<'a> {
    pub path: &'a str,
    /// What a link says; empty for a folder.
    pub target: &'a str,
    pub mode: u32,
    pub mtime: (i64, u32),
}

impl Later {
    /// Adds an entry that says `target`.
    pub(super) fn push(&mut self, entry: &Entry, target: &str) {
        let length = |text: &str| u32::try_from(text.len()).expect("headers are far below 4 GiB");
        self.places.push(Place {
            start: self.text.len(),
            path: length(&entry.path),
            target: length(target),
            mode: entry.mode,
            mtime: entry.mtime,
        });
        self.text.push_str(&entry.path);
        self.text.push_str(target);
    }

    /// Adds all of another one.
    pub(super) fn append(&mut self, other: Self) {
        if self.places.is_empty() {
            *self = other;
            return;
        }
        let before = self.text.len();
        self.text.push_str(&other.text);
        self.places
            .extend(other.places.into_iter().map(|place| Place {
                start: before + place.start,
                ..place
            }));
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Everything sorted by path.
    pub(super) fn sorted(mut self) -> Sorted {
        let Self { text, places } = &mut self;
        places.sort_by(|a, b| path(text, a).cmp(path(text, b)));
        Sorted(self)
    }
}

fn path<'a>(text: &'a str, place: &Place) -> &'a str {
    &text[place.start..][..place.path as usize]
}

/// Links or folders, sorted by path.
pub(super) struct Sorted(Later);

impl Sorted {
    /// All of them.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Settled<'_>> {
        self.0.places.iter().map(|place| self.settled(place))
    }

    /// What stands at `path`.
    pub(super) fn get(&self, path: &str) -> Option<Settled<'_>> {
        let Later { text, places } = &self.0;
        let found = places.binary_search_by(|place| self::path(text, place).cmp(path));
        found.ok().map(|at| self.settled(&places[at]))
    }

    /// A path that there is more than once.
    pub(super) fn twice(&self) -> Option<&str> {
        let mut pairs = self.0.places.windows(2);
        let path = |place| path(&self.0.text, place);
        pairs.find_map(|pair| (path(&pair[0]) == path(&pair[1])).then(|| path(&pair[0])))
    }

    fn settled(&self, place: &Place) -> Settled<'_> {
        let (path, rest) = self.0.text[place.start..].split_at(place.path as usize);
        Settled {
            path,
            target: &rest[..place.target as usize],
            mode: place.mode,
            mtime: place.mtime,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tarball::read::EntryKind;

    fn later(entries: &[(&str, &str, u32)]) -> Later {
        let mut later = Later::default();
        for (path, target, mode) in entries {
            let entry = Entry {
                path: (*path).to_owned(),
                kind: EntryKind::Directory,
                mode: *mode,
                mtime: (7, 8),
            };
            later.push(&entry, target);
        }
        later
    }

    #[test]
    fn everything_is_found_again_in_the_order_of_paths() {
        let mut all = later(&[("", "", 4)]);
        all.append(later(&[("b", "x", 1), ("ä", "", 2)]));
        all.append(later(&[]));
        all.append(later(&[("a/b", "../y", 3)]));
        assert_eq!(all.len(), 4);
        let sorted = all.sorted();
        let lines: Vec<_> = sorted
            .iter()
            .map(|it| (it.path, it.target, it.mode))
            .collect();
        assert_eq!(
            lines,
            [("", "", 4), ("a/b", "../y", 3), ("b", "x", 1), ("ä", "", 2)]
        );
        assert!(sorted.iter().all(|it| it.mtime == (7, 8)));
        assert_eq!(sorted.get("a/b").map(|it| it.target), Some("../y"));
        assert_eq!(sorted.get("a"), None);
        assert_eq!(sorted.twice(), None);
        assert_eq!(
            later(&[("c", "1", 0), ("b", "", 0), ("c", "2", 0)])
                .sorted()
                .twice(),
            Some("c")
        );
    }
}
