//! Brings into the store what a plan needs and the store lacks: downloads, builds, snapshots, side by side.
//!
//! Each thing is fetched once, however many images need it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::lock::model::LockedData;
use crate::store::{Expected, Incoming, StoredData, StoredWheel};
use pannier_archive::zip;
use pannier_base::digest::{Digest, Hasher};
use pannier_base::event::{Event, Stage, StageGuard};
use pannier_base::url::SafeUrl;
use pannier_clients::git::{self, LfsPointers, Submodules};
use pannier_clients::uv::listed_metadata;

use super::error::PrepareError;
use super::model::Tools;
use super::plan::{DataPlan, DataSource, Plan, WheelNeed};
use super::ready_set::ReadySet;

/// Raised whenever the way of taking a snapshot changes.
const SNAPSHOT_RECIPE: &str = "1";

/// Fills the store with what `plan` needs, and says of each thing when it is there. Begins nothing more once someone has given
/// up.
pub(super) fn fill(
    plan: &Plan,
    submodules: Submodules,
    tools: &Tools<'_>,
    ready: &ReadySet,
) -> Result<(), PrepareError> {
    // What is there already is looked up first, so that the progress counts what is left to do.
    let (wheels, data) = needs(plan);
    let missing = |need: &'_ WheelNeed| match at_hand(need, tools) {
        Ok(Some(stored)) => {
            ready.add_wheel(need.clone(), stored);
            None
        }
        Ok(None) => Some(Ok(need.clone())),
        Err(error) => Some(Err(error)),
    };
    let wheels = wheels.into_par_iter().filter_map(missing);
    let wheels = wheels.collect::<Result<Vec<_>, PrepareError>>()?;
    let mut snapshots = Vec::new();
    for plan in data {
        let key = data_key(&plan.source, submodules)?;
        match tools.store.data(&key)? {
            Some(stored) => ready.add_data(plan.clone(), stored),
            None => snapshots.push((plan, key)),
        }
    }
    let total = (wheels.len() + snapshots.len()) as u64;
    let stage = StageGuard::start(tools.reporter, Stage::Fetch, Some(total));
    let wheels = Queue::new(wheels, order);
    let wheels = || {
        wheels.work_off(|need| {
            if ready.is_given_up() {
                return Err(PrepareError::GivenUp);
            }
            tools.client.cancel().check()?;
            let stored = wheel(&need, tools, &stage)?;
            ready.add_wheel(need, stored);
            Ok(())
        })
    };
    let data = || {
        snapshots.into_par_iter().try_for_each(|(plan, key)| {
            tools.client.cancel().check()?;
            let stored = snapshot(plan, &key, submodules, tools, &stage)?;
            ready.add_data(plan.clone(), stored);
            Ok(())
        })
    };
    let (wheels, data) = rayon::join(wheels, data);
    wheels.and(data)
}

/// What the images need, each once, in the order in which it is written.
fn needs(plan: &Plan) -> (Vec<&WheelNeed>, Vec<&DataPlan>) {
    let (mut wheels, mut data) = (HashSet::new(), HashSet::new());
    let images = plan.images.iter();
    let packages = images.clone().flat_map(|image| &image.packages);
    let needed = packages.map(|package| &package.wheel);
    let needed = needed.filter(|need| wheels.insert(*need)).collect();
    let trees = images.flat_map(|image| &image.data);
    let trees = trees.filter(|plan| data.insert(*plan)).collect();
    (needed, trees)
}

/// Work for several threads: half of them begin with what takes longest, so that nothing large is left when everything else is
/// done; the others with what is wanted first, so that it can be written while the large files arrive.
struct Queue<T>(Mutex<Waiting<T>>);

/// What nobody has taken yet.
struct Waiting<T> {
    /// As it is wanted; `None`: taken.
    work: Vec<Option<T>>,
    /// From here on something may be left.
    wanted: usize,
    /// Positions in `work`, what takes longest last.
    longest: Vec<usize>,
}

impl<T: Send> Queue<T> {
    /// `order` sorts what takes longest first.
    fn new<K: Ord>(work: Vec<T>, order: impl Fn(&T) -> K) -> Self {
        let mut longest: Vec<usize> = (0..work.len()).collect();
        longest.sort_by_cached_key(|&at| Reverse(order(&work[at])));
        Self(Mutex::new(Waiting {
            work: work.into_iter().map(Some).collect(),
            wanted: 0,
            longest,
        }))
    }

