//! The log as a value, without git: what is written, read again, refused, and merged when others were faster.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::audit::Record;
use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use crate::lock::model::PannierTable;
use crate::lock::pylock;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_clients::git::{BranchFiles, GitError, Written};

fn lock(version: &str, commit: char) -> String {
    let package = |name: &str, version: &str, source| LockedPackage {
        name: name.parse().unwrap(),
        version: Some(version.parse().unwrap()),
        marker: None,
        requires_python: None,
        index: None,
        source,
    };
    let tool = LockedSource::Git {
        repository: "https://user:secret@git.example.org/tool.git"
            .parse()
            .unwrap(),
        requested_revision: Some("production".to_owned()),
        commit: commit.to_string().repeat(40),
        subdirectory: None,
    };
    let wheel = crate::lock::model::Artifact {
        name: format!("lib-{version}-py3-none-any.whl"),
        url: "https://index.example.org/lib.whl".parse().unwrap(),
        size: None,
        upload_time: None,
        sha256: Digest::of(version.as_bytes()),
    };
    let lib = LockedSource::Index {
        sdist: None,
        wheels: vec![wheel],
    };
    let tables = LockedData::Git {
        url: "https://git.example.org/tables.git".parse().unwrap(),
        requested_revision: "production".to_owned(),
        commit_id: commit.to_string().repeat(40),
        subdirectory: None,
    };
    pylock::write(&Lock {
        requires_python: None,
        environments: Vec::new(),
        packages: vec![package("lib", version, lib), package("tool", "2.0", tool)],
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b"request"),
            constraints: Some(Digest::of(b"constraints")),
            parts: BTreeMap::new(),
            images: BTreeMap::new(),
            data: [("tables".parse().unwrap(), tables)].into(),
            forks: Vec::new(),
            overrides: Vec::new(),
        },
    })
}

fn stamp(second: i64, pipeline: u32) -> Stamp {
    Stamp {
        at: jiff::Timestamp::from_second(1_772_356_500 + second).unwrap(),
        by: "ann".to_owned(),
        mail: "ann@example.org".to_owned(),
        reason: Some("fix\n the https://u:token@host.example/x path".to_owned()),
        pipeline: (pipeline > 0).then(|| {
            let url = format!("https://gitlab.example.org/p/-/pipelines/{pipeline}");
            url.parse().unwrap()
        }),
        entry: format!("entry-{second}-{pipeline}"),
    }
}

fn production() -> ChannelName {
    "production".parse().unwrap()
}

/// Storage in memory; before the writings named in `faster` somebody else's edit arrives.
#[derive(Default)]
struct Memory {
    state: RefCell<(u32, BTreeMap<String, Vec<u8>>)>,
    faster: RefCell<Vec<Edit>>,
    /// The next writing arrives, but its answer is lost and somebody writes on top.
    lost: RefCell<bool>,
}

impl Memory {
    fn apply<O>(&self, edit: &Edit<O>) {
        let mut state = self.state.borrow_mut();
        state.0 += 1;
        for (path, bytes) in &edit.files {
            match bytes {
                Some(bytes) => state.1.insert(path.clone(), bytes.clone()),
                None => state.1.remove(path),
            };
        }
    }

    fn log(&self) -> LogFiles {
        LogFiles::new(self.state.borrow().1.clone())
    }

    fn record(&self, lock: &str, stamp: &Stamp, channel: bool) -> WriteOutcome {
        let channel = channel.then(production);
        write(self, stamp, |log| {
            record(log, lock, &[], channel.as_ref(), stamp)
        })
        .unwrap()
    }

    fn promote(&self, id: &ReleaseId, action: Action, stamp: &Stamp) -> WriteOutcome {
        write(self, stamp, |log| {
            promote(log, id, &production(), action, stamp)
        })
        .unwrap()
    }
}

impl Storage for Memory {
    fn files(&self) -> Result<Option<BranchFiles>, GitError> {
        let (count, files) = self.state.borrow().clone();
        let commit = count.to_string();
        Ok((count > 0).then_some(BranchFiles { commit, files }))
    }

