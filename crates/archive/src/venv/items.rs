//! Entries of a tarball that follow each other, told by as little as they can be told by.
//!
//! A package can have hundreds of thousands of files. Where its container tells a path, a length or a digest, none of that is
//! held a second time: an item is the number of an entry and the folder that it goes to. Decides nothing about what goes where.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Item, ItemKind};
use crate::entries::{Content, Pack, Stream};
use pannier_base::digest::Digest;

/// Entries that follow each other. What is carried over is told by its containers, which are asked for each time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// What paths begin with, each with its trailing slash.
    folders: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// What `RECORD` lists besides: other packages have brought it already.
    pub(super) unwritten: Vec<Row>,
    pub(super) record: Option<LongRecord>,
}

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// As it is.
    Own(Box<Item>),
    /// An entry of a container.
    Entry(Spot),
    /// A folder above an entry of a container.
    Folder(Spot),
    /// The `RECORD` of the package.
    Record,
}

/// A path that ends as that of a container's entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// Number of the container.
    pub(super) pack: u8,
    /// Mode 0755 instead of 0644.
    pub(super) executable: bool,
    /// It comes behind all that are not.
    pub(super) large: bool,
    /// Number of the folder before it.
    pub(super) folder: u8,
    /// Bytes at the start of the entry's path that are not part of this one.
    pub(super) skip: u16,
    /// The same at its end.
    pub(super) cut: u16,
    /// Number of the entry.
    pub(super) entry: u32,
}

/// One entry, with its path.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Relative to the tarball's top, `/`-separated.
    pub path: Cow<'a, str>,
    /// What stands there.
    pub kind: EntryKind<'a>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
pub enum EntryKind<'a> {
    /// A folder.
    Directory,
    /// A file that is carried over as it is.
    Carried {
        /// Number of the container.
        pack: usize,
        /// Where its bytes lie in it.
        stream: Stream,
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A file of our own.
    Bytes {
        /// Its content.
        bytes: &'a [u8],
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A `RECORD` that is made row by row.
    Record(RecordText<'a>),
    /// A symbolic link.
    Symlink {
        /// What it says.
        target: &'a str,
    },
}

/// What is known of a `RECORD`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LongRecord {
    pub(super) path: String,
    /// What its paths are relative to.
    pub(super) site_packages: String,
    pub(super) size: u64,
    pub(super) sha256: Digest,
}

/// The text of a `RECORD` that is made row by row.
#[derive(Debug, Clone, Copy)]
pub struct RecordText<'a> {
    pub(super) items: &'a Items,
    pub(super) packs: &'a [&'a Pack],
    pub(super) record: &'a LongRecord,
}

impl<'a> RecordText<'a> {
    pub(super) fn new(items: &'a Items, packs: &'a [&'a Pack]) -> Option<Self> {
        let record = items.record.as_ref()?;
        Some(Self {
            items,
            packs,
            record,
        })
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.record.size
    }

    /// Its SHA-256.
    #[must_use]
    pub const fn sha256(&self) -> Digest {
        self.record.sha256
    }
}

/// Items and containers that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not in its container: layout and packs do not belong together")]
pub struct Unknown(pub String);

impl Spot {
    /// What stands there, of an entry with this content; nothing where its container has a folder.
    const fn kind(self, content: Content<'_>) -> Option<EntryKind<'_>> {
        match content {
            Content::Symlink { target } => Some(EntryKind::Symlink { target }),
            Content::File { stream, .. } => Some(EntryKind::Carried {
                pack: self.pack as usize,
                stream,
                executable: self.executable,
            }),
            Content::Directory => None,
        }
    }

    /// The same with this mode.
    pub(super) const fn executable(self, executable: bool) -> Self {
        Self { executable, ..self }
    }
}

impl From<Vec<Item>> for Items {
    fn from(items: Vec<Item>) -> Self {
        let own = |item| Row::Own(Box::new(item));
        Self {
            rows: items.into_iter().map(own).collect(),
            ..Self::default()
        }
    }
}

impl Items {
    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The container that the entry of that number is carried over from, if it is a carried file.
    #[must_use]
    pub fn container(&self, number: usize) -> Option<usize> {
        match self.rows.get(number)? {
            Row::Entry(spot) => Some(usize::from(spot.pack)),
            Row::Own(item) => match item.kind {
                ItemKind::Carried { pack, .. } => Some(pack),
                _ => None,
            },
            Row::Folder(_) | Row::Record => None,
        }
    }

