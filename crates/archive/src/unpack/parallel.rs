//! The two ways through a tarball: segments side by side, or one stream whose inflating runs ahead of its writing.
//!
//! Both end with the same tree, or with an error; neither puts anything in its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::error::UnpackError;
use super::model::Options;
use super::tree::{Figures, Hand, Met, Tree};
use crate::tarball::index::{Coding, Index, Part};
use crate::tarball::read::{BUFFER, Entries, Extent, FrameReader, ReadError, SegmentReader, plain};
use pannier_base::digest::{Digest, Hasher};

/// Segments from this length on are begun first, so that none of them is left for one thread at the end.
const LARGE: u64 = 4 << 20;

/// Buffers between inflating and writing.
const AHEAD: usize = 8;

/// Writes all entries of `entries` to the tree.
fn write<R: BufRead>(entries: &mut Entries<R>, hand: &mut Hand<'_>) -> Result<(), UnpackError> {
    while let Some(entry) = entries.next_entry()? {
        let path = entry.path.clone();
        let Some(mut file) = hand.take(entry)? else {
            continue;
        };
        entries.content(|bytes| file.write(bytes).map_err(hand.failed(&path)))?;
        file.finish().map_err(hand.failed(&path))?;
    }
    Ok(())
}

/// Segments in parallel; the digest of the file is one more piece of work.
pub(super) fn indexed(
    file: &File,
    index: &Index,
    tree: &Tree,
    options: &Options,
) -> Result<Figures, UnpackError> {
    let mut order: Vec<usize> = (0..index.parts.len()).collect();
    let weight = |number: &usize| index.parts[*number].segment.compressed;
    order.sort_by_key(|number| std::cmp::Reverse(Some(weight(number)).filter(|it| *it >= LARGE)));
    let work = Work {
        file,
        index,
        tree,
        order,
        next: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        done: Mutex::new(BTreeMap::new()),
    };
    thread::scope(|scope| {
        let digest = options
            .expected
            .map(|expected| scope.spawn(move || check_digest(file, index, expected)));
        let hands: Vec<_> = (1..options.jobs.get().min(index.parts.len()))
            .map(|_| scope.spawn(|| work.run()))
            .collect();
        let mut results = vec![work.run()];
        results.extend(hands.into_iter().map(|hand| joined(hand.join())));
        results.extend(digest.map(|thread| joined(thread.join())));
        results.into_iter().collect::<Result<(), _>>()
    })?;
    let done = work.done.into_inner().unwrap_or_else(|it| it.into_inner());
    tree.finish(done.into_values(), options.absolute_links)
}

/// What several threads share.
struct Work<'a> {
    file: &'a File,
    index: &'a Index,
    tree: &'a Tree,
    /// Numbers of the parts, in the order in which they are begun.
    order: Vec<usize>,
    next: AtomicUsize,
    failed: AtomicBool,
    done: Mutex<BTreeMap<usize, Met>>,
}

impl Work<'_> {
    /// Takes part after part until none is left or someone has failed.
    fn run(&self) -> Result<(), UnpackError> {
        let mut hand = self.tree.hand();
        let mut reader = None;
        while !self.failed.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&number) = self.order.get(next) else {
                break;
            };
            let part = self.index.parts[number];
            let reader = match &mut reader {
                Some(reader) => reader,
                none => none.insert(
                    PartReader::new(self.file, self.index.coding, part)
                        .map_err(ReadError::from_io)?,
                ),
            };
            reader.turn_to(part).map_err(ReadError::from_io)?;
            let extent = if number + 1 == self.index.parts.len() {
                Extent::Whole
            } else {
                Extent::Run
            };
            let written = write(&mut Entries::new(reader, extent), &mut hand);
            if let Err(error) = written {
                self.failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
            let met = std::mem::take(&mut hand.met);
            let mut done = self.done.lock().unwrap_or_else(|it| it.into_inner());
            done.insert(number, met);
        }
        Ok(())
    }
}

/// Reads parts of either coding.
enum PartReader<'a> {
    Deflate(SegmentReader<'a>),
    Zstd(FrameReader<'a>),
}

impl<'a> PartReader<'a> {
    fn new(file: &'a File, coding: Coding, part: Part) -> io::Result<Self> {
        Ok(match coding {
            Coding::Deflate => Self::Deflate(SegmentReader::new(file, part)),
            Coding::Zstd => Self::Zstd(FrameReader::new(file, part)?),
        })
    }

    fn turn_to(&mut self, part: Part) -> io::Result<()> {
        match self {
            Self::Deflate(reader) => {
                reader.turn_to(part);
                Ok(())
            }
            Self::Zstd(reader) => reader.turn_to(part),
        }
    }
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Deflate(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
        }
    }
}