    fn put(&self, parent: Option<&str>, edit: &Edit<()>, _: &Stamp) -> Result<Written, GitError> {
        let faster = self.faster.borrow_mut().pop();
        if let Some(faster) = faster {
            self.apply(&faster);
        }
        let tip = self.state.borrow().0;
        let now = (tip > 0).then(|| tip.to_string());
        if now.as_deref() != parent {
            return Ok(Written::Stale { found: now });
        }
        self.apply(edit);
        if self.lost.replace(false) {
            return Ok(Written::Stale { found: None });
        }
        Ok(Written::Moved((tip + 1).to_string()))
    }
}

#[test]
fn a_release_holds_what_its_lock_holds_and_no_credential() {
    let storage = Memory::default();
    let text = lock("1.0", 'a');
    let done = storage.record(&text, &stamp(0, 7), true);
    assert!(done.recorded);
    let digest = Digest::of(text.as_bytes()).to_string();
    assert_eq!(
        done.release.as_str(),
        format!("20260301-091500-{}", &digest[..6])
    );
    let log = storage.log();
    let release = log.release(&done.release).unwrap();
    assert_eq!(release.packages[0].sha256, [Digest::of(b"1.0")]);
    assert_eq!(release.packages[1].commit, Some("a".repeat(40)));
    assert_eq!(release.data[0].commit, Some("a".repeat(40)));
    assert_eq!(release.constraints, Some(Digest::of(b"constraints")));
    assert_eq!(log.lock(&release).unwrap().0, text);
    assert_eq!(
        log.channel(&production()).unwrap().unwrap().release,
        done.release
    );
    let actions: Vec<Action> = log.history().unwrap().iter().map(|it| it.action).collect();
    assert_eq!(actions, [Action::Record, Action::Promote]);
    for bytes in storage.state.borrow().1.values() {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !text.contains("secret") && !text.contains("token@"),
            "{text}"
        );
    }
    assert!(release.reason.unwrap().starts_with("fix the https://"));
}

#[test]
fn a_run_with_overrides_is_no_release() {
    let storage = Memory::default();
    let mut overridden = pylock::read(&lock("1.0", 'a')).unwrap().lock;
    overridden.pannier.overrides = vec![
        serde_json::from_value(serde_json::json!({
            "name": "tool", "kind": "package", "said-by": "tool_pip_url"
        }))
        .unwrap(),
    ];
    let text = pylock::write(&overridden);
    let refused = record(
        &storage.log(),
        &text,
        &[],
        Some(&production()),
        &stamp(0, 7),
    );
    let error = refused.expect_err("it is of one run");
    assert!(
        matches!(&error, ReleaseError::Overridden { overrides, .. } if *overrides == ["tool"]),
        "{error}"
    );
    // One that came into the log in another way gets no channel, and nobody goes back to it.
    let id = storage
        .record(&lock("1.0", 'a'), &stamp(0, 7), false)
        .release;
    let mut files = storage.state.borrow().1.clone();
    let mut release = storage.log().release(&id).unwrap();
    release.lock = Digest::of(text.as_bytes());
    let json = serde_json::to_vec(&release).unwrap();
    files.insert(format!("releases/{id}.json"), json);
    files.insert(format!("releases/{id}.pylock.toml"), text.into_bytes());
    let log = LogFiles::new(files);
    let stamp = stamp(1, 0);
    let promoted = promote(&log, &id, &production(), Action::Promote, &stamp);
    assert!(matches!(promoted, Err(ReleaseError::Overridden { .. })));
    let back = goal(&log, "latest", &production(), &stamp);
    assert!(matches!(back, Err(ReleaseError::Overridden { .. })));
}

