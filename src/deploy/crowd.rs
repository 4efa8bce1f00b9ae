//! The same work for many things at once, by threads of its own: it waits for servers, not for processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most things that are worked on at once: what a server takes of one client without minding.
const MOST: usize = 64;

/// Does `work` for each of `things`, several at once; results are in the order of the things.
pub(super) fn each<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..things.len().min(MOST) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(thing) = things.get(number) else {
                        return;
                    };
                    let result = work(thing);
                    // A panic elsewhere leaves what is done as it is; the scope passes it on.
                    let mut done = done.lock().unwrap_or_else(|broken| broken.into_inner());
                    done.push((number, result));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner());
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_things() {
        let things: Vec<usize> = (0..200).collect();
        assert_eq!(
            each(&things, |n| n * 2),
            things.iter().map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(each(&[] as &[usize], |n| *n).is_empty());
    }
}
