//! The wheels and data that the store has so far, for the threads that write tarballs of them.
//!
//! One thread fills the store, others wait for single items; a failure ends the wait for all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::store::{StoredData, StoredWheel};
use pannier_base::digest::Digest;

use super::error::GivenUp;
use super::plan::{DataPlan, WheelNeed};

/// The items that are ready.
#[derive(Default)]
pub(super) struct ReadySet {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    wheels: HashMap<WheelNeed, StoredWheel>,
    data: HashMap<DataPlan, StoredData>,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Everything is there.
    Complete,
    /// Someone has failed: nothing more will come.
    GivenUp,
}

impl ReadySet {
    /// A wheel is there.
    pub(super) fn add_wheel(&self, need: WheelNeed, stored: StoredWheel) {
        self.lock().wheels.insert(need, stored);
        self.changed.notify_all();
    }

    /// A snapshot is there.
    pub(super) fn add_data(&self, plan: DataPlan, stored: StoredData) {
        self.lock().data.insert(plan, stored);
        self.changed.notify_all();
    }

    /// Everything is there, unless someone has given up.
    pub(super) fn complete(&self) {
        self.end(End::Complete);
    }

    /// Nobody need wait for anything that is not there.
    pub(super) fn give_up(&self) {
        self.end(End::GivenUp);
    }

    /// Whether work that has not begun need not begin.
    pub(super) fn is_given_up(&self) -> bool {
        self.lock().end == Some(End::GivenUp)
    }

    /// Waits for a wheel.
    pub(super) fn wheel(&self, need: &WheelNeed) -> Result<StoredWheel, GivenUp> {
        self.wait(|state| &state.wheels, need)
    }

    /// Waits for a snapshot.
    pub(super) fn data(&self, plan: &DataPlan) -> Result<StoredData, GivenUp> {
        self.wait(|state| &state.data, plan)
    }

    /// The digest of a wheel; that of a file of an index is known before it has come.
    pub(super) fn sha256(&self, need: &WheelNeed) -> Result<Digest, GivenUp> {
        match need {
            WheelNeed::Download { sha256, .. } => Ok(*sha256),
            WheelNeed::Build { .. } => Ok(self.wheel(need)?.sha256),
        }
    }

    /// The version of a wheel as its file name says it, likewise.
    pub(super) fn version(&self, need: &WheelNeed) -> Result<String, GivenUp> {
        match need {
            WheelNeed::Download { filename, .. } => Ok(filename.version.to_string()),
            WheelNeed::Build { .. } => Ok(self.wheel(need)?.filename.version.to_string()),
        }
    }

    /// Waits until everything is there.
    pub(super) fn wait_for_all(&self) -> Result<(), GivenUp> {
        let mut state = self.lock();
        loop {
            match state.end {
                Some(End::Complete) => return Ok(()),
                Some(End::GivenUp) => return Err(GivenUp),
                None => state = self.sleep(state),
            }
        }
    }

    fn wait<K: Hash + Eq, V: Clone>(
        &self,
        list: impl Fn(&State) -> &HashMap<K, V>,
        key: &K,
    ) -> Result<V, GivenUp> {
        let mut state = self.lock();
        loop {
            if state.end == Some(End::GivenUp) {
                return Err(GivenUp);
            }
            if let Some(found) = list(&state).get(key) {
                return Ok(found.clone());
            }
            state = self.sleep(state);
        }
    }

    fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.changed.notify_all();
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives up when dropped, unless it was marked as done: a panic must not leave others waiting.
pub(super) struct DropGuard<'a> {
    ready: &'a ReadySet,
    done: bool,
}

impl<'a> DropGuard<'a> {
    pub(super) const fn new(ready: &'a ReadySet) -> Self {
        Self { ready, done: false }
    }

    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for DropGuard<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.ready.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::prepare::plan::DataSource;
    use pannier_archive::entries::Pack;

    fn plan(name: &str) -> DataPlan {
        DataPlan {
            name: name.parse().unwrap(),
            source: DataSource::Directory { path: name.into() },
        }
    }

    fn stored(bytes: &[u8]) -> StoredData {
        StoredData {
            path: "snapshot.zip".into(),
            sha256: Digest::of(bytes),
            pack: Arc::new(Pack::default()),
        }
    }

    #[test]
    fn whoever_waits_gets_what_comes_and_hears_of_the_end() {
        let ready = ReadySet::default();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| ready.data(&plan("second")));
            let all = scope.spawn(|| ready.wait_for_all());
            let duty = DropGuard::new(&ready);
            for name in ["first", "second"] {
                ready.add_data(plan(name), stored(name.as_bytes()));
            }
            ready.complete();
            duty.done();
            let second = second.join().unwrap().unwrap();
            assert_eq!(second.sha256, Digest::of(b"second"));
            assert_eq!(all.join().unwrap(), Ok(()));
        });
        assert!(ready.data(&plan("first")).is_ok() && !ready.is_given_up());
    }

    #[test]
    fn nobody_waits_for_somebody_who_has_failed() {
        let ready = ReadySet::default();
        ready.add_data(plan("first"), stored(b"first"));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| ready.data(&plan("second")).err());
            let all = scope.spawn(|| ready.wait_for_all());
            let failing = scope.spawn(|| {
                let _duty = DropGuard::new(&ready);
                panic!("a thread that fills");
            });
            assert!(failing.join().is_err());
            assert_eq!(second.join().unwrap(), Some(GivenUp));
            assert_eq!(all.join().unwrap(), Err(GivenUp));
        });
        // It stays so.
        ready.complete();
        assert!(ready.is_given_up() && ready.data(&plan("first")).is_err());
    }
}