#[test]
fn a_job_that_runs_again_records_nothing_twice() {
    let storage = Memory::default();
    let first = storage.record(&lock("1.0", 'a'), &stamp(0, 7), true);
    let before = storage.log();
    let again = storage.record(&lock("1.0", 'a'), &stamp(60, 7), true);
    assert_eq!(
        (again.release, again.recorded),
        (first.release.clone(), false)
    );
    assert_eq!(storage.log(), before);
    // Another pipeline with the same lock is a release of its own, and so is a run outside of any pipeline.
    assert!(
        storage
            .record(&lock("1.0", 'a'), &stamp(60, 8), false)
            .recorded
    );
    assert!(
        storage
            .record(&lock("1.0", 'a'), &stamp(90, 0), false)
            .recorded
    );
    assert!(
        storage
            .record(&lock("1.0", 'a'), &stamp(95, 0), false)
            .recorded
    );
    assert_eq!(storage.log().ids().len(), 4);
}

#[test]
fn two_releases_of_one_second_have_two_names() {
    let storage = Memory::default();
    let first = storage.record(&lock("1.0", 'a'), &stamp(0, 1), false);
    let second = storage.record(&lock("1.0", 'a'), &stamp(0, 2), false);
    assert_eq!(second.release.as_str(), format!("{}-2", first.release));
}

#[test]
fn the_order_is_that_of_the_writings_whatever_the_clocks_say() {
    let storage = Memory::default();
    let late = storage.record(&lock("1.0", 'a'), &stamp(3600, 1), false);
    let next = storage.record(&lock("2.0", 'a'), &stamp(0, 2), false);
    let order = [late.release, next.release];
    let mut log = storage.log();
    assert_eq!(log.in_order().unwrap(), order);
    assert_eq!(log.find("latest", &production()).unwrap(), order[1]);
    let mut files = storage.state.borrow().1.clone();
    let by_hand: ReleaseId = "20270101-000000-abcdef".parse().unwrap();
    files.insert(format!("releases/{by_hand}.json"), Vec::new());
    log = LogFiles::new(files);
    assert_eq!(log.in_order().unwrap()[0], by_hand);
    assert_eq!(log.find("latest", &production()).unwrap(), order[1]);
}

#[test]
fn who_loses_the_race_writes_on_top_and_loses_nothing() {
    let storage = Memory::default();
    for second in [30, 20, 10] {
        let other = Memory {
            state: RefCell::new(storage.state.borrow().clone()),
            ..Memory::default()
        };
        for later in [10, 20, 30].into_iter().filter(|it| *it <= second) {
            let stamp = stamp(later, 0);
            let edit = record(&other.log(), &lock("1.0", 'b'), &[], None, &stamp).unwrap();
            other.apply(&edit);
            if later == second {
                storage.faster.borrow_mut().push(edit);
            }
        }
    }
    storage.record(&lock("2.0", 'a'), &stamp(0, 0), true);
    let log = storage.log();
    assert_eq!(log.ids().len(), 4);
    assert_eq!(log.history().unwrap().len(), 5);
}

#[test]
fn an_answer_that_was_lost_leads_to_no_second_entry() {
    let storage = Memory::default();
    *storage.lost.borrow_mut() = true;
    let done = storage.record(&lock("1.0", 'a'), &stamp(0, 0), true);
    let log = storage.log();
    assert_eq!(log.ids(), std::slice::from_ref(&done.release));
    assert_eq!(log.history().unwrap().len(), 2);
    let newer = storage.record(&lock("2.0", 'a'), &stamp(5, 0), true);
    *storage.lost.borrow_mut() = true;
    storage.promote(&done.release, Action::Rollback, &stamp(9, 0));
    assert_eq!(storage.log().history().unwrap().len(), 5);
    assert_eq!(
        storage.log().history().unwrap().pop().unwrap().from,
        Some(newer.release)
    );
}

#[test]
fn writers_who_are_always_too_late_are_told() {
    struct Never;
    impl Storage for Never {
        fn files(&self) -> Result<Option<BranchFiles>, GitError> {
            Ok(None)
        }
        fn put(&self, _: Option<&str>, _: &Edit<()>, _: &Stamp) -> Result<Written, GitError> {
            Ok(Written::Stale { found: None })
        }
    }
    let stamp = stamp(0, 0);
    let error = write(&Never, &stamp, |log| {
        record(log, &lock("1.0", 'a'), &[], None, &stamp)
    });
    assert!(matches!(error, Err(ReleaseError::Busy { .. })));
}

