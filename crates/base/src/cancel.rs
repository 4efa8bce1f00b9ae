//! The request to stop a run: made once, by a signal or by a server, and checked by everything that takes long.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether a run should stop. Clones share one state.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    /// Sections that finish although the run is cancelled.
    protected: usize,
    next: u64,
    hooks: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

thread_local! {
    /// How many protected sections this thread is in.
    static PROTECTED: Cell<usize> = const { Cell::new(0) };
}

/// The run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run was cancelled")]
pub struct Cancelled;

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel({})", self.lock().cancelled)
    }
}

impl Cancel {
    /// Asks the run to stop: ends every pause and calls every hook. Later calls change nothing.
    pub fn cancel(&self) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.cancelled, true) {
            state.hooks.values().for_each(|hook| hook());
            self.0.changed.notify_all();
        }
    }

    /// Whether this thread should stop. A thread in a protected section goes on.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        PROTECTED.get() == 0 && self.lock().cancelled
    }

    /// Whether the run was asked to stop, also for a thread in a protected section: it may end its section early.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.lock().cancelled
    }

    /// An error when this thread should stop.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            return Err(Cancelled);
        }
        Ok(())
    }

    /// Pauses for `pause`, or until the run is cancelled.
    pub fn sleep(&self, pause: Duration) {
        if PROTECTED.get() > 0 {
            return std::thread::sleep(pause);
        }
        let state = self.lock();
        let wait = self
            .0
            .changed
            .wait_timeout_while(state, pause, |it| !it.cancelled);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Calls `hook` when the run is cancelled, at once if it is already. The hook must not use this value, and is forgotten when the
    /// result is dropped.
    #[must_use]
    pub fn on_cancel(&self, hook: impl Fn() + Send + 'static) -> Hook {
        let mut state = self.lock();
        if state.cancelled {
            hook();
        }
        let number = state.next;
        state.next += 1;
        state.hooks.insert(number, Box::new(hook));
        Hook {
            cancel: self.clone(),
            number,
        }
    }

    /// Begins a section of this thread that finishes even if the run is cancelled meanwhile, such as a push with its record.
    ///
    /// # Errors
    /// [`Cancelled`] when the run is cancelled already.
    pub fn protect(&self) -> Result<Protected, Cancelled> {
        let mut state = self.lock();
        if PROTECTED.get() == 0 && state.cancelled {
            return Err(Cancelled);
        }
        state.protected += 1;
        PROTECTED.set(PROTECTED.get() + 1);
        Ok(Protected {
            cancel: self.clone(),
            _bound: std::marker::PhantomData,
        })
    }

    /// Waits until the run is cancelled.
    pub fn wait(&self) {
        let state = self.lock();
        let wait = self.0.changed.wait_while(state, |it| !it.cancelled);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until no section is protected, and `grace` longer.
    pub fn wait_for_protected(&self, grace: Duration) {
        let mut state = self.lock();
        loop {
            let end = Instant::now() + grace;
            state = self
                .0
                .changed
                .wait_while(state, |it| it.protected > 0)
                .unwrap_or_else(PoisonError::into_inner);
            let left = end.saturating_duration_since(Instant::now());
            let (waited, timeout) = self
                .0
                .changed
                .wait_timeout_while(state, left, |it| it.protected == 0)
                .unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if timeout.timed_out() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hook that is known to a [`Cancel`].
#[derive(Debug)]
pub struct Hook {
    cancel: Cancel,
    number: u64,
}

impl Drop for Hook {
    fn drop(&mut self) {
        // Not dropped under the lock: what a hook owns may lock again.
        let hook = self.cancel.lock().hooks.remove(&self.number);
        drop(hook);
    }
}

/// A section that finishes; it belongs to the thread that began it.
#[derive(Debug)]
pub struct Protected {
    cancel: Cancel,
    _bound: std::marker::PhantomData<*const ()>,
}

impl Drop for Protected {
    fn drop(&mut self) {
        PROTECTED.set(PROTECTED.get() - 1);
        self.cancel.lock().protected -= 1;
        self.cancel.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_pause_ends_when_a_clone_is_cancelled() {
        let cancel = Cancel::default();
        let other = cancel.clone();
        assert_eq!(cancel.check(), Ok(()));
        std::thread::scope(|scope| {
            scope.spawn(|| cancel.sleep(LONG));
            scope.spawn(|| cancel.wait());
            other.cancel();
        });
        assert_eq!(cancel.check(), Err(Cancelled));
        cancel.sleep(LONG);
    }

    #[test]
    fn hooks_run_once_and_late_ones_at_once() {
        let count = Arc::new(AtomicUsize::new(0));
        let hook = || {
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(1, Ordering::SeqCst);
            }
        };
        let cancel = Cancel::default();
        drop(cancel.on_cancel(hook()));
        let _known = cancel.on_cancel(hook());
        cancel.cancel();
        cancel.cancel();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let _late = cancel.on_cancel(hook());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_protected_section_finishes_and_none_begins_afterwards() {
        let cancel = Cancel::default();
        let protected = cancel.protect().unwrap();
        cancel.cancel();
        assert!(!cancel.is_cancelled() && cancel.is_requested());
        let within = cancel.protect().unwrap();
        let elsewhere = std::thread::scope(|scope| {
            let cancel = &cancel;
            let begun = scope.spawn(move || (cancel.is_cancelled(), cancel.protect().is_ok()));
            begun.join().unwrap()
        });
        assert_eq!(elsewhere, (true, false));
        drop((within, protected));
        assert!(cancel.is_cancelled());
        assert_eq!(cancel.protect().err(), Some(Cancelled));
        cancel.wait_for_protected(Duration::ZERO);
    }
}
