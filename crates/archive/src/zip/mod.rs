//! ZIP containers, read without trust and written without variation.
//!
//! [`verify`] reads a container from its first byte to its last and gives its table of contents, or the entry and the
//! [`Rule`] that it breaks. Readers of ZIP differ in what they see in a crafted file; a container that passes here has
//! only one reading, so its raw streams may be carried elsewhere. [`Writer`] makes containers that depend on nothing
//! but their content. Knows nothing of wheels, extracts nothing to disk, repairs nothing.

mod bytes;
mod check;
mod directory;
mod end;
mod error;
mod extra;
mod headers;
mod inflate;
mod inline;
mod local;
mod names;
mod read;
pub mod read_ahead;
mod rules;
mod write;

use std::cmp::Reverse;
use std::fs::File;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use self::check::{Checker, Found};
use self::directory::Directory;
pub use self::error::{Rule, ZipError};
pub use self::inflate::{Inflater, Step};
pub use self::inline::InlineReader;
pub use self::names::{Clash, Conflict, LONGEST as LONGEST_NAME, Names, Sameness, plain_name};
pub use self::read::{EntryReader, LARGEST_IN_MEMORY, open_entry, read_entry};
pub use self::rules::Rules;
pub use self::write::Writer;
use crate::entries::Pack;

/// Inflated bytes from which on several threads share the work.
const PARALLEL_FROM: u64 = 2 << 20;
/// Entries after which the room of those that are done with is given back.
const RELEASE: usize = 4096;
/// Most threads that share it: several containers may be verified at the same time.
const THREADS: usize = 8;

/// Reads and checks the whole container: end records, directory, names, tiling, local headers; then every entry is
/// inflated in full from an empty window and its size, end, CRC and SHA-256 are taken. Entries come in the order of the
/// directory; memory is some 150 bytes and the path for each of them, plus about 250 KiB per thread. The directory is read
/// several times: `file` is one that nobody else writes to.
///
/// # Errors
/// [`ZipError::Refused`] names entry and rule, of several faulty entries always the same one; [`ZipError::Io`] when the
/// file cannot be read.
pub fn verify(file: &File, rules: &Rules) -> Result<Pack, ZipError> {
    let length = file.metadata()?.len();
    let span = end::read(file, length, rules)?;
    let directory = Directory::read(file, length, &span, rules)?;
    let starts = local::check(file, &directory, span.offset)?;
    let helpers = match directory.total {
        ..PARALLEL_FROM => 0,
        _ => thread::available_parallelism().map_or(0, |n| n.get().min(THREADS) - 1),
    };
    let mut found = check_all(file, &directory, &starts, helpers)?;
    let (mut pack, mut cursor) = (Pack::default(), directory.cursor());
    let mut checker = Checker::new(file);
    while let Some((number, entry)) = found.pop() {
        let (record, start) = (cursor.record(number)?, starts[number]);
        let target = checker.target(&record, start)?;
        pack.push(entry.entry(&record, start, target));
        // What grows here takes up what shrinks there.
        if found.len() % RELEASE == 0 {
            found.shrink_to_fit();
        }
    }
    Ok(pack)
}

/// Checks all entries, with the help of further threads; gives what was found by number, the last entry first. Of the faulty ones the first in the directory's order is reported: one behind a
/// known fault may be skipped, one before it never is.
///
/// The threads are its own, not those of a pool: a pool's thread takes up other work while it waits for its helpers, and
/// callers verify while they hold locks that such work may want.
fn check_all(
    file: &File,
    directory: &Directory<'_>,
    starts: &[u64],
    helpers: usize,
) -> Result<Vec<(usize, Found)>, ZipError> {
    let (next, first_fault) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let check = || {
        let (mut checker, mut cursor) = (Checker::new(file), directory.cursor());
        let mut done = Done::default();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(&start) = starts.get(i) else {
                return done;
            };
            if i > first_fault.load(Ordering::Relaxed) {
                return done;
            }
            let record = cursor.record(i);
            match record.and_then(|record| checker.entry(&record, start)) {
                Ok(found) => done.found.push((i, found)),
                Err(fault) => {
                    first_fault.fetch_min(i, Ordering::Relaxed);
                    // All before it are someone's, all behind it nobody's any more.
                    done.fault = Some((i, fault));
                    return done;
                }
            }
        }
    };
    let done = thread::scope(|scope| {
        // Where no thread is to be had, fewer do the same work.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, check).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(spawn).collect();
        let mut done = check();
        for helper in helpers {
            done.join(helper.join().unwrap_or_else(|why| resume_unwind(why)));
        }
        done
    });
    done.last_first()
}

/// What some of the entries came to, by their numbers.
#[derive(Default)]
struct Done {
    found: Vec<(usize, Found)>,
    /// The first fault.
    fault: Option<(usize, ZipError)>,
}

impl Done {
    /// Takes what another thread has done.
    fn join(&mut self, mut other: Self) {
        self.found.append(&mut other.found);
        let faults = self.fault.take().into_iter().chain(other.fault);
        self.fault = faults.min_by_key(|(i, _)| *i);
    }

    /// What all of them came to, from the last entry to the first; nothing was skipped before the first fault.
    fn last_first(mut self) -> Result<Vec<(usize, Found)>, ZipError> {
        if let Some((_, fault)) = self.fault {
            return Err(fault);
        }
        self.found.sort_unstable_by_key(|(i, _)| Reverse(*i));
        Ok(self.found)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use rayon::prelude::*;

    use super::*;

    /// A container large enough for several threads.
    fn large() -> File {
        let mut writer = Writer::new(tempfile::tempfile().unwrap());
        let part: Vec<u8> = (0..96 << 10).map(|i: u32| (i % 251) as u8).collect();
        for i in 0..32 {
            writer.bytes(&format!("part{i:02}"), false, &part).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn threads_do_not_lose_the_directorys_order() {
        let pack = verify(&large(), &Rules::snapshot()).unwrap();
        let names: Vec<_> = pack.iter().map(|entry| &*entry.path).collect();
        assert_eq!(names.len(), 32);
        assert!(names.is_sorted());
    }

    #[test]
    fn a_pools_thread_takes_up_nothing_else_while_it_verifies() {
        thread_local! {
            static BUSY: Cell<bool> = const { Cell::new(false) };
        }
        let file = large();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4);
        let again = pool.build().unwrap().install(|| {
            let verified = (0..64).into_par_iter().map(|_| {
                // Verifying under a lock would wait for itself here.
                let again = BUSY.replace(true);
                verify(&file, &Rules::snapshot()).unwrap();
                BUSY.set(false);
                again
            });
            verified.filter(|again| *again).count()
        });
        assert_eq!(again, 0);
    }
}
