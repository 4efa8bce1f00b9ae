//! Values by path in little memory: written in any order, read in the order of the paths.
//!
//! Entries gather in a batch; a full one is sorted and packed into a run, in which a path is no more than what differs from
//! the one before it. Whoever reads merges the runs. Nothing can be looked up or taken out.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::marker::PhantomData;

/// Most entries of a batch.
const ENTRIES: usize = 2048;

/// Bytes of paths and packed values from which on a batch is full whatever the number of its entries.
const BYTES: usize = 512 << 10;

/// What can be packed.
pub trait Value: Sized {
    /// Adds it to `run`.
    fn pack(&self, run: &mut Vec<u8>);

    /// Takes one from the front of `run`, where [`Self::pack`] put it.
    fn unpack(run: &mut &[u8]) -> Self;

    /// Bytes that it has elsewhere while it is not packed.
    fn beside(&self) -> usize {
        0
    }
}

impl Value for u32 {
    fn pack(&self, run: &mut Vec<u8>) {
        pack_number((*self).into(), run);
    }

    fn unpack(run: &mut &[u8]) -> Self {
        unpack_number(run) as Self
    }
}

/// Values by path, sorted. Of two that were written for one path the later one holds.
#[derive(Debug, Clone)]
pub struct Paths<V> {
    /// Each sorted and without repetition, in the order in which they were written.
    runs: Vec<Box<[u8]>>,
    values: PhantomData<V>,
}

impl<V> Default for Paths<V> {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            values: PhantomData,
        }
    }
}

/// [`Paths`] that are being written.
#[derive(Debug)]
pub(super) struct Writer<V> {
    runs: Vec<Box<[u8]>>,
    batch: Vec<(String, V)>,
    /// Bytes of the batch's paths and of what its values have beside them.
    bytes: usize,
}

impl<V: Value> Writer<V> {
    pub(super) const fn new() -> Self {
        Self {
            runs: Vec::new(),
            batch: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, path: String, value: V) {
        self.bytes += path.len() + value.beside();
        self.batch.push((path, value));
        if self.batch.len() >= ENTRIES || self.bytes >= BYTES {
            self.pack();
        }
    }

    /// Adds what another one has, as if it had been written now.
    pub(super) fn append(&mut self, later: Self) {
        if !later.runs.is_empty() {
            self.pack();
            self.runs.extend(later.runs);
        }
        for (path, value) in later.batch {
            self.push(path, value);
        }
    }

    pub(super) fn finish(mut self) -> Paths<V> {
        self.pack();
        Paths {
            runs: self.runs,
            values: PhantomData,
        }
    }

    /// Makes a run of the batch.
    fn pack(&mut self) {
        // Stable: of one path's values the last written comes last.
        self.batch.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut run = Vec::new();
        let mut before = "";
        let mut batch = self.batch.iter().peekable();
        while let Some((path, value)) = batch.next() {
            if batch.peek().is_some_and(|(next, _)| next == path) {
                continue;
            }
            let shared = shared(before, path);
            let rest = &path[shared..];
            pack_number(shared as u64, &mut run);
            pack_text(rest, &mut run);
            value.pack(&mut run);
            before = path;
        }
        if !run.is_empty() {
            self.runs.push(run.into_boxed_slice());
        }
        self.batch.clear();
        self.bytes = 0;
    }
}

/// Bytes that both begin with, up to a boundary of characters.
fn shared(a: &str, b: &str) -> usize {
    let mut same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !b.is_char_boundary(same) {
        same -= 1;
    }
    same
}

impl<V: Value> Paths<V> {
    /// Everything, sorted by path (by its bytes), each path once.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, V> {
        let runs = self.runs.iter().enumerate();
        let heads = runs.filter_map(|(number, run)| Head::new(number, run));
        Iter {
            heads: heads.collect(),
        }
    }
}

impl<'a, V: Value> IntoIterator for &'a Paths<V> {
    type Item = (String, V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Paths with their values, in order.
#[derive(Debug)]
pub struct Iter<'a, V> {
    /// Where each run that is not at its end stands.
    heads: BinaryHeap<Head<'a, V>>,
}

impl<V: Value> Iterator for Iter<'_, V> {
    type Item = (String, V);

    fn next(&mut self) -> Option<Self::Item> {
        let first = step(self.heads.peek_mut()?);
        // What earlier runs say about the same path does not hold any more.
        while let Some(head) = self.heads.peek_mut()
            && head.path == first.0
        {
            step(head);
        }
        Some(first)
    }
}