#[test]
fn previous_goes_further_back_with_each_rollback() {
    let storage = Memory::default();
    let ids: Vec<ReleaseId> = (0..3)
        .map(|n| {
            let text = lock(&format!("{n}.0"), 'a');
            storage.record(&text, &stamp(n, 0), true).release
        })
        .collect();
    let previous = || storage.log().find("previous", &production());
    assert_eq!(previous().unwrap(), ids[1]);
    storage.promote(&ids[1], Action::Rollback, &stamp(10, 0));
    assert_eq!(previous().unwrap(), ids[0]);
    storage.promote(&ids[0], Action::Rollback, &stamp(11, 0));
    assert!(matches!(previous(), Err(ReleaseError::Channel { .. })));
    storage.promote(&ids[2], Action::Promote, &stamp(12, 0));
    assert_eq!(previous().unwrap(), ids[0]);
    // A second promotion of what is there already changes nothing.
    let before = storage.log();
    storage.promote(&ids[2], Action::Promote, &stamp(13, 0));
    assert_eq!(storage.log(), before);
}

#[test]
fn releases_are_found_by_name_beginning_and_channel() {
    let storage = Memory::default();
    let old = storage
        .record(&lock("1.0", 'a'), &stamp(0, 0), true)
        .release;
    let new = storage
        .record(&lock("2.0", 'a'), &stamp(86_400, 0), false)
        .release;
    let log = storage.log();
    let find = |text: &str| log.find(text, &production());
    assert_eq!(find("latest").unwrap(), new);
    assert_eq!(find("production").unwrap(), old);
    assert_eq!(find(old.as_str()).unwrap(), old);
    assert_eq!(find("20260302").unwrap(), new);
    assert!(matches!(find("2026"), Err(ReleaseError::Ambiguous { found, .. }) if found.len() == 2));
    for text in ["", "1999", "../x", "previously"] {
        assert!(
            matches!(find(text), Err(ReleaseError::Unknown { .. })),
            "{text}"
        );
    }
}

#[test]
fn the_list_says_what_moved_and_the_difference_speaks_as_the_lock_does() {
    let storage = Memory::default();
    let old = storage
        .record(&lock("1.0", 'a'), &stamp(0, 0), true)
        .release;
    let new = storage
        .record(&lock("2.0", 'b'), &stamp(60, 0), false)
        .release;
    let rows = list(&storage.log(), 10).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [new.clone(), old.clone()]);
    assert_eq!(rows[1].channels, [production()]);
    assert_eq!(rows[1].moved, None);
    let wanted = [
        "raised lib 1.0 -> 2.0",
        "moved tool 2.0 (aaaaaaaaaa) -> 2.0 (bbbbbbbbbb)",
        "moved data/tables aaaaaaaaaa -> bbbbbbbbbb",
    ];
    assert_eq!(rows[0].moved.as_deref().unwrap(), wanted);
    let back = compare(&storage.log(), &new, &old).unwrap();
    assert_eq!(back[0].to_string(), "lowered lib 2.0 -> 1.0");
    let at = |seconds| rows[1].age(stamp(seconds, 0).at);
    let ages = [-5, 59, 60, 7200, 172_799, 172_800].map(at);
    assert_eq!(ages, ["0 s", "59 s", "1 min", "2 h", "47 h", "2 d"]);
    assert_eq!(list(&storage.log(), 1).unwrap().len(), 1);
}

