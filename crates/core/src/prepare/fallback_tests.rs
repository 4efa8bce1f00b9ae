//! Which failures fall back, and to which locks.

use std::collections::BTreeMap;
use std::io;

use super::*;
use crate::lock::model::LockedImage;
use crate::lock::model::PannierTable;
use crate::lock::pylock;
use crate::request::DataRequest;
use crate::request::origin::Origin;
use crate::request::overrides::Override;
use crate::request::overrides::Overrides;
use crate::resolve::SourceError;
use crate::store::StoreError;
use crate::wheel_build::BuildError;
use pannier_archive::venv::PythonLink;
use pannier_base::digest::Digest;
use pannier_clients::git::GitError;
use pannier_clients::git::Submodules;
use pannier_clients::http::HttpError;
use pannier_clients::uv::Indexes;
use pannier_clients::uv::UvError;

fn git(revision: &str) -> ProjectSource {
    ProjectSource::Git {
        repository: "https://bot:secret@git.example.org/team/tool.git"
            .parse()
            .unwrap(),
        revision: revision.to_owned(),
        subdirectory: None,
    }
}

fn request() -> Request {
    let image = ImageRequest {
        name: "builder".parse().unwrap(),
        image: None,
        target: "{\"python\": \"3.13\", \"platform\": \"x86_64-manylinux_2_41\"}"
            .parse::<serde_json::Value>()
            .map(|value| serde_json::from_value(value).unwrap())
            .unwrap(),
        interpreter: "/usr/bin/python3".into(),
        python_link: PythonLink::Absolute,
        packages: vec![PackageRequest {
            name: None,
            extras: Vec::new(),
            source: git("production"),
        }],
        requirements: vec!["lib>=1".parse().unwrap()],
        hashed: Vec::new(),
        data: vec![DataRequest {
            name: "tables".parse().unwrap(),
            source: git("production"),
        }],
    };
    Request {
        root: "/project".into(),
        images: vec![image],
        constraints: None,
        index: Indexes::default(),
        submodules: Submodules::Refuse,
        absolute_links: pannier_base::paths::AbsoluteLinks::Refuse,
        overrides: Overrides::default(),
        require_hashes: false,
    }
}

/// The lock that the request above was once resolved to.
fn lock() -> Lock {
    let package = |name: &str, version: &str, source| LockedPackage {
        name: name.parse().unwrap(),
        version: Some(version.parse().unwrap()),
        marker: None,
        requires_python: None,
        index: None,
        source,
    };
    let wheel = crate::lock::model::Artifact {
        name: "lib-1.5-py3-none-any.whl".to_owned(),
        url: "https://index.example.org/lib-1.5-py3-none-any.whl"
            .parse()
            .unwrap(),
        size: None,
        upload_time: None,
        sha256: Digest::of(b"lib"),
    };
    let repository: SafeUrl = "https://git.example.org/team/tool.git".parse().unwrap();
    let tool = LockedSource::Git {
        repository: repository.clone(),
        requested_revision: Some("production".to_owned()),
        commit: "a".repeat(40),
        subdirectory: None,
    };
    let tables = LockedData::Git {
        url: repository,
        requested_revision: "production".to_owned(),
        commit_id: "a".repeat(40),
        subdirectory: None,
    };
    let image = LockedImage {
        target: request().images[0].target.clone(),
        requested: vec!["lib".parse().unwrap(), "tool".parse().unwrap()],
        packages: None,
        data: vec!["tables".parse().unwrap()],
    };
    let lib = LockedSource::Index {
        sdist: None,
        wheels: vec![wheel],
    };
    let lock = Lock {
        requires_python: None,
        environments: Vec::new(),
        packages: vec![package("lib", "1.5", lib), package("tool", "2.0", tool)],
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b"request"),
            constraints: None,
            parts: BTreeMap::new(),
            images: [("builder".parse().unwrap(), image)].into(),
            data: [("tables".parse().unwrap(), tables)].into(),
            forks: Vec::new(),
            overrides: Vec::new(),
        },
    };
    // As it comes out of the book.
    pylock::read(&pylock::write(&lock)).unwrap().lock
}

fn unfit(change: impl FnOnce(&mut ImageRequest)) -> String {
    let mut request = request();
    change(&mut request.images[0]);
    fits(&request, &lock(), &[]).unwrap_err().to_string()
}

