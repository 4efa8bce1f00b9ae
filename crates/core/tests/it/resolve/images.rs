//! One lock for several images.

use pannier_base::event::Silent;
use pannier_core::resolve::ResolveError;
use pannier_core::resolve::Upgrade;

use crate::resolve::world::{
    Described, Heard, World, chosen, image, images_of_three, numeric, request, versions,
};
use pannier_testkit::index::Index;

#[test]
fn a_package_forks_where_no_version_has_wheels_for_all() {
    let world = World::new();
    numeric(&world);
    let lock = world
        .resolve(&request(images_of_three()), &Described::default())
        .unwrap();
    assert_eq!(versions(&lock, "numeric"), ["2.0.2", "2.5.5"]);
    assert_eq!(versions(&lock, "user"), ["1.0"]);
    assert_eq!(
        chosen(&lock, "old"),
        [
            "numeric-2.0.2-cp39-cp39-manylinux_2_17_x86_64.whl",
            "user-1.0-py3-none-any.whl"
        ]
    );
    assert_eq!(
        chosen(&lock, "new"),
        [
            "numeric-2.5.5-cp313-cp313-manylinux_2_28_x86_64.whl",
            "user-1.0-py3-none-any.whl"
        ]
    );
    assert_eq!(lock.environments.len(), 2);
    let forks = &lock.pannier.forks;
    let of_new = forks
        .iter()
        .find(|fork| fork.image.as_str() == "new")
        .expect("new forced it");
    assert_eq!(
        (of_new.package.as_str(), of_new.version.as_str()),
        ("numeric", "2.0.2")
    );
    assert_eq!(
        of_new.reason,
        "no wheel for Python 3.13 on x86_64-manylinux_2_41"
    );
}

#[test]
fn a_lock_made_from_a_lock_is_the_same() {
    let world = World::new();
    numeric(&world);
    let request = request(images_of_three());
    let first = world.resolve(&request, &Described::default()).unwrap();
    world.add("user", "1.1", &["numeric"], &["py3-none-any"], false);
    let again = |upgrade| {
        // A cache of its own: the index page has changed.
        let fresh = World {
            cache: tempfile::tempdir().unwrap(),
            index: Index::start(),
            uv: world.uv.clone(),
        };
        numeric(&fresh);
        fresh.add("user", "1.1", &["numeric"], &["py3-none-any"], false);
        fresh
            .resolve_from(
                &request,
                &Described::default(),
                Some(&first),
                upgrade,
                &Silent,
            )
            .unwrap()
    };
    let kept = again(&Upgrade::None);
    assert_eq!(versions(&kept, "user"), ["1.0"]);
    assert_eq!(kept.pannier, first.pannier);
    assert_eq!(versions(&again(&Upgrade::All), "user"), ["1.1"]);
    let one = again(&Upgrade::Packages(vec!["user".parse().unwrap()]));
    assert_eq!(versions(&one, "user"), ["1.1"]);
}

#[test]
fn an_older_version_that_serves_all_is_better_than_a_fork() {
    let world = World::new();
    world.add(
        "glib",
        "1.0",
        &[],
        &["cp313-cp313-manylinux_2_17_x86_64"],
        true,
    );
    world.add(
        "glib",
        "1.1",
        &[],
        &[
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp313-cp313-manylinux_2_17_aarch64",
        ],
        true,
    );
    world.add(
        "glib",
        "2.0",
        &[],
        &[
            "cp313-cp313-manylinux_2_34_x86_64",
            "cp313-cp313-manylinux_2_17_aarch64",
        ],
        true,
    );
    world.add(
        "glib",
        "2.1",
        &[],
        &[
            "cp313-cp313-manylinux_2_34_x86_64",
            "cp313-cp313-manylinux_2_17_aarch64",
        ],
        true,
    );
    let mut images = vec![
        image("arm", "3.13", "aarch64-manylinux_2_41"),
        image("old", "3.13", "x86_64-manylinux_2_28"),
    ];
    for image in &mut images {
        image.requirements = vec!["glib".parse().unwrap()];
    }
    let lock = world
        .resolve(&request(images), &Described::default())
        .unwrap();
    assert_eq!(versions(&lock, "glib"), ["1.1"]);
    assert!(lock.pannier.forks.is_empty());
}

