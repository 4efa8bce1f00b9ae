//! From the objects that a pack has as themselves to those that it has as differences: their ids.
//!
//! Goes from each base down to what depends on it, the base at hand, so that nothing is made twice. A base is given up
//! before the objects below its last difference are made: a chain never needs more than two of its objects.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;

use flate2::Decompress;

use super::content::{Content, Scratch};
use super::delta::{Base, Delta};
use super::entry::{Form, header};
use super::hash::ObjectHash;
use super::inflate::{Inflated, inflater};
use super::scan::{Scanned, UNKNOWN};
use super::window::Window;
use super::{Id, Kind, PackError};

/// The work on one pack.
pub(super) struct Resolver<'a> {
    pub(super) scanned: &'a mut Scanned,
    pub(super) scratch: Scratch,
    window: Window<&'a File>,
    inflater: Decompress,
}

/// Differences to one object, by their places in the two lists of [`Scanned`].
struct Children {
    to_place: Range<usize>,
    to_id: Range<usize>,
}

impl Children {
    fn is_empty(&self) -> bool {
        self.to_place.is_empty() && self.to_id.is_empty()
    }

    /// The number of the next one among the entries.
    fn next(&mut self, scanned: &Scanned) -> Option<usize> {
        let place = self.to_place.next().map(|it| scanned.to_places[it].1);
        let number = place.or_else(|| self.to_id.next().map(|it| scanned.to_ids[it].1))?;
        Some(number as usize)
    }
}

/// An object some of whose differences are still to be looked at.
struct Frame {
    content: Content,
    children: Children,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(pack: &'a File, scanned: &'a mut Scanned, scratch: Scratch) -> Self {
        Self {
            scanned,
            scratch,
            window: Window::new(pack),
            inflater: inflater(),
        }
    }

    /// Finds the ids of all that comes from an object in this pack.
    pub(super) fn resolve(&mut self) -> Result<(), PackError> {
        let entries = self.scanned.entries.iter().enumerate();
        let bases: Vec<u32> = entries
            .filter(|(_, it)| it.id != UNKNOWN && !self.children(Some(it.at), &it.id).is_empty())
            .map(|(number, _)| number as u32)
            .collect();
        for number in bases {
            let entry = self.scanned.entries[number as usize];
            self.window.seek(entry.at);
            let header = header(&mut self.window, entry.at)?;
            let Form::Whole(kind) = header.form else {
                return Err(PackError::damaged(entry.at, "it has changed meanwhile"));
            };
            let mut input =
                Inflated::new(&mut self.inflater, &mut self.window, header.size, entry.at);
            let content = self.scratch.keep_all(header.size, &mut input)?;
            let children = self.children(Some(entry.at), &entry.id);
            self.below(kind, content, children)?;
        }
        Ok(())
    }

    /// The objects that are not in this pack and that differences in it are still waiting for, each once.
    pub(super) fn wanted(&self) -> Vec<Id> {
        let waiting = self.scanned.to_ids.iter();
        let waiting = waiting.filter(|(_, it)| self.scanned.entries[*it as usize].id == UNKNOWN);
        let mut ids: Vec<Id> = waiting.map(|(id, _)| *id).collect();
        ids.dedup();
        ids
    }

    /// Whether a difference to this object is still waiting.
    pub(super) fn waits_for(&self, id: &Id) -> bool {
        let waiting = &self.scanned.to_ids[self.children(None, id).to_id];
        let unknown = |it: &(Id, u32)| self.scanned.entries[it.1 as usize].id == UNKNOWN;
        waiting.iter().any(unknown)
    }

    /// How many objects are not known yet.
    pub(super) fn unknown(&self) -> usize {
        let entries = self.scanned.entries.iter();
        entries.filter(|it| it.id == UNKNOWN).count()
    }

    /// Finds the ids of all that comes from an object that is not in this pack.
    pub(super) fn resolve_from(
        &mut self,
        id: &Id,
        kind: Kind,
        content: Content,
    ) -> Result<(), PackError> {
        let children = self.children(None, id);
        self.below(kind, content, children)
    }

    fn children(&self, at: Option<u64>, id: &Id) -> Children {
        let (places, ids) = (&self.scanned.to_places, &self.scanned.to_ids);
        let to_place = at.map_or(0..0, |at| {
            let begin = places.partition_point(|it| it.0 < at);
            begin..begin + places[begin..].partition_point(|it| it.0 == at)
        });
        let begin = ids.partition_point(|it| it.0 < *id);
        let to_id = begin..begin + ids[begin..].partition_point(|it| it.0 == *id);
        Children { to_place, to_id }
    }

    fn below(&mut self, kind: Kind, content: Content, children: Children) -> Result<(), PackError> {
        let mut stack = vec![Frame { content, children }];
        while let Some(mut frame) = stack.pop() {
            let Some(number) = frame.children.next(self.scanned) else {
                self.scratch.free(frame.content);
                continue;
            };
            // The same object may be there twice, and have led to this one before.
            if self.scanned.entries[number].id != UNKNOWN {
                stack.push(frame);
                continue;
            }
            let (made, id) = self.apply(number, kind, &frame.content)?;
            self.scanned.entries[number].id = id;
            match frame.children.is_empty() {
                true => self.scratch.free(frame.content),
                false => stack.push(frame),
            }
            if let Some(content) = made {
                let at = self.scanned.entries[number].at;
                let children = self.children(Some(at), &id);
                stack.push(Frame { content, children });
            }
        }
        Ok(())
    }

    /// The id of the object that a difference to `base` leads to, and the object when something may depend on it.
    fn apply(
        &mut self,
        number: usize,
        kind: Kind,
        base: &Content,
    ) -> Result<(Option<Content>, Id), PackError> {
        let at = self.scanned.entries[number].at;
        let is_base = !self.scanned.to_ids.is_empty() || {
            let bases = &self.scanned.to_places;
            bases.binary_search_by_key(&at, |it| it.0).is_ok()
        };
        self.window.seek(at);
        let header = header(&mut self.window, at)?;
        let input = Inflated::new(&mut self.inflater, &mut self.window, header.size, at);
        let delta = Delta::new(input, at)?;
        let size = delta.size;
        let mut hash = ObjectHash::new(kind, size);
        let content = if is_base {
            let made = self.scratch.keep(size, |scratch, out| {
                let base = Base {
                    scratch,
                    content: base,
                };
                delta.apply(base, &mut Both(&mut hash, out))
            });
            Some(made?.0)
        } else {
            let base = Base {
                scratch: &self.scratch,
                content: base,
            };
            delta.apply(base, &mut hash)?;
            None
        };
        Ok((content, hash.finish()?))
    }
}

/// Writes to the first what the second has taken.
pub(super) struct Both<'a>(pub(super) &'a mut ObjectHash, pub(super) &'a mut dyn Write);

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.1.write(bytes)?;
        self.0.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}
