//! What images take from a lock, and why a lock does not serve one.

use std::collections::BTreeMap;

use super::*;
use crate::lock::model::{LockedImage, PannierTable};
use pannier_base::digest::Digest;
use pannier_base::name::ImageName;

fn image(python: &str, platform: &str) -> LockedImage {
    LockedImage {
        target: Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        },
        requested: vec!["alpha".parse().unwrap()],
        packages: None,
        data: Vec::new(),
    }
}

fn file(name: &str) -> Artifact {
    Artifact {
        name: name.to_owned(),
        url: format!("https://files.example.org/{name}").parse().unwrap(),
        size: None,
        upload_time: None,
        sha256: Digest::of(name.as_bytes()),
    }
}

/// A package of an index: `alpha 1.0`, files, marker.
fn package(name: &str, version: &str, files: &[&str], marker: Option<&str>) -> LockedPackage {
    let (wheels, sdists): (Vec<&str>, Vec<&str>) = files
        .iter()
        .copied()
        .partition(|name| name.ends_with(".whl"));
    LockedPackage {
        name: name.parse().unwrap(),
        version: Some(version.parse().unwrap()),
        marker: marker.map(ToOwned::to_owned),
        requires_python: None,
        index: None,
        source: LockedSource::Index {
            sdist: sdists.first().map(|name| file(name)),
            wheels: wheels.into_iter().map(file).collect(),
        },
    }
}

fn lock(image: LockedImage, packages: Vec<LockedPackage>) -> Lock {
    Lock {
        requires_python: Some(">=3.9".to_owned()),
        environments: Vec::new(),
        packages,
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b""),
            constraints: None,
            parts: BTreeMap::new(),
            images: BTreeMap::from([(name(), image)]),
            data: BTreeMap::new(),
            forks: Vec::new(),
            overrides: Vec::new(),
        },
    }
}

fn name() -> ImageName {
    "one".parse().unwrap()
}

fn message(lock: &Lock) -> String {
    select(lock, &name()).unwrap_err().to_string()
}

const X86: &str = "x86_64-manylinux_2_28";

