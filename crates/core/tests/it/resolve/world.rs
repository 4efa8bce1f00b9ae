//! What the tests stand on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pannier_archive::entries::Pack;
use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::Wheel;
use pannier_archive::wheel::stub;
use pannier_base::digest::Digest;
use pannier_base::event::Event;
use pannier_base::event::Reporter;
use pannier_base::event::Silent;
use pannier_base::platform::Target;
use pannier_base::url::SafeUrl;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::git::Submodules;
use pannier_clients::uv::Indexes;
use pannier_clients::uv::Surroundings;
use pannier_clients::uv::Uv;
use pannier_core::constraints::ConstraintLine;
use pannier_core::constraints::FileHash;
use pannier_core::lock::model::Artifact;
use pannier_core::lock::model::Lock;
use pannier_core::lock::pylock;
use pannier_core::lock::select::Choice;
use pannier_core::lock::select::select;
use pannier_core::request::ConstraintsText;
use pannier_core::request::ImageRequest;
use pannier_core::request::PackageRequest;
use pannier_core::request::ProjectSource;
use pannier_core::request::Request;
use pannier_core::request::overrides::Overrides;
use pannier_core::resolve::ResolveError;
use pannier_core::resolve::SourceError;
use pannier_core::resolve::Sources;
use pannier_core::resolve::Tools;
use pannier_core::resolve::Upgrade;
use pannier_core::resolve::Wanted;
use pannier_core::resolve::resolve;
use pannier_core::wheel_build::BuildSource;

use pannier_testkit::index::{Index, IndexFile};

/// Described projects: repository path or folder name → metadata; commits are made from the revision.
#[derive(Default)]
pub struct Described {
    pub wheels: BTreeMap<String, Wheel>,
    pub commits: Mutex<Vec<String>>,
    /// Prefix of all commits, to see which were asked for again.
    pub digit: char,
}

impl Described {
    pub fn with(wheels: &[(&str, Wheel)]) -> Self {
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

    fn hashes(&self, file: &Artifact) -> Result<Vec<FileHash>, SourceError> {
        unreachable!("{} is known by its sha256", file.name)
    }

    fn check_listed(&self, _file: &Artifact) -> Result<(), SourceError> {
        // There is no store whose wheels could differ.
        Ok(())
    }
}

pub fn wheel(name: &str, version: &str, requires: &[&str], extras: &[&str]) -> Wheel {
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
pub struct World {
    pub index: Index,
    pub uv: Uv,
    pub cache: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self {
            index: Index::start(),
            uv: pannier_testkit::uv::uv(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    /// Adds a version with one wheel per tag, and a source archive if asked.
    pub fn add(&self, name: &str, version: &str, requires: &[&str], tags: &[&str], sdist: bool) {
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

    pub fn around(&self) -> Surroundings {
        Surroundings {
            variables: ChildEnvironment::new(&std::env::vars().collect(), &[]),
            cache: self.cache.path().to_owned(),
            index: Indexes {
                url: Some(self.index.url().parse().unwrap()),
                extra: Vec::new(),
            },
            ..Surroundings::default()
        }
    }

    pub fn resolve(&self, request: &Request, sources: &Described) -> Result<Lock, ResolveError> {
        self.resolve_from(request, sources, None, &Upgrade::None, &Silent)
    }

    pub fn resolve_from(
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
pub fn source_archive(top: &str, metadata: &str) -> Vec<u8> {
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

pub fn image(name: &str, python: &str, platform: &str) -> ImageRequest {
    ImageRequest {
        name: name.parse().unwrap(),
        image: None,
        target: Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        },
        interpreter: "/usr/bin/python3".into(),
        python_link: pannier_archive::venv::PythonLink::Absolute,
        packages: Vec::new(),
        requirements: Vec::new(),
        hashed: Vec::new(),
        data: Vec::new(),
    }
}

pub fn request(images: Vec<ImageRequest>) -> Request {
    Request {
        root: "/somewhere".into(),
        images,
        constraints: None,
        index: Indexes::default(),
        submodules: Submodules::Refuse,
        absolute_links: pannier_base::paths::AbsoluteLinks::Refuse,
        overrides: Overrides::default(),
        require_hashes: false,
    }
}

pub fn git(name: &str, revision: &str) -> ProjectSource {
    ProjectSource::Git {
        repository: format!("https://bot:secret@git.example.org/{name}")
            .parse()
            .unwrap(),
        revision: revision.to_owned(),
        subdirectory: None,
    }
}

pub fn package(source: ProjectSource) -> PackageRequest {
    PackageRequest {
        name: None,
        extras: Vec::new(),
        source,
    }
}

pub fn constraints(lines: &[&str]) -> Option<ConstraintsText> {
    let line = |(at, text): (usize, &&str)| {
        ConstraintLine::new(text.parse().unwrap(), "constraints.txt".into(), at + 1)
    };
    Some(ConstraintsText {
        path: "constraints.txt".into(),
        lines: lines.iter().enumerate().map(line).collect(),
    })
}

pub fn versions(lock: &Lock, name: &str) -> Vec<String> {
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

pub fn chosen(lock: &Lock, image: &str) -> Vec<String> {
    let selected = select(lock, &image.parse().unwrap()).unwrap();
    let shown = selected.iter().map(|one| match one.choice {
        Choice::Wheel(artifact) | Choice::Sdist(artifact) | Choice::Archive(artifact) => {
            artifact.name.clone()
        }
        Choice::Git | Choice::Directory => one.package.name.to_string(),
    });
    shown.collect()
}

pub const OLD: [&str; 2] = [
    "cp39-cp39-manylinux_2_17_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64",
];
pub const NEW: [&str; 2] = [
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
];

/// numpy's situation: no version has wheels for Python 3.9 and 3.13 both.
pub fn numeric(world: &World) {
    world.add("numeric", "1.9", &[], &OLD, true);
    world.add("numeric", "2.0.2", &[], &OLD, true);
    world.add("numeric", "2.5.5", &[], &NEW, true);
    world.add("user", "1.0", &["numeric"], &["py3-none-any"], false);
}

pub fn images_of_three() -> Vec<ImageRequest> {
    let mut images = vec![
        image("new", "3.13", "x86_64-manylinux_2_41"),
        image("old", "3.9", "x86_64-manylinux_2_31"),
    ];
    for image in &mut images {
        image.requirements = vec!["user".parse().unwrap()];
    }
    images
}

#[derive(Default)]
pub struct Heard(pub Mutex<Vec<String>>);

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
