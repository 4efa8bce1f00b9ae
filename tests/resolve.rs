//! Resolution by a real uv against an index on loopback, with projects that are described instead of built.
#![allow(clippy::unwrap_used)]

mod support {
    pub mod index;
    pub mod loopback;
    pub mod uv;
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pannier::build::BuildSource;
use pannier::config::overrides::Overrides;
use pannier::config::request::{
    ConstraintsText, DataRequest, ImageRequest, PackageRequest, ProjectSource, Request,
};
use pannier::constraints::ConstraintLine;
use pannier::digest::Digest;
use pannier::event::{Event, Reporter, Silent};
use pannier::git::Submodules;
use pannier::lock::model::{Artifact, Lock, LockedData, LockedSource};
use pannier::lock::pylock;
use pannier::lock::resolve::{ResolveError, SourceError, Sources, Tools, Upgrade, Wanted, resolve};
use pannier::lock::select::{Choice, select};
use pannier::pack::Pack;
use pannier::target::Target;
use pannier::url::SafeUrl;
use pannier::uv::{Indexes, Surroundings, Uv};
use pannier::wheel::{StubMetadata, Wheel, stub};

use support::index::{Index, IndexFile};

/// Described projects: repository path or folder name → metadata; commits are made from the revision.
#[derive(Default)]
struct Described {
    wheels: BTreeMap<String, Wheel>,
    commits: Mutex<Vec<String>>,
    /// Prefix of all commits, to see which were asked for again.
    digit: char,
}

impl Described {
    fn with(wheels: &[(&str, Wheel)]) -> Self {
        Self {
            wheels: wheels
                .iter()
                .map(|(key, wheel)| ((*key).to_owned(), wheel.clone()))
                .collect(),
            commits: Mutex::default(),
            digit: 'a',
        }
    }
}

impl Sources for Described {
    fn commit(&self, repository: &SafeUrl, revision: &str) -> Result<String, SourceError> {
        if revision == "gone" {
            return Err(SourceError::Other("no such branch".to_owned()));
        }
        self.commits
            .lock()
            .unwrap()
            .push(format!("{}@{revision}", repository.without_credentials()));
        Ok(self.digit.to_string().repeat(40))
    }

    fn metadata(
        &self,
        source: &BuildSource,
        _targets: &[Target],
    ) -> Result<Arc<Wheel>, SourceError> {
        let key = match source {
            BuildSource::Git { repository, .. } => repository.file_name(),
            BuildSource::Directory { path } => {
                path.file_name().unwrap().to_string_lossy().into_owned()
            }
            BuildSource::Sdist { .. } => unreachable!("resolution builds no sdist"),
        };
        self.wheels
            .get(&key)
            .cloned()
            .map(Arc::new)
            .ok_or_else(|| SourceError::Other(format!("no project {key}")))
    }

