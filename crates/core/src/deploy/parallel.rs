//! A parallel map for requests: it waits for servers, so it takes many more threads than the machine has cores.

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

/// Most requests in flight: as many as a server accepts from one client without limiting it.
const MOST: usize = 64;

/// Applies `work` to all `items` at once; the results are in the order of the items.
pub(super) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let run = || items.par_iter().with_max_len(1).map(&work).collect();
    let threads = items.len().min(MOST);
    match ThreadPoolBuilder::new().num_threads(threads.max(1)).build() {
        Ok(pool) => pool.install(run),
        // No further threads: the shared ones do it, more slowly.
        Err(_) => run(),
    }
}