#[test]
fn what_was_edited_by_hand_is_refused_by_name() {
    let storage = Memory::default();
    let id = storage
        .record(&lock("1.0", 'a'), &stamp(0, 0), true)
        .release;
    let with = |path: &str, text: &str| {
        let mut files = storage.state.borrow().1.clone();
        files.insert(path.to_owned(), text.as_bytes().to_vec());
        LogFiles::new(files)
    };
    let release = storage.log().release(&id).unwrap();
    let path = format!("releases/{id}.pylock.toml");
    let other = with(&path, &lock("1.1", 'a'));
    let error = other.lock(&release).unwrap_err();
    assert!(error.class() == Class::Refused, "{error}");
    let channel = production();
    let refused = promote(&other, &id, &channel, Action::Promote, &stamp(1, 0));
    assert!(refused.unwrap_err().class() == Class::Refused);
    let newer = with(&format!("releases/{id}.json"), "{\"format\": 2}");
    let error = newer.release(&id).unwrap_err();
    assert!(matches!(error, ReleaseError::Newer { found: 2, .. }));
    let broken = with("history.jsonl", "{}\n");
    let error = broken.history().unwrap_err().to_string();
    assert!(
        error.contains("history.jsonl") && error.contains("line 1"),
        "{error}"
    );
    let error = with("channels/production.json", "[]").channel(&channel);
    assert!(matches!(error, Err(ReleaseError::Damaged { .. })));
}

#[test]
fn tarballs_must_be_of_the_lock_and_as_they_were_written() {
    let folder = tempfile::TempDir::new().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let lock = Digest::of(b"lock");
    let empty = gather(folder.path(), &lock);
    assert!(matches!(empty, Err(ReleaseError::NoTarballs { .. })));
    let manifest = serde_json::json!({
        "format": 1, "pannier": "0.1.0", "lock": lock, "image": {"name": "builder"},
        "target": {"python": "3.13", "platform": "x86_64-manylinux_2_41", "interpreter": "/usr/bin/python3"},
        "packages": [], "data": [],
    });
    put("builder.manifest.json", &manifest.to_string());
    assert!(matches!(
        gather(folder.path(), &lock),
        Err(ReleaseError::Io { .. })
    ));
    put("builder.tar.zst", "bytes");
    let sha256 = Digest::of(b"bytes");
    put(
        "builder.tar.zst.sha256",
        &format!("{sha256}  builder.tar.zst\n"),
    );
    let wanted = Tarball {
        name: "builder.tar.zst".to_owned(),
        sha256,
        size: 5,
    };
    assert_eq!(gather(folder.path(), &lock).unwrap(), [wanted]);
    let other = gather(folder.path(), &Digest::of(b"other")).unwrap_err();
    assert!(other.class() == Class::Refused);
    put("builder.tar.zst", "other bytes");
    assert!(gather(folder.path(), &lock).unwrap_err().class() == Class::Refused);
}

proptest! {
    #[test]
    fn no_bytes_on_the_branch_make_it_panic(
        path in "(releases|channels)/[a-z0-9.]{1,9}\\.json",
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        history in "(\\{\"entry\":\"x\"|[\\PC\n]){0,40}",
    ) {
        let files = [(path, bytes), ("history.jsonl".to_owned(), history.into_bytes())];
        let log = LogFiles::new(files.into());
        let _ = list(&log, 5);
        let _ = log.history();
        let _ = log.find("latest", &production());
        let _ = log.find("previous", &production());
        let _ = record(&log, &lock("1.0", 'a'), &[], Some(&production()), &stamp(0, 1));
    }

    #[test]
    fn a_name_is_one_file_name(text in "\\PC{0,70}") {
        if let Ok(name) = text.parse::<ChannelName>() {
            prop_assert!(!name.as_str().contains(['/', '\\']) && !name.as_str().starts_with('.'));
        }
    }
}