    /// Does all of it on all threads of the pool, in no order. What fails first ends it: what was not begun is not begun then.
    fn work_off<E: Send>(&self, work: impl Fn(T) -> Result<(), E> + Sync) -> Result<(), E> {
        let hands = (0..rayon::current_num_threads()).into_par_iter();
        hands.with_max_len(1).try_for_each(|hand| {
            while let Some(next) = self.take(hand.is_multiple_of(2)) {
                if let Err(error) = work(next) {
                    self.lock().work.clear();
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    /// What takes longest, or what is wanted first.
    fn take(&self, longest: bool) -> Option<T> {
        let mut waiting = self.lock();
        let waiting = &mut *waiting;
        if longest {
            while let Some(at) = waiting.longest.pop() {
                if let Some(work) = waiting.work.get_mut(at).and_then(Option::take) {
                    return Some(work);
                }
            }
            return None;
        }
        let left = waiting.work.get_mut(waiting.wanted..)?;
        let (at, work) = left
            .iter_mut()
            .enumerate()
            .find_map(|(at, work)| Some((at, work.take()?)))?;
        waiting.wanted += at + 1;
        Some(work)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What takes longest comes first: builds, then the largest files.
fn order(need: &WheelNeed) -> Reverse<u64> {
    match need {
        WheelNeed::Download { size, .. } => Reverse(size.unwrap_or(0)),
        WheelNeed::Build { .. } => Reverse(u64::MAX),
    }
}

/// The wheel, if no work is needed to have it.
fn at_hand(need: &WheelNeed, tools: &Tools<'_>) -> Result<Option<StoredWheel>, PrepareError> {
    match need {
        WheelNeed::Download {
            filename, sha256, ..
        } => Ok(tools.store.wheel(filename, sha256)?),
        WheelNeed::Build {
            source,
            target,
            version,
        } => Ok(tools.builder.at_hand(source, target, version.as_ref())?),
    }
}

fn wheel(
    need: &WheelNeed,
    tools: &Tools<'_>,
    stage: &StageGuard<'_>,
) -> Result<StoredWheel, PrepareError> {
    let stored = match need {
        WheelNeed::Download {
            filename,
            url,
            sha256,
            listed,
            ..
        } => {
            let (incoming, metadata) = download(url, *listed, tools)?;
            let expected = Expected {
                sha256: Some(sha256),
                metadata: metadata.as_deref(),
            };
            let stored = tools.store.admit_wheel(incoming, filename, expected)?;
            for warning in &stored.wheel.warnings {
                tools.reporter.warn(format!("{filename}: {warning}"), None);
            }
            stored
        }
        WheelNeed::Build {
            source,
            target,
            version,
        } => tools.builder.wheel_for(source, target, version.as_ref())?,
    };
    stage.step(stored.filename.to_string());
    Ok(stored)
}

/// A wheel, and meanwhile the metadata that its index lists, so that a cold store is filled as fast.
fn download(
    url: &SafeUrl,
    listed: bool,
    tools: &Tools<'_>,
) -> Result<(Incoming, Option<Vec<u8>>), PrepareError> {
    let mut incoming = tools.store.incoming()?;
    let (metadata, done) = std::thread::scope(|scope| {
        let metadata = listed.then(|| scope.spawn(|| listed_metadata(tools.client, url)));
        let done = tools.client.download(url, &mut incoming, &|bytes| {
            tools.reporter.report(Event::Downloaded { bytes });
        });
        let metadata = metadata.map(|thread| {
            let joined = thread.join();
            joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        (metadata, done)
    });
    done?;
    Ok((incoming, metadata.transpose()?.flatten()))
}

fn snapshot(
    plan: &DataPlan,
    key: &Digest,
    submodules: Submodules,
    tools: &Tools<'_>,
    stage: &StageGuard<'_>,
) -> Result<StoredData, PrepareError> {
    let mut pointers = LfsPointers::default();
    let incoming = tools.store.incoming()?.fill(|file| {
        let mut out = zip::Writer::new(file).spool_in(tools.store.scratch());
        pointers = match &plan.source {
            DataSource::Git {
                repository,
                commit,
                subdirectory,
                ..
            } => {
                let folder = subdirectory.as_deref();
                tools
                    .git
                    .snapshot(repository, commit, folder, submodules, &mut out)?
            }
            DataSource::Directory { path } => git::snapshot_folder(path, &mut out)?,
        };
        out.finish().map_err(|source| PrepareError::Snapshot {
            name: plan.name.clone(),
            source,
        })?;
        Ok::<_, PrepareError>(())
    })?;
    if let Some(first) = pointers.first {
        let message = format!(
            "{} of the data project {} are Git LFS pointers, not the files themselves (the first is {first})",
            pointers.count, plan.name
        );
        let hint = "ship large files from another source: Pannier does not download LFS objects";
        tools.reporter.warn(message, Some(hint.to_owned()));
    }
    // What was read from a folder that changed must not be kept as what it was before.
    if data_key(&plan.source, submodules)? != *key {
        return Err(PrepareError::Changed {
            name: plan.name.clone(),
        });
    }
    let stored = tools
        .store
        .admit_data(incoming, key)
        .map_err(|source| PrepareError::Unkept {
            name: plan.name.clone(),
            source,
        })?;
    stage.step(format!("data {}", plan.name));
    Ok(stored)
}

/// The keys that a locked data project's snapshots may have; none for a folder.
pub(super) fn snapshot_keys(data: &LockedData) -> Vec<Digest> {
    match data {
        LockedData::Directory { .. } => Vec::new(),
        LockedData::Git {
            commit_id,
            subdirectory,
            ..
        } => [Submodules::Refuse, Submodules::Follow]
            .map(|submodules| commit_key(commit_id, subdirectory.as_deref(), submodules))
            .to_vec(),
    }
}

/// Everything that decides a snapshot.
fn data_key(source: &DataSource, submodules: Submodules) -> Result<Digest, PrepareError> {
    match source {
        DataSource::Git {
            commit,
            subdirectory,
            ..
        } => Ok(commit_key(commit, subdirectory.as_deref(), submodules)),
        DataSource::Directory { path } => {
            let mut key = Hasher::default();
            key.field(SNAPSHOT_RECIPE.as_bytes());
            key.field(b"directory");
            key.field(git::folder_digest(path)?.as_bytes());
            Ok(key.finish())
        }
    }
}

/// A commit's id is made from its content, so the URL is not part of the key.
fn commit_key(commit: &str, subdirectory: Option<&str>, submodules: Submodules) -> Digest {
    let mut key = Hasher::default();
    key.field(SNAPSHOT_RECIPE.as_bytes());
    key.field(b"git");
    key.field(commit.as_bytes());
    key.field(subdirectory.unwrap_or("").as_bytes());
    key.field(format!("{submodules:?}").as_bytes());
    key.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Store;
    use crate::wheel_build::{Builder, Workshop};
    use pannier_base::event::Silent;
    use pannier_clients::git::Git;
    use pannier_clients::http::{Client, Credentials};
    use pannier_clients::python::Pythons;
    use pannier_clients::uv::Surroundings;

    #[test]
    fn a_queue_is_worked_off_from_both_ends_and_ends_with_an_error() {
        let queue = |work: Vec<i32>| Queue::new(work, |it| Reverse(*it));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
        let done = Mutex::new(Vec::new());
        pool.build().unwrap().install(|| {
            let work = queue(vec![2, 1, 3]).work_off(|it| {
                done.lock().unwrap().push(it);
                Ok::<_, ()>(())
            });
            work.unwrap();
        });
        assert_eq!(*done.lock().unwrap(), [3, 2, 1]);
        let done = Mutex::new(HashSet::new());
        let worked = queue((0..1000).collect()).work_off(|it| {
            assert!(done.lock().unwrap().insert(it));
            Ok::<_, ()>(())
        });
        assert!(worked.is_ok() && done.lock().unwrap().len() == 1000);
        let failing = queue((0..1000).collect());
        assert!(
            failing
                .work_off(|it| if it % 2 == 0 { Err(it) } else { Ok(()) })
                .is_err()
        );
        assert!(failing.take(true).is_none() && failing.take(false).is_none());
        let queue = queue(vec![2, 1, 4, 3]);
        let taken = [true, false, false, true, false, true].map(|longest| queue.take(longest));
        assert_eq!(taken, [Some(4), Some(2), Some(1), Some(3), None, None]);
    }

    #[test]
    fn a_snapshot_of_a_folder_that_changed_meanwhile_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tables");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), "1").unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let client = Client::new(Credentials::default());
        let git = Git::new(&store.git_root(), client.clone());
        let pythons = Pythons::new(
            Vec::new(),
            pannier_clients::child::ChildEnvironment::default(),
        );
        let workshop = Workshop {
            uv: &|| unreachable!("nothing is built"),
            around: Surroundings::default(),
            pythons: &pythons,
            constraints: String::new(),
            require_hashes: false,
            submodules: Submodules::Refuse,
        };
        let builder = Builder::new(&store, &git, &client, workshop, &Silent);
        let tools = Tools {
            store: &store,
            client: &client,
            git: &git,
            builder: &builder,
            pythons: &pythons,
            reporter: &Silent,
        };
        let stage = StageGuard::start(&Silent, Stage::Fetch, None);
        let plan = DataPlan {
            name: "tables".parse().unwrap(),
            source: DataSource::Directory { path: path.clone() },
        };
        let before = data_key(&plan.source, Submodules::Refuse).unwrap();
        fs::write(path.join("a"), "2").unwrap();
        let taken = snapshot(&plan, &before, Submodules::Refuse, &tools, &stage);
        assert!(matches!(taken, Err(PrepareError::Changed { .. })));
        assert!(store.data(&before).unwrap().is_none());
        let now = data_key(&plan.source, Submodules::Refuse).unwrap();
        snapshot(&plan, &now, Submodules::Refuse, &tools, &stage).unwrap();
        assert!(store.data(&now).unwrap().is_some());
    }
}
