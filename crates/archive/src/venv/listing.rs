//! The `RECORD` of an installed package (PyPA, recording installed projects): a row for each of its files, sorted by path.
//!
//! A short one is text like any other. A long one is never all there: its length and digest are taken while its rows go by, and
//! the rows are made again where the text is written.

use super::items::{Items, LongRecord, RecordText, Row, Unknown, in_parts};
use super::{Item, ItemKind};
use crate::entries::Pack;
use crate::wheel::RecordRow;
use pannier_base::digest::{Digest, Hasher};

/// Longest `RECORD` in bytes that is held as text.
const SHORT: u64 = 1 << 20;

impl<'a> RecordText<'a> {
    /// Gives the text in pieces of some kilobytes.
    ///
    /// # Errors
    /// What `sink` gives, and [`Unknown`] where the containers are not those of the items.
    pub fn pieces<E: From<Unknown>>(
        &self,
        mut sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut text = String::new();
        for row in self.order() {
            let listed = self.listed(row).ok_or_else(|| self.items.unknown(row))?;
            let path = listed.concat();
            let row = match row {
                Row::Record => RecordRow::bare(path),
                row => {
                    let facts = self.items.facts(row, self.packs);
                    let facts = facts.ok_or_else(|| self.items.unknown(row))?;
                    RecordRow::of(path, &facts.sha256, facts.size)
                }
            };
            row.write(&mut text);
            if text.len() > 8 << 10 {
                sink(&text)?;
                text.clear();
            }
        }
        sink(&text)
    }

    /// The files, by their paths as `RECORD` spells them.
    fn order(&self) -> Vec<&'a Row> {
        let is_file = |row: &&Row| match row {
            Row::Folder(_) => false,
            Row::Own(item) => item.kind != ItemKind::Directory,
            Row::Entry(_) | Row::Record => true,
        };
        let rows = self.items.rows.iter().chain(&self.items.unwritten);
        let mut order: Vec<&Row> = rows.filter(is_file).collect();
        order.sort_unstable_by(|a, b| {
            let close = self.items.in_one_folder(a, b, self.packs);
            close.unwrap_or_else(|| {
                let [a, b] = [a, b].map(|row| self.listed(row).unwrap_or_default());
                in_parts(&a, &b)
            })
        });
        order
    }

    /// The path of a file as `RECORD` spells it, relative to site-packages, in parts.
    fn listed(&self, row: &'a Row) -> Option<[&'a str; 3]> {
        let (folder, rest) = self.items.parts(row, self.packs)?;
        let site = self.record.site_packages.as_str();
        let below = |path: &'a str| path.strip_prefix(site)?.strip_prefix('/');
        let in_venv = |path: &'a str| path.strip_prefix("venv/").unwrap_or(path);
        Some(match folder {
            "" => match below(rest) {
                Some(rest) => ["", "", rest],
                None => ["../../../", "", in_venv(rest)],
            },
            _ => match below(folder) {
                Some(folder) => ["", folder, rest],
                None => ["../../../", in_venv(folder), rest],
            },
        })
    }
}

impl Items {
    /// Adds the `RECORD` at `path` that lists all files so far and itself.
    pub(super) fn add_record(
        &mut self,
        path: String,
        site_packages: &str,
        packs: &[&Pack],
    ) -> Result<(), Unknown> {
        self.rows.push(Row::Record);
        self.record = Some(LongRecord {
            path,
            site_packages: site_packages.to_owned(),
            size: 0,
            sha256: Digest::of(b""),
        });
        let (mut hasher, mut size, mut short) = (Hasher::default(), 0, Vec::new());
        if let Some(text) = RecordText::new(self, packs) {
            text.pieces(|piece| {
                hasher.update(piece.as_bytes());
                size += piece.len() as u64;
                match size <= SHORT {
                    true => short.extend_from_slice(piece.as_bytes()),
                    false => short = Vec::new(),
                }
                Ok::<_, Unknown>(())
            })?;
        }
        match self.record.take() {
            Some(record) if size <= SHORT => {
                self.rows.pop();
                self.rows.push(Row::Own(Box::new(Item {
                    path: record.path,
                    kind: ItemKind::Bytes {
                        bytes: short,
                        executable: false,
                    },
                })));
            }
            Some(record) => {
                let sha256 = hasher.finish();
                self.record = Some(LongRecord {
                    size,
                    sha256,
                    ..record
                });
            }
            None => {}
        }
        Ok(())
    }
}