    /// The entry of that number.
    ///
    /// # Errors
    /// [`Unknown`] where `packs` are not the containers of these items.
    ///
    /// # Panics
    /// When there is no entry of that number.
    pub fn entry<'a>(&'a self, number: usize, packs: &'a [&'a Pack]) -> Result<Entry<'a>, Unknown> {
        let row = &self.rows[number];
        self.look_up(row, packs).ok_or_else(|| self.unknown(row))
    }

    /// The entry that a row stands for. What a container tells is decoded once for path and kind.
    pub(super) fn look_up<'a>(&'a self, row: &'a Row, packs: &'a [&'a Pack]) -> Option<Entry<'a>> {
        let Row::Entry(spot) = row else {
            let path = self.path(row, packs)?;
            let kind = self.kind(row, packs)?;
            return Some(Entry { path, kind });
        };
        let entry = packs
            .get(usize::from(spot.pack))?
            .get(spot.entry as usize)?;
        let folder = self.folders.get(usize::from(spot.folder))?;
        let rest = entry.path.get(usize::from(spot.skip)..)?;
        Some(Entry {
            path: Cow::Owned([folder, rest].concat()),
            kind: spot.kind(entry.content)?,
        })
    }

    /// All entries in their order.
    pub fn iter<'a>(
        &'a self,
        packs: &'a [&'a Pack],
    ) -> impl Iterator<Item = Result<Entry<'a>, Unknown>> {
        (0..self.len()).map(move |number| self.entry(number, packs))
    }

    pub(super) fn unknown(&self, row: &Row) -> Unknown {
        Unknown(match row {
            Row::Own(item) => item.path.clone(),
            Row::Record => self.record_path().to_owned(),
            Row::Entry(spot) | Row::Folder(spot) => format!("entry {}", spot.entry),
        })
    }

    fn record_path(&self) -> &str {
        self.record.as_ref().map_or("", |record| &record.path)
    }

    fn kind<'a>(&'a self, row: &'a Row, packs: &'a [&'a Pack]) -> Option<EntryKind<'a>> {
        let carried = |pack: usize, entry: usize, executable| {
            let (_, stream) = packs.get(pack)?.file(entry)?;
            Some(EntryKind::Carried {
                pack,
                stream,
                executable,
            })
        };
        match row {
            Row::Folder(_) => Some(EntryKind::Directory),
            Row::Record => Some(EntryKind::Record(RecordText::new(self, packs)?)),
            Row::Entry(spot) => {
                let (pack, entry) = (usize::from(spot.pack), spot.entry as usize);
                spot.kind(packs.get(pack)?.get(entry)?.content)
            }
            Row::Own(item) => match &item.kind {
                ItemKind::Directory => Some(EntryKind::Directory),
                ItemKind::Symlink { target } => Some(EntryKind::Symlink { target }),
                ItemKind::Bytes { bytes, executable } => Some(EntryKind::Bytes {
                    bytes,
                    executable: *executable,
                }),
                ItemKind::Carried {
                    pack,
                    entry,
                    executable,
                } => carried(*pack, *entry, *executable),
            },
        }
    }

    pub(super) fn path<'a>(&'a self, row: &'a Row, packs: &'a [&'a Pack]) -> Option<Cow<'a, str>> {
        let (folder, rest) = self.parts(row, packs)?;
        Some(match folder {
            "" => Cow::Borrowed(rest),
            _ => Cow::Owned([folder, rest].concat()),
        })
    }

    /// The path in two parts.
    pub(super) fn parts<'a>(
        &'a self,
        row: &'a Row,
        packs: &'a [&'a Pack],
    ) -> Option<(&'a str, &'a str)> {
        match row {
            Row::Own(item) => Some(("", &item.path)),
            Row::Record => Some(("", self.record_path())),
            Row::Entry(spot) | Row::Folder(spot) => {
                let path = packs
                    .get(usize::from(spot.pack))?
                    .path(spot.entry as usize)?;
                let end = path.len().checked_sub(usize::from(spot.cut))?;
                let folder = self.folders.get(usize::from(spot.folder))?;
                Some((folder, path.get(usize::from(spot.skip)..end)?))
            }
        }
    }
}

