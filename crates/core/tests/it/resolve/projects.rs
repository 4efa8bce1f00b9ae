//! Projects in git, and constraints, in addition to the index.

use pannier_base::event::Silent;
use pannier_core::lock::model::Lock;
use pannier_core::lock::model::LockedData;
use pannier_core::lock::model::LockedSource;
use pannier_core::lock::pylock;
use pannier_core::request::DataRequest;
use pannier_core::request::ProjectSource;
use pannier_core::resolve::Upgrade;

use crate::resolve::world::{
    Described, Heard, World, chosen, constraints, git, image, package, request, versions, wheel,
};

#[test]
fn a_requirement_that_a_project_covers_is_told() {
    let world = World::new();
    world.add("tool", "9.0", &[], &["py3-none-any"], false);
    let sources = Described::with(&[("tool.git", wheel("tool", "2.0", &[], &[]))]);
    let mut images = vec![
        image("a", "3.13", "x86_64-manylinux_2_41"),
        image("b", "3.9", "x86_64-manylinux_2_31"),
    ];
    images[0].packages = vec![package(git("tool.git", "main"))];
    for image in &mut images {
        image.requirements = vec!["tool>=1".parse().unwrap()];
    }
    let heard = Heard::default();
    let wanted = request(images);
    let lock = world
        .resolve_from(&wanted, &sources, None, &Upgrade::None, &heard)
        .unwrap();
    assert_eq!(lock.packages.len(), 1);
    let heard = heard.0.into_inner().unwrap();
    let warning = heard
        .iter()
        .find(|line| line.starts_with("warning"))
        .unwrap();
    assert!(
        warning.contains("`tool` under requirements of image `b` comes from")
            && warning.contains("(image `a`)"),
        "{warning}"
    );
    assert!(!warning.contains("secret"), "{warning}");
}

#[test]
fn nested_git_requirements_share_commits_and_extras_arrive() {
    let world = World::new();
    world.add("lib", "9.0", &[], &["py3-none-any"], false);
    world.add("net", "1.0", &[], &["py3-none-any"], false);
    world.add("plain", "1.0", &["lib>=1"], &["py3-none-any"], false);
    let sources = Described::with(&[
        (
            "tool.git",
            wheel(
                "tool",
                "2.0",
                &[
                    "lib[net] @ git+https://git.example.org/lib.git@production",
                    "plain",
                ],
                &[],
            ),
        ),
        (
            "lib.git",
            wheel(
                "lib",
                "1.0+local",
                &[
                    "net ; extra == 'net'",
                    "deep @ git+https://git.example.org/deep.git@v1",
                ],
                &["net"],
            ),
        ),
        ("deep.git", wheel("deep", "0.1", &[], &[])),
    ]);
    let mut images = vec![
        image("a", "3.13", "x86_64-manylinux_2_41"),
        image("b", "3.9", "x86_64-manylinux_2_31"),
    ];
    images[0].packages = vec![package(git("tool.git", "production"))];
    images[1].packages = vec![package(git("lib.git", "production"))];
    let lock = world.resolve(&request(images), &sources).unwrap();
    assert_eq!(
        chosen(&lock, "a"),
        [
            "deep",
            "lib",
            "net-1.0-py3-none-any.whl",
            "plain-1.0-py3-none-any.whl",
            "tool"
        ]
    );
    assert_eq!(chosen(&lock, "b"), ["deep", "lib"]);
    assert_eq!(versions(&lock, "lib"), ["1.0+local"]);
    let mut asked = sources.commits.into_inner().unwrap();
    asked.sort();
    assert_eq!(
        asked,
        [
            "https://git.example.org/deep.git@v1",
            "https://git.example.org/lib.git@production",
            "https://git.example.org/tool.git@production"
        ]
    );
    let text = pylock::write(&lock);
    assert!(
        !text.contains("secret") && !text.contains("file:"),
        "{text}"
    );
    assert!(text.contains("requested-revision = \"production\""));
}