/// Takes the entry of a head and goes on to its next one.
fn step<V: Value>(mut head: PeekMut<'_, Head<'_, V>>) -> (String, V) {
    let path = head.path.clone();
    match head.read() {
        Some(next) => (path, std::mem::replace(&mut head.value, next)),
        None => (path, PeekMut::pop(head).value),
    }
}

/// The next entry of a run, and what follows it.
#[derive(Debug)]
struct Head<'a, V> {
    path: String,
    value: V,
    number: usize,
    rest: &'a [u8],
}

impl<'a, V: Value> Head<'a, V> {
    /// The first entry of run `number`.
    fn new(number: usize, run: &'a [u8]) -> Option<Self> {
        let (mut path, mut rest) = (String::new(), run);
        let value = read(&mut path, &mut rest)?;
        Some(Self {
            path,
            value,
            number,
            rest,
        })
    }

    /// Turns `path` to the next one and gives its value.
    fn read(&mut self) -> Option<V> {
        read(&mut self.path, &mut self.rest)
    }
}

/// Turns `path` to the one that `rest` begins with and gives its value; `None` at the end.
fn read<V: Value>(path: &mut String, rest: &mut &[u8]) -> Option<V> {
    if rest.is_empty() {
        return None;
    }
    path.truncate(unpack_number(rest) as usize);
    path.push_str(unpack_text(rest));
    Some(V::unpack(rest))
}

impl<V> Ord for Head<'_, V> {
    /// The greatest has the first path, and of runs that have the same one it is the last written.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_path = other.path.cmp(&self.path);
        by_path.then(self.number.cmp(&other.number))
    }
}

impl<V> PartialOrd for Head<'_, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<V> PartialEq for Head<'_, V> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<V> Eq for Head<'_, V> {}

/// Adds a number: seven bits a byte, the lowest first, the eighth set on all but the last (LEB128).
pub(super) fn pack_number(mut number: u64, run: &mut Vec<u8>) {
    while number > 0x7f {
        run.push(number as u8 | 0x80);
        number >>= 7;
    }
    run.push(number as u8);
}

/// Takes the number that `run` begins with.
pub(super) fn unpack_number(run: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = run.split_first().expect(WHOLE);
        *run = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte <= 0x7f {
            break;
        }
    }
    number
}

/// Adds a text with its length.
pub(super) fn pack_text(text: &str, run: &mut Vec<u8>) {
    pack_number(text.len() as u64, run);
    run.extend_from_slice(text.as_bytes());
}

/// Takes the text that `run` begins with.
pub(super) fn unpack_text<'a>(run: &mut &'a [u8]) -> &'a str {
    let length = unpack_number(run) as usize;
    let (text, rest) = run.split_at(length);
    *run = rest;
    std::str::from_utf8(text).expect(WHOLE)
}

/// Why a run can be read.
pub(super) const WHOLE: &str = "a run holds what was packed, whole";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_any_size_come_back() {
        for number in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX] {
            let mut run = Vec::new();
            pack_number(number, &mut run);
            let mut rest = run.as_slice();
            assert_eq!(unpack_number(&mut rest), number);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn the_last_value_of_a_path_holds() {
        let mut writer = Writer::new();
        let many = u32::try_from(3 * ENTRIES).unwrap();
        for number in 0..many {
            writer.push(format!("{:05}", number % 3000), number);
        }
        let mut later = Writer::new();
        later.push("00007".to_owned(), 1);
        writer.append(later);
        let paths = writer.finish();
        assert!(paths.runs.len() > 2, "several runs");
        let last = |number| (number..many).step_by(3000).next_back().unwrap();
        let mut expected: Vec<_> = (0..3000).map(|it| (format!("{it:05}"), last(it))).collect();
        expected[7].1 = 1;
        assert_eq!(paths.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn long_values_fill_a_batch_as_many_do() {
        struct Long;
        impl Value for Long {
            fn pack(&self, _: &mut Vec<u8>) {}
            fn unpack(_: &mut &[u8]) -> Self {
                Self
            }
            fn beside(&self) -> usize {
                BYTES
            }
        }
        let mut writer = Writer::new();
        writer.push("a".to_owned(), Long);
        assert!(writer.batch.is_empty());
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_map(
            entries in proptest::collection::vec(("[aäß/-]{0,4}", any::<u32>()), 0..40),
            cuts in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let mut writer = Writer::new();
            for ((path, value), cut) in entries.iter().zip(cuts) {
                writer.push(path.clone(), *value);
                if cut {
                    writer.pack();
                }
            }
            let expected: BTreeMap<String, u32> = entries.into_iter().collect();
            prop_assert!(writer.finish().iter().eq(expected));
        }
    }
}