#[test]
fn the_best_wheel_wins_and_the_sdist_is_last() {
    let files = [
        "alpha-1.0.tar.gz",
        "alpha-1.0-py3-none-any.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
        "alpha-1.0-cp313-cp313-manylinux_2_34_x86_64.whl",
    ];
    let choice = |python: &str, platform: &str, files: &[&str]| {
        let lock = lock(
            image(python, platform),
            vec![package("alpha", "1.0", files, None)],
        );
        match select(&lock, &name()).unwrap()[0].choice {
            Choice::Wheel(file) | Choice::Sdist(file) => file.name.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(choice("3.13", X86, &files), files[3]);
    assert_eq!(choice("3.13", "x86_64-manylinux_2_17", &files), files[2]);
    assert_eq!(choice("3.9", X86, &files), files[1]);
    assert_eq!(choice("3.9", X86, &[files[0], files[2]]), files[0]);
}

#[test]
fn markers_are_those_of_the_image() {
    let lock = lock(
        image("3.9", "aarch64-manylinux_2_28"),
        vec![
            package(
                "alpha",
                "1.0",
                &["alpha-1.0-py3-none-any.whl"],
                Some("python_full_version == '3.9.*'"),
            ),
            package(
                "alpha",
                "2.0",
                &["alpha-2.0-py3-none-any.whl"],
                Some("python_full_version >= '3.10'"),
            ),
            package(
                "beta",
                "1.0",
                &["beta-1.0-py3-none-any.whl"],
                Some("platform_machine == 'x86_64'"),
            ),
            package(
                "gamma",
                "1.0",
                &["gamma-1.0-py3-none-any.whl"],
                Some("platform_machine == 'aarch64'"),
            ),
        ],
    );
    let selected = select(&lock, &name()).unwrap();
    let shown: Vec<_> = selected
        .iter()
        .map(|one| {
            (
                one.package.name.as_str(),
                shown_version(one.package),
                one.requested,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("alpha", "1.0".to_owned(), true),
            ("gamma", "1.0".to_owned(), false)
        ]
    );
}

#[test]
fn two_survivors_of_one_name_are_refused() {
    let lock = lock(
        image("3.13", X86),
        vec![
            package("alpha", "1.0", &["alpha-1.0-py3-none-any.whl"], None),
            package(
                "alpha",
                "2.0",
                &["alpha-2.0-py3-none-any.whl"],
                Some("os_name == 'posix'"),
            ),
        ],
    );
    assert_eq!(
        message(&lock),
        "the lock has two versions of package `alpha` for image `one`: 1.0 and 2.0"
    );
}

#[test]
fn a_lock_for_another_platform_says_what_it_is_for() {
    let mac = "alpha-1.0-cp313-cp313-macosx_11_0_arm64.whl";
    let lock = lock(
        image("3.13", X86),
        vec![package("alpha", "1.0", &[mac], None)],
    );
    let said = message(&lock);
    assert!(
        said.contains("has wheels for cp313-cp313-macosx_11_0_arm64 only"),
        "{said}"
    );
    assert!(
        said.contains("Python 3.13 on x86_64-manylinux_2_28"),
        "{said}"
    );
}

#[test]
fn pythons_are_checked_for_lock_and_package() {
    let mut locked = lock(
        image("3.13", X86),
        vec![package(
            "alpha",
            "1.0",
            &["alpha-1.0-py3-none-any.whl"],
            None,
        )],
    );
    locked.packages[0].requires_python = Some("<3.13".to_owned());
    assert!(message(&locked).contains("requires Python <3.13, image `one` has 3.13"));
    // A patch number that is not stated is whichever serves.
    locked.packages[0].requires_python = Some(">=3.9,!=3.13.0".to_owned());
    assert!(select(&locked, &name()).is_ok());
    locked.requires_python = Some(">=3.14".to_owned());
    assert!(message(&locked).contains("was not made for image `one`"));
    locked.requires_python = None;
    locked.environments = vec!["platform_machine == 'aarch64'".to_owned()];
    assert!(message(&locked).contains("none of its environments"));
}

#[test]
fn an_images_own_list_is_obeyed() {
    let mut narrow = image("3.13", X86);
    narrow.packages = Some(vec!["beta".parse().unwrap()]);
    let packages = vec![
        package("alpha", "1.0", &["alpha-1.0-py3-none-any.whl"], None),
        package("beta", "1.0", &["beta-1.0-py3-none-any.whl"], None),
    ];
    let mut locked = lock(narrow, packages);
    let selected = select(&locked, &name()).unwrap();
    assert_eq!(selected.len(), 1);
    assert_eq!(selected[0].package.name.as_str(), "beta");
    locked.packages.pop();
    assert_eq!(
        message(&locked),
        "image `one` needs package `beta`, but the lock has none for it"
    );
}

#[test]
fn a_wheel_by_url_must_fit() {
    let archive = |name: &str| LockedPackage {
        source: LockedSource::Archive {
            artifact: file(name),
            subdirectory: None,
        },
        ..package("alpha", "1.0", &[], None)
    };
    let fits = lock(
        image("3.13", X86),
        vec![archive("alpha-1.0-py3-none-any.whl")],
    );
    assert!(matches!(
        select(&fits, &name()).unwrap()[0].choice,
        Choice::Archive(_)
    ));
    let source = lock(image("3.13", X86), vec![archive("alpha-1.0.tar.gz")]);
    assert!(matches!(
        select(&source, &name()).unwrap()[0].choice,
        Choice::Archive(_)
    ));
    let unfit = lock(
        image("3.13", X86),
        vec![archive("alpha-1.0-cp39-cp39-win_amd64.whl")],
    );
    assert!(message(&unfit).contains("wheels for cp39-cp39-win_amd64 only"));
}

#[test]
fn unknown_images_are_told_the_known_ones() {
    let lock = lock(image("3.13", X86), Vec::new());
    let why = select(&lock, &"two".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert_eq!(why, "the lock has no image `two`, only `one`");
}