    fn file(
        &self,
        _url: &SafeUrl,
        _sha256: Option<&Digest>,
        _targets: &[Target],
    ) -> Result<(Artifact, Arc<Wheel>), SourceError> {
        unreachable!("no request of these tests overrides anything")
    }
}

fn wheel(name: &str, version: &str, requires: &[&str], extras: &[&str]) -> Wheel {
    Wheel {
        pack: Pack::default(),
        name: name.parse().unwrap(),
        version: version.to_owned(),
        dist_info: String::new(),
        data: None,
        purelib: true,
        requires_dist: requires.iter().map(|line| (*line).to_owned()).collect(),
        requires_python: Some(">=3.9".to_owned()),
        extras: extras.iter().map(|extra| (*extra).to_owned()).collect(),
        scripts: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A world with an index, a uv and its cache.
struct World {
    index: Index,
    uv: Uv,
    cache: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            index: Index::start(),
            uv: support::uv::uv(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    /// Adds a version with one wheel per tag, and a source archive if asked.
    fn add(&self, name: &str, version: &str, requires: &[&str], tags: &[&str], sdist: bool) {
        let meta = StubMetadata {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            requires_dist: requires.iter().map(|line| (*line).to_owned()).collect(),
            requires_python: None,
            extras: Vec::new(),
        };
        for tag in tags {
            let mut file = IndexFile::new(
                name,
                &format!("{}-{version}-{tag}.whl", name.replace('-', "_")),
                stub(&meta),
            );
            let lines: String = requires
                .iter()
                .map(|line| format!("Requires-Dist: {line}\n"))
                .collect();
            let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}");
            file.metadata = Some(text.into_bytes());
            self.index.add(file);
        }
        if sdist {
            let text = format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n");
            let file = format!("{name}-{version}.tar.gz");
            self.index.add(IndexFile::new(
                name,
                &file,
                source_archive(&format!("{name}-{version}"), &text),
            ));
        }
    }

    fn around(&self) -> Surroundings {
        let path = std::env::var("PATH").unwrap();
        Surroundings {
            variables: [("PATH".to_owned(), path)].into(),
            cache: self.cache.path().to_owned(),
            index: Indexes {
                url: Some(self.index.url().parse().unwrap()),
                extra: Vec::new(),
            },
            offline: false,
        }
    }

    fn resolve(&self, request: &Request, sources: &Described) -> Result<Lock, ResolveError> {
        self.resolve_from(request, sources, None, &Upgrade::None, &Silent)
    }

    fn resolve_from(
        &self,
        request: &Request,
        sources: &Described,
        previous: Option<&Lock>,
        upgrade: &Upgrade,
        reporter: &dyn Reporter,
    ) -> Result<Lock, ResolveError> {
        let around = self.around();
        let parts = BTreeMap::new();
        let wanted = Wanted {
            request,
            parts: &parts,
            previous,
            upgrade,
        };
        let tools = Tools {
            sources,
            uv: &self.uv,
            around: &around,
            reporter,
        };
        let lock = resolve(&wanted, tools)?;
        // Whatever is resolved can be written and read back.
        assert_eq!(pylock::read(&pylock::write(&lock)).unwrap().lock, lock);
        Ok(lock)
    }
}

/// A source archive that states its metadata, so that nothing is built to know it.
fn source_archive(top: &str, metadata: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let project = "[build-system]\nrequires = []\nbuild-backend = \"none\"\n";
    for (name, text) in [("PKG-INFO", metadata), ("pyproject.toml", project)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, format!("{top}/{name}"), text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn image(name: &str, python: &str, platform: &str) -> ImageRequest {
    ImageRequest {
        name: name.parse().unwrap(),
        image: None,
        target: Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        },
        interpreter: "/usr/bin/python3".into(),
        python_link: pannier::venv::PythonLink::Absolute,
        packages: Vec::new(),
        requirements: Vec::new(),
        data: Vec::new(),
    }
}

fn request(images: Vec<ImageRequest>) -> Request {
    Request {
        root: "/somewhere".into(),
        images,
        constraints: None,
        index: Indexes::default(),
        submodules: Submodules::Refuse,
        overrides: Overrides::default(),
    }
}

fn git(name: &str, revision: &str) -> ProjectSource {
    ProjectSource::Git {
        repository: format!("https://bot:secret@git.example.org/{name}")
            .parse()
            .unwrap(),
        revision: revision.to_owned(),
        subdirectory: None,
    }
}

fn package(source: ProjectSource) -> PackageRequest {
    PackageRequest {
        name: None,
        extras: Vec::new(),
        source,
    }
}

fn constraints(lines: &[&str]) -> Option<ConstraintsText> {
    let line = |(at, text): (usize, &&str)| {
        ConstraintLine::new(text.parse().unwrap(), "constraints.txt".into(), at + 1)
    };
    Some(ConstraintsText {
        path: "constraints.txt".into(),
        lines: lines.iter().enumerate().map(line).collect(),
    })
}

fn versions(lock: &Lock, name: &str) -> Vec<String> {
    let of_name = lock
        .packages
        .iter()
        .filter(|package| package.name.as_str() == name);
    of_name
        .map(|package| {
            package
                .version
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string)
        })
        .collect()
}

fn chosen(lock: &Lock, image: &str) -> Vec<String> {
    let selected = select(lock, &image.parse().unwrap()).unwrap();
    let shown = selected.iter().map(|one| match one.choice {
        Choice::Wheel(artifact) | Choice::Sdist(artifact) | Choice::Archive(artifact) => {
            artifact.name.clone()
        }
        Choice::Git | Choice::Directory => one.package.name.to_string(),
    });
    shown.collect()
}

const OLD: [&str; 2] = [
    "cp39-cp39-manylinux_2_17_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64",
];
const NEW: [&str; 2] = [
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
];

/// numpy's situation: no version has wheels for Python 3.9 and 3.13 both.
fn numeric(world: &World) {
    world.add("numeric", "1.9", &[], &OLD, true);
    world.add("numeric", "2.0.2", &[], &OLD, true);
    world.add("numeric", "2.5.5", &[], &NEW, true);
    world.add("user", "1.0", &["numeric"], &["py3-none-any"], false);
}

fn images_of_three() -> Vec<ImageRequest> {
    let mut images = vec![
        image("new", "3.13", "x86_64-manylinux_2_41"),
        image("old", "3.9", "x86_64-manylinux_2_31"),
    ];
    for image in &mut images {
        image.requirements = vec!["user".parse().unwrap()];
    }
    images
}

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

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Reporter for Heard {
    fn report(&self, event: Event) {
        match event {
            Event::Warning { message, .. } => {
                self.0.lock().unwrap().push(format!("warning: {message}"))
            }
            Event::Detail { message } => self.0.lock().unwrap().push(message),
            _ => {}
        }
    }
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