#[test]
fn a_rollback_is_a_release_of_its_own_and_stands_for_what_it_goes_back_to() {
    let storage = Memory::default();
    let ids: Vec<ReleaseId> = (0..3)
        .map(|n| {
            let text = lock(&format!("{n}.0"), ['a', 'b', 'c'][n]);
            let at = i64::try_from(n).unwrap();
            storage.record(&text, &stamp(at, 0), true).release
        })
        .collect();
    let back = |id: &ReleaseId, only: &[&str], second| {
        let back = BackTo {
            release: id.clone(),
            only: only.iter().map(|it| (*it).to_owned()).collect(),
        };
        let stamp = stamp(second, 0);
        write(&storage, &stamp, |log| {
            rolled_back(log, &back, &production(), &stamp)
        })
        .unwrap()
    };
    let previous = || storage.log().find("previous", &production());
    // One project alone: its lock is mixed, and it stands for what it changed.
    let mixed = back(&ids[0], &["tool"], 10);
    assert!(mixed.recorded);
    let log = storage.log();
    let (_, text) = log.lock(&log.release(&mixed.release).unwrap()).unwrap();
    assert_eq!(text.packages[0].version, Some("2.0".parse().unwrap()));
    assert!(format!("{:?}", text.packages[1].source).contains(&"a".repeat(40)));
    assert!(format!("{:?}", text.pannier.data).contains(&"c".repeat(40)));
    assert_eq!(previous().unwrap(), ids[1]);
    // All of it, twice the same: the second changes nothing.
    let whole = back(&ids[1], &[], 20);
    let before = storage.log();
    let again = back(&ids[1], &[], 30);
    assert_eq!((again.release, again.recorded), (whole.release, false));
    assert_eq!(storage.log(), before);
    assert_eq!(previous().unwrap(), ids[0]);
    // A lost answer leads to no second release.
    *storage.lost.borrow_mut() = true;
    let last = back(&ids[0], &[], 40);
    assert_eq!(storage.log().ids().len(), 6);
    assert_eq!(last.channel.unwrap().from.unwrap(), held_in(&before));
    assert!(previous().is_err());
    // To where the channel is already: nothing is to be written down.
    let held = storage
        .log()
        .channel(&production())
        .unwrap()
        .unwrap()
        .release;
    assert!(!back(&held, &[], 50).recorded);
}

/// What production holds in a log.
fn held_in(log: &LogFiles) -> ReleaseId {
    log.channel(&production()).unwrap().unwrap().release
}

#[test]
fn each_change_of_the_book_leaves_a_line_and_nothing_else_does() {
    let stamp = stamp(0, 7);
    let repository = "https://u:hush@git.example.org/log.git".parse().unwrap();
    let log = LogFiles::default();
    let edit = record(&log, &lock("1.0", 'a'), &[], Some(&production()), &stamp).unwrap();
    let records = audit_records(&edit.outcome, &repository, "pannier/releases", &stamp);
    let [Record::Record(recorded), Record::Channel(switched)] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(recorded.channel, None);
    assert_eq!(switched.channel.as_deref(), Some("production"));
    assert_eq!(switched.from, None);
    let lines: Vec<String> = records.iter().map(crate::audit::line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"audit":"record","at":"2026-03-01T09:15:00Z","actor":"ann","project":"https://git.example.org/log.git","branch":"pannier/releases","channel":null,"from":null,"to":"20260301-091500-c331ec","reason":"fix the https://****@host.example/x path","pipeline":"https://gitlab.example.org/p/-/pipelines/7"}
    {"audit":"channel","at":"2026-03-01T09:15:00Z","actor":"ann","project":"https://git.example.org/log.git","branch":"pannier/releases","channel":"production","from":null,"to":"20260301-091500-c331ec","reason":"fix the https://****@host.example/x path","pipeline":"https://gitlab.example.org/p/-/pipelines/7"}
    "#);
    let text = lines.concat();
    assert!(!text.contains("hush") && !text.contains("token"), "{text}");
    assert!(text.contains(r#""branch":"pannier/releases""#), "{text}");

    let known = WriteOutcome {
        recorded: false,
        channel: Some(Switch {
            name: production(),
            from: Some(edit.outcome.release.clone()),
        }),
        ..edit.outcome
    };
    assert_eq!(
        audit_records(&known, &repository, "pannier/releases", &stamp),
        []
    );
}