#[test]
fn a_lock_of_the_same_request_fits() {
    fits(&request(), &lock(), &[]).unwrap();
    // An image that is not asked for need not be known.
    let mut more = request();
    let mut other = more.images[0].clone();
    other.name = "other".parse().unwrap();
    more.images.push(other);
    fits(&more, &lock(), &["builder".parse().unwrap()]).unwrap();
    let said = fits(&more, &lock(), &[]).unwrap_err().to_string();
    assert_eq!(
        said,
        "it was not made for image `other`, only for `builder`"
    );
    // A requirement that is not for this image is not missed.
    let mut marked = request();
    marked.images[0]
        .requirements
        .push("winlib; sys_platform == 'win32'".parse().unwrap());
    fits(&marked, &lock(), &[]).unwrap();
}

#[test]
fn what_the_run_asks_for_and_the_lock_does_not_have_is_named() {
    let said = [
        unfit(|image| image.target.python = "3.12".parse().unwrap()),
        unfit(|image| image.packages[0].source = git("feature")),
        unfit(|image| image.packages[0].name = Some("other".parse().unwrap())),
        unfit(|image| image.requirements.push("new".parse().unwrap())),
        unfit(|image| image.requirements[0] = "lib>=2".parse().unwrap()),
        unfit(|image| image.requirements[0] = "lib @ https://h.example/lib.whl".parse().unwrap()),
        unfit(|image| image.data[0].source = git("feature")),
        unfit(|image| image.data[0].name = "more".parse().unwrap()),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn an_index_a_repository_and_a_package_are_to_blame_and_the_run_itself_is_not_excused() {
    let resolve = |error: ResolveError| Failed::from(UpdateError::from(error));
    let failed = |explanation: &str| UvError::Failed {
        task: "resolve".to_owned(),
        explanation: explanation.to_owned(),
    };
    let status = |status| HttpError::Status {
        url: "https://index.example.org".to_owned(),
        status,
        headers: String::new(),
        hint: String::new(),
        retry_after: None,
    };
    let backend = |label: &str| BuildError::Backend {
        label: label.to_owned(),
        source: failed("boom"),
    };
    let others = [
        resolve(failed("No solution found").into()),
        resolve(failed("connection refused").into()),
        Failed::from(PrepareError::from(status(404))),
        Failed::from(PrepareError::from(status(503))),
        Failed::from(PrepareError::from(backend("tool @ aaaaaaaaaaaa"))),
        Failed::from(PrepareError::from(StoreError::Digest {
            name: "lib.whl".to_owned(),
            expected: Digest::of(b"a"),
            found: Digest::of(b"b"),
        })),
        Failed::from(PrepareError::from(GitError::NoCommit {
            repository: String::new(),
            commit: String::new(),
        })),
    ];
    let mut request = request();
    request.images[0].packages.push(PackageRequest {
        name: None,
        extras: Vec::new(),
        source: ProjectSource::Directory {
            path: "packages/local".into(),
        },
    });
    // What a run with overrides asks for is in no release.
    let mut overridden = request.clone();
    overridden.overrides.list = vec![Override {
        name: "lib".parse().unwrap(),
        value: "==1.6".parse().unwrap(),
        origin: Origin::Variable("lib_pip_url".to_owned()),
        asked_by: None,
    }];
    for failure in others {
        assert_eq!(failure.blame(&request), Blame::Others, "{failure:?}");
        let blame = failure.blame(&overridden);
        assert!(matches!(blame, Blame::Own(_)), "{failure:?}");
    }
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let own = [
        Failed::from(UpdateError::Stale {
            path: "pylock.toml".into(),
            changes: Vec::new(),
        }),
        Failed::from(UpdateError::Write {
            path: "pylock.toml".into(),
            source: full(),
        }),
        resolve(ResolveError::Work(full())),
        resolve(ResolveError::Uv(UvError::Named {
            program: "uv".into(),
            problem: String::new(),
        })),
        resolve(ResolveError::Metadata {
            project: "packages/local".to_owned(),
            source: SourceError::Build(backend("/project/packages/local")),
        }),
        Failed::from(PrepareError::from(backend("/project/packages/local"))),
        Failed::from(PrepareError::from(status(401))),
        Failed::from(PrepareError::from(BuildError::NoPython)),
        Failed::from(PrepareError::Folder {
            path: "dist".into(),
            source: full(),
        }),
    ];
    for failure in own {
        let blame = failure.blame(&request);
        assert!(matches!(blame, Blame::Own(_)), "{failure:?}");
    }
}