#[test]
fn commits_of_a_lock_stay_until_they_are_given_up() {
    let world = World::new();
    let mut sources = Described::with(&[
        ("tool.git", wheel("tool", "2.0", &[], &[])),
        ("lib.git", wheel("lib", "1.0", &[], &[])),
        ("local", wheel("local", "0.0", &[], &[])),
    ]);
    let mut images = vec![image("a", "3.13", "x86_64-manylinux_2_41")];
    let folder = ProjectSource::Directory {
        path: "./packages/local".into(),
    };
    images[0].packages = vec![
        package(git("tool.git", "main")),
        package(git("lib.git", "main")),
        package(folder),
    ];
    images[0].data = vec![DataRequest {
        name: "tables".parse().unwrap(),
        source: git("tables.git", "main"),
    }];
    let request = request(images);
    let first = world.resolve(&request, &sources).unwrap();
    sources.digit = 'b';
    let upgrade = Upgrade::Packages(vec!["lib".parse().unwrap()]);
    let second = world
        .resolve_from(&request, &sources, Some(&first), &upgrade, &Silent)
        .unwrap();
    let commit = |lock: &Lock, name: &str| {
        lock.packages
            .iter()
            .find_map(|package| match &package.source {
                LockedSource::Git { commit, .. } if package.name.as_str() == name => {
                    commit.chars().next()
                }
                _ => None,
            })
    };
    assert_eq!(
        (commit(&second, "tool"), commit(&second, "lib")),
        (Some('a'), Some('b'))
    );
    let LockedData::Git { commit_id, .. } = &second.pannier.data[&"tables".parse().unwrap()] else {
        panic!("a git project");
    };
    assert!(commit_id.starts_with('a'));
    let local = second
        .packages
        .iter()
        .find(|package| package.name.as_str() == "local")
        .unwrap();
    assert_eq!(
        local.source,
        LockedSource::Directory {
            path: "packages/local".into()
        }
    );
    assert_eq!(local.version, None);
}

#[test]
fn constraints_hold_and_a_collision_names_its_chain() {
    let world = World::new();
    for version in ["1.0", "1.5", "2.0"] {
        world.add("base", version, &[], &["py3-none-any"], false);
    }
    world.add("needy", "1.0", &["base>=1.2"], &["py3-none-any"], false);
    let sources = Described::with(&[("tool.git", wheel("tool", "2.0", &["needy"], &[]))]);
    let mut images = vec![image("a", "3.13", "x86_64-manylinux_2_41")];
    images[0].packages = vec![package(git("tool.git", "main"))];
    let mut request = request(images);
    request.constraints = constraints(&["base<2", "unused==1"]);
    let lock = world.resolve(&request, &sources).unwrap();
    assert_eq!(versions(&lock, "base"), ["1.5"]);
    assert!(versions(&lock, "unused").is_empty());

    request.constraints = constraints(&["base<1.2"]);
    let why = world.resolve(&request, &sources).unwrap_err();
    let cause = std::error::Error::source(&why).unwrap().to_string();
    for word in ["needy", "base>=1.2", "base<1.2", "tool"] {
        assert!(cause.contains(word), "{word} is not in: {cause}");
    }
}

#[test]
fn one_package_from_two_sources_is_refused() {
    let world = World::new();
    let sources = Described::with(&[("lib.git", wheel("lib", "1.0", &[], &[]))]);
    let mut images = vec![
        image("a", "3.13", "x86_64-manylinux_2_41"),
        image("b", "3.9", "x86_64-manylinux_2_31"),
    ];
    images[0].packages = vec![package(git("lib.git", "one"))];
    images[1].packages = vec![package(git("lib.git", "two"))];
    let why = world
        .resolve(&request(images.clone()), &sources)
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("lib.git@one") && why.contains("lib.git@two") && why.contains("image `b`"),
        "{why}"
    );
    assert!(!why.contains("secret"), "{why}");

    images[1].packages = vec![package(git("lib.git", "gone"))];
    let why = world
        .resolve(&request(images), &sources)
        .unwrap_err()
        .to_string();
    assert_eq!(
        why,
        "revision `gone` of `https://****@git.example.org/lib.git` has no commit"
    );
}