impl BufRead for PartReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Deflate(reader) => reader.fill_buf(),
            Self::Zstd(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, length: usize) {
        match self {
            Self::Deflate(reader) => reader.consume(length),
            Self::Zstd(reader) => reader.consume(length),
        }
    }
}

/// Hashes the whole file.
fn check_digest(file: &File, index: &Index, expected: Digest) -> Result<(), UnpackError> {
    let length = index.length;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    while at < length {
        let read = file.read_at(&mut buffer, at).map_err(ReadError::from_io)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        at += read as u64;
    }
    compare(hasher.finish(), expected)
}

fn compare(found: Digest, expected: Digest) -> Result<(), UnpackError> {
    if found == expected {
        return Ok(());
    }
    Err(UnpackError::Digest { found, expected })
}

/// One stream: a second thread reads, hashes and inflates ahead.
pub(super) fn sequential(
    input: Box<dyn Read + Send + '_>,
    tree: &Tree,
    options: &Options,
) -> Result<Figures, UnpackError> {
    let expected = options.expected;
    let (full, inflated) = sync_channel(AHEAD);
    let (empty, used) = sync_channel(2 * AHEAD);
    let met = thread::scope(|scope| {
        let ahead = scope.spawn(move || inflate(input, &full, &used, expected));
        let mut hand = tree.hand();
        let mut entries = Entries::new(Ahead::new(inflated, empty), Extent::Whole);
        let written = write(&mut entries, &mut hand);
        // The inflating thread notices that its buffers are no longer consumed.
        drop(entries);
        let inflated = joined(ahead.join());
        written.and(inflated).map(|()| hand.met)
    })?;
    tree.finish([met], options.absolute_links)
}

/// A run of plain bytes, or why there are no more.
type Run = io::Result<Vec<u8>>;

fn inflate(
    input: Box<dyn Read + Send + '_>,
    full: &SyncSender<Run>,
    used: &Receiver<Vec<u8>>,
    expected: Option<Digest>,
) -> Result<(), UnpackError> {
    let hashing = Hashing {
        input,
        hasher: expected.map(|_| Hasher::default()),
    };
    let mut hashing = BufReader::with_capacity(BUFFER, hashing);
    let mut plain = match plain(&mut hashing) {
        Ok(plain) => plain,
        Err(error) => {
            let _ = full.send(Err(error));
            return Ok(());
        }
    };
    loop {
        let mut run = used.try_recv().unwrap_or_default();
        run.clear();
        match plain.fill_buf() {
            Ok([]) => break,
            Ok(bytes) => {
                run.extend_from_slice(bytes);
                let length = bytes.len();
                plain.consume(length);
                if full.send(Ok(run)).is_err() {
                    // The other side has failed and tells why.
                    return Ok(());
                }
            }
            Err(error) => {
                // The other side tells it.
                let _ = full.send(Err(error));
                return Ok(());
            }
        }
    }
    drop(plain);
    let found = hashing.into_inner().hasher.map(Hasher::finish);
    match (found, expected) {
        (Some(found), Some(expected)) => compare(found, expected),
        _ => Ok(()),
    }
}

/// Passes bytes on and hashes them.
struct Hashing<R> {
    input: R,
    hasher: Option<Hasher>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..length]);
        }
        Ok(length)
    }
}

/// The plain bytes as they come from the other thread.
struct Ahead {
    inflated: Receiver<Run>,
    empty: SyncSender<Vec<u8>>,
    run: Vec<u8>,
    taken: usize,
}

impl Ahead {
    const fn new(inflated: Receiver<Run>, empty: SyncSender<Vec<u8>>) -> Self {
        Self {
            inflated,
            empty,
            run: Vec::new(),
            taken: 0,
        }
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.run.len()
            && let Ok(run) = self.inflated.recv()
        {
            let used = std::mem::replace(&mut self.run, run?);
            self.taken = 0;
            // A full channel or a finished thread: the buffer is not wanted.
            let _ = self.empty.try_send(used);
        }
        Ok(&self.run[self.taken..])
    }

    fn consume(&mut self, length: usize) {
        self.taken = self.run.len().min(self.taken + length);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// A thread's result; a panic goes on here.
fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
