//! Where trees go, what is in the way, and what killed runs leave.

use super::*;
use pannier_base::class::{Class, Classify};

fn small() -> Vec<u8> {
    let mut packer = Packer::default();
    packer.stored("a", b"new");
    tarball_of(packer)
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_missing_or_empty_folder_becomes_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("deep/missing");
    unpack_bytes(
        &small(),
        &Target::Folder(missing.clone()),
        &options(1, false),
    )
    .unwrap();
    assert_eq!(fs::read(missing.join("venv/a")).unwrap(), b"new");
    assert_eq!(names(&folder.path().join("deep")), ["missing"]);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    unpack_bytes(&small(), &Target::Folder(empty.clone()), &options(1, false)).unwrap();
    assert_eq!(names(&empty), [".pannier", "venv"]);
}

#[test]
fn what_stands_there_stays_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let [full, file, link] = ["full", "file", "link"].map(|name| folder.path().join(name));
    write(&full.join("mine"), "1");
    write(&file, "1");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let before = snapshot(folder.path());
    for target in [&full, &file, &link] {
        let target = Target::Folder(target.clone());
        let error = unpack_bytes(&small(), &target, &options(1, false)).expect_err("taken");
        assert!(matches!(error, UnpackError::Occupied { .. }), "{error}");
        assert_ne!(error.class(), Class::Refused);
        assert!(snapshot(folder.path()) == before);
    }
    for target in [&full, &file] {
        unpack_bytes(&small(), &Target::Folder(target.clone()), &options(1, true)).unwrap();
        assert_eq!(names(target), [".pannier", "venv"]);
    }
    assert_eq!(names(folder.path()), ["file", "full", "link"]);
}

#[test]
fn inside_a_folder_only_free_names_are_taken_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Inside(folder.path().to_owned());
    write(&folder.path().join("mine"), "1");
    unpack_bytes(&small(), &target, &options(1, false)).unwrap();
    assert_eq!(names(folder.path()), [".pannier", "mine", "venv"]);
    write(&folder.path().join("venv/old"), "1");
    fs::remove_dir_all(folder.path().join(".pannier")).unwrap();
    let before = snapshot(folder.path());
    let error = unpack_bytes(&small(), &target, &options(1, false)).expect_err("venv is there");
    assert!(error.to_string().contains("venv"), "{error}");
    assert!(snapshot(folder.path()) == before);
    unpack_bytes(&small(), &target, &options(1, true)).unwrap();
    assert_eq!(names(folder.path()), [".pannier", "mine", "venv"]);
    assert_eq!(names(&folder.path().join("venv")), ["a"]);
}

#[test]
fn a_failing_move_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write(&base.join("b"), "old b");
    let mut stage = Stage::new(&Target::Inside(base.to_owned()), true).unwrap();
    for name in ["a", "b"] {
        write(&stage.tree().join(name), "new");
    }
    // Something that cannot be replaced by a rename: what is in the way cannot be moved aside.
    let private = fs::read_dir(base)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let private = private.into_iter().find(|path| path.is_dir()).unwrap();
    write(&private.join("old/b/in the way"), "1");
    let before = fs::read(base.join("b")).unwrap();
    assert!(stage.place(true).is_err());
    assert_eq!(fs::read(base.join("b")).unwrap(), before);
    drop(stage);
    assert_eq!(names(base), ["b"]);
}

#[test]
fn the_next_run_takes_back_what_a_killed_one_moved() {
    // As it stands after each rename of `a` (new) and `b` (in place of an old one), and after all of them.
    for moved in 0..=3 {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let dead = base.join(".pannier-unpack-dead");
        write(&dead.join(".alive"), "");
        write(&dead.join("moving"), "a\nb");
        write(&dead.join("new/a"), "new a");
        write(&dead.join("new/b"), "new b");
        fs::create_dir(dead.join("old")).unwrap();
        write(&base.join("b"), "old b");
        write(&base.join("c"), "c");
        let moves = [
            ("new/a", "a", true),
            ("old/b", "b", false),
            ("new/b", "b", true),
        ];
        for (private, public, to_public) in &moves[..moved] {
            let (private, public) = (dead.join(private), base.join(public));
            let (from, to) = if *to_public {
                (private, public)
            } else {
                (public, private)
            };
            fs::rename(from, to).unwrap();
        }
        let stage = Stage::new(&Target::Inside(base.to_owned()), false).unwrap();
        assert!(!dead.exists());
        drop(stage);
        assert_eq!(names(base), ["b", "c"], "{moved}");
        assert_eq!(fs::read(base.join("b")).unwrap(), b"old b");
    }
}

#[test]
fn a_living_run_and_a_finished_one_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    let target = Target::Inside(base.to_owned());
    let mut living = Stage::new(&target, false).unwrap();
    write(&living.tree().join("a"), "1");
    // Finished: its moves are not to be taken back, only its folder is left over.
    let dead = base.join(".pannier-unpack-dead");
    write(&dead.join(".alive"), "");
    fs::create_dir_all(dead.join("new")).unwrap();
    write(&base.join("b"), "1");
    // Killed before it had its file; and someone else's folder of such a name.
    fs::create_dir(base.join(".pannier-unpack-early")).unwrap();
    let foreign = base.join(".pannier-unpack-mine");
    write(&foreign.join("file"), "1");
    let other = Stage::new(&target, false).unwrap();
    assert!(!base.join(".pannier-unpack-early").exists());
    fs::rename(foreign.join("file"), base.join("c")).expect("it is still there");
    fs::remove_dir(foreign).unwrap();
    assert!(living.tree().join("a").exists() && !dead.exists() && base.join("b").exists());
    drop(other);
    living.place(false).unwrap();
    drop(living);
    assert_eq!(names(base), ["a", "b", "c"]);
}