/// What is known of a file.
pub(super) struct Facts {
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) executable: bool,
}

impl Facts {
    /// Of a file; `None` of all else.
    pub(super) fn of(kind: &EntryKind<'_>) -> Option<Self> {
        match kind {
            EntryKind::Directory | EntryKind::Symlink { .. } => None,
            EntryKind::Carried {
                stream, executable, ..
            } => Some(Self {
                sha256: stream.sha256,
                size: stream.size,
                executable: *executable,
            }),
            EntryKind::Bytes { bytes, executable } => Some(Self {
                sha256: Digest::of(bytes),
                size: bytes.len() as u64,
                executable: *executable,
            }),
            EntryKind::Record(text) => Some(Self {
                sha256: text.sha256(),
                size: text.size(),
                executable: false,
            }),
        }
    }
}

impl Items {
    /// The entry of that number in a container, below `folder` and without the first `skip` bytes of its path.
    pub(super) fn spot(&mut self, folder: &str, skip: usize, (pack, entry): (u8, usize)) -> Spot {
        let known = self.folders.iter().position(|it| it == folder);
        let folder = known.unwrap_or_else(|| {
            self.folders.push(folder.to_owned());
            self.folders.len() - 1
        });
        Spot {
            pack,
            executable: false,
            large: false,
            folder: u8::try_from(folder).expect("there are five kinds of places"),
            skip: u16::try_from(skip).expect("a path has at most 1,024 bytes"),
            cut: 0,
            entry: u32::try_from(entry).expect("a table of contents is below 4 GiB"),
        }
    }

    /// The folder whose path is the first `length` bytes of that of `row`.
    pub(super) fn folder_of(&self, row: &Row, length: usize, packs: &[&Pack]) -> Option<Row> {
        let (folder, rest) = self.parts(row, packs)?;
        match row {
            Row::Entry(spot) if length > folder.len() => {
                let cut = folder.len() + rest.len() - length;
                let cut = spot.cut + u16::try_from(cut).ok()?;
                Some(Row::Folder(Spot { cut, ..*spot }))
            }
            _ => {
                let path = [folder, rest].concat().get(..length)?.to_owned();
                let kind = ItemKind::Directory;
                Some(Row::Own(Box::new(Item { path, kind })))
            }
        }
    }

    /// What is known of a file; `None` of all else.
    pub(super) fn facts(&self, row: &Row, packs: &[&Pack]) -> Option<Facts> {
        Facts::of(&self.kind(row, packs)?)
    }

    /// Puts `rows` in the order of a tarball: small files by path, then large ones.
    pub(super) fn sort(&self, rows: &mut [Row], packs: &[&Pack]) {
        let large = |row: &Row| matches!(row, Row::Entry(spot) if spot.large);
        rows.sort_unstable_by(|a, b| {
            let paths = || {
                self.in_one_folder(a, b, packs).unwrap_or_else(|| {
                    let [a, b] = [a, b].map(|row| self.parts(row, packs).unwrap_or_default());
                    in_parts(&[a.0, a.1], &[b.0, b.1])
                })
            };
            large(a).cmp(&large(b)).then_with(paths)
        });
    }

    /// Compares two paths that begin with the same folder, as most do, by what follows it.
    pub(super) fn in_one_folder(&self, a: &Row, b: &Row, packs: &[&Pack]) -> Option<Ordering> {
        let (Row::Entry(a) | Row::Folder(a), Row::Entry(b) | Row::Folder(b)) = (a, b) else {
            return None;
        };
        if a.folder != b.folder {
            return None;
        }
        let rest = |spot: &Spot| {
            let pack = packs.get(usize::from(spot.pack))?;
            let path = pack.path_bytes(spot.entry as usize)?;
            path.get(usize::from(spot.skip)..path.len() - usize::from(spot.cut))
        };
        Some(rest(a)?.cmp(rest(b)?))
    }
}

/// Compares two texts that come in parts.
pub(super) fn in_parts<const N: usize>(a: &[&str; N], b: &[&str; N]) -> Ordering {
    match a[..N - 1] == b[..N - 1] {
        true => a[N - 1].cmp(b[N - 1]),
        false => {
            let bytes = |parts: &[&str; N]| parts.concat();
            bytes(a).cmp(&bytes(b))
        }
    }
}