#[test]
fn what_has_no_wheel_at_all_is_built_with_a_warning_or_refused() {
    let world = World::new();
    let windows = ["cp313-cp313-win_amd64"];
    world.add("src", "1.0", &[], &windows, true);
    world.add(
        "bin",
        "1.0",
        &[],
        &["cp313-cp313-manylinux_2_60_x86_64"],
        false,
    );
    world.add("bare", "1.0", &[], &[], true);
    let mut images = vec![image("one", "3.13", "x86_64-manylinux_2_41")];
    images[0].requirements = vec!["src".parse().unwrap(), "bare".parse().unwrap()];
    let heard = Heard::default();
    let lock = world
        .resolve_from(
            &request(images.clone()),
            &Described::default(),
            None,
            &Upgrade::None,
            &heard,
        )
        .unwrap();
    assert_eq!(chosen(&lock, "one"), ["bare-1.0.tar.gz", "src-1.0.tar.gz"]);
    let heard = heard.0.into_inner().unwrap();
    assert_eq!(
        heard
            .iter()
            .filter(|line| line.starts_with("warning"))
            .count(),
        1,
        "{heard:?}"
    );
    assert!(
        heard
            .iter()
            .any(|line| line.starts_with("warning: src 1.0 has to be built for image `one`")),
        "{heard:?}"
    );

    images[0].requirements = vec!["bin".parse().unwrap()];
    let why = world
        .resolve(&request(images), &Described::default())
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("`bin`") && why.contains("`one`") && why.contains("x86_64-manylinux_2_41"),
        "{why}"
    );
}

#[test]
fn what_no_version_serves_names_who_wants_it() {
    let world = World::new();
    let far = ["cp313-cp313-manylinux_2_60_x86_64"];
    world.add("bin", "1.0", &[], &far, false);
    world.add("needy", "1.0", &["bin>=1"], &["py3-none-any"], false);
    let mut images = vec![image("one", "3.13", "x86_64-manylinux_2_41")];
    images[0].requirements = vec!["needy".parse().unwrap()];
    let why = world
        .resolve(&request(images), &Described::default())
        .unwrap_err();
    assert!(matches!(why, ResolveError::NotServed { .. }), "{why}");
    let cause = std::error::Error::source(&why).unwrap().to_string();
    assert!(cause.contains("needy") && cause.contains("bin"), "{cause}");
}

#[test]
fn a_platform_that_uv_does_not_know_gets_the_newest_source_in_the_end() {
    let world = World::new();
    for minor in 0..9 {
        let common = ["cp313-cp313-manylinux_2_17_x86_64"];
        world.add("old", &format!("1.{minor}"), &[], &common, true);
    }
    world.add(
        "new",
        "1.0",
        &[],
        &["cp313-cp313-manylinux_2_17_s390x"],
        true,
    );
    world.add(
        "new",
        "1.1",
        &[],
        &["cp313-cp313-manylinux_2_17_x86_64"],
        true,
    );
    let mut images = vec![
        image("big", "3.13", "s390x-manylinux_2_28"),
        image("usual", "3.13", "x86_64-manylinux_2_41"),
    ];
    for image in &mut images {
        image.requirements = vec!["old".parse().unwrap(), "new".parse().unwrap()];
    }
    let heard = Heard::default();
    let lock = world
        .resolve_from(
            &request(images),
            &Described::default(),
            None,
            &Upgrade::None,
            &heard,
        )
        .unwrap();
    assert_eq!(versions(&lock, "old"), ["1.8"]);
    assert_eq!(
        chosen(&lock, "big"),
        [
            "new-1.0-cp313-cp313-manylinux_2_17_s390x.whl",
            "old-1.8.tar.gz"
        ]
    );
    let heard = heard.0.into_inner().unwrap();
    let warnings: Vec<_> = heard
        .iter()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert_eq!(warnings.len(), 1, "{heard:?}");
    assert!(warnings[0].contains("old 1.8 has to be built for image `big`"));
}

#[test]
fn images_that_markers_cannot_tell_apart_have_lists() {
    let world = World::new();
    world.add("common", "1.0", &[], &["py3-none-any"], false);
    world.add(
        "glibc-only",
        "1.0",
        &["helper"],
        &["cp313-cp313-manylinux_2_17_x86_64"],
        false,
    );
    world.add("helper", "1.0", &[], &["py3-none-any"], false);
    let mut images = vec![
        image("gnu", "3.13", "x86_64-manylinux_2_41"),
        image("musl", "3.13", "x86_64-musllinux_1_2"),
    ];
    images[0].requirements = vec!["common".parse().unwrap(), "glibc-only".parse().unwrap()];
    images[1].requirements = vec!["common".parse().unwrap()];
    let lock = world
        .resolve(&request(images), &Described::default())
        .unwrap();
    assert_eq!(chosen(&lock, "musl"), ["common-1.0-py3-none-any.whl"]);
    assert_eq!(chosen(&lock, "gnu").len(), 3);
    assert_eq!(lock.pannier.images[&"gnu".parse().unwrap()].packages, None);
}
