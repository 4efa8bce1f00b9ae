//! The door to uv: finding one, fetching the pinned one, building with it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use pannier_base::event::Silent;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::Client;
use pannier_clients::http::Options;
use pannier_clients::uv::Finder;
use pannier_clients::uv::Indexes;
use pannier_clients::uv::PINNED_VERSION;
use pannier_clients::uv::Surroundings;
use pannier_clients::uv::Uv;
use pannier_clients::uv::UvError;
use pannier_clients::uv::WheelBuild;
use tempfile::TempDir;

use pannier_testkit::index::{Index, IndexFile};

/// A folder with a program of that name that prints a line.
fn program(folder: &Path, name: &str, line: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\necho '{line}'\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn find(
    named: Option<&Path>,
    path: &[PathBuf],
    store: &Path,
    around: &Surroundings,
) -> Result<Uv, UvError> {
    let client = Client::new(Options::default());
    let finder = Finder {
        named,
        path,
        store,
        client: &client,
        around,
        reporter: &Silent,
    };
    finder.find()
}

fn around() -> Surroundings {
    Surroundings {
        variables: ChildEnvironment::new(&std::env::vars().collect(), &[]),
        ..Surroundings::default()
    }
}

fn offline() -> Surroundings {
    Surroundings {
        offline: true,
        ..around()
    }
}

/// The message with all its causes.
fn chain(why: &UvError) -> String {
    let mut text = why.to_string();
    let mut cause = std::error::Error::source(why);
    while let Some(next) = cause {
        text.push_str(&format!(" / {next}"));
        cause = next.source();
    }
    text
}

#[test]
fn the_first_new_enough_uv_of_path_is_taken() {
    let (old, new, store) = (
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    program(old.path(), "uv", "uv 0.4.30");
    let wanted = program(new.path(), "uv", "uv 0.11.2 (x86_64-unknown-linux-gnu)");
    let path = [old.path().to_owned(), new.path().to_owned()];
    let uv = find(None, &path, store.path(), &offline()).unwrap();
    assert_eq!((uv.program, uv.version.as_str()), (wanted, "0.11.2"));
}

#[test]
fn the_named_one_is_taken_or_refused_but_never_passed_over() {
    let (folder, store) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    program(folder.path(), "uv", "uv 0.11.2");
    let named = program(folder.path(), "mine", "uv 0.4.30");
    let why = find(
        Some(&named),
        &[folder.path().to_owned()],
        store.path(),
        &offline(),
    )
    .unwrap_err();
    assert!(
        matches!(&why, UvError::Named { problem, .. } if problem.contains("older than")),
        "{why}"
    );
    let missing = folder.path().join("nothing");
    let why = find(Some(&missing), &[], store.path(), &offline())
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("PANNIER_UV") && why.contains("cannot be started"),
        "{why}"
    );
}

#[test]
fn the_one_in_the_store_is_used_again() {
    let store = TempDir::new().unwrap();
    let folder = store.path().join("uv").join(PINNED_VERSION);
    fs::create_dir_all(&folder).unwrap();
    let kept = program(&folder, "uv", &format!("uv {PINNED_VERSION}"));
    assert_eq!(
        find(None, &[], store.path(), &offline()).unwrap().program,
        kept
    );
}

#[test]
fn without_any_the_three_ways_out_are_told() {
    let store = TempDir::new().unwrap();
    let why = find(None, &[], store.path(), &offline()).unwrap_err();
    let help = why.help().unwrap().to_string();
    for way in ["pip install uv", "PANNIER_UV", "index.url"] {
        assert!(help.contains(way), "{help}");
    }
    assert!(chain(&why).contains("--offline"), "{}", chain(&why));
}

/// The file name of the pinned wheel is read out of the error of an index that does not list it.
fn pinned_name(index: &Index, store: &Path) -> String {
    index.add(IndexFile::new(
        "uv",
        "uv-0.0.1-py3-none-any.whl",
        Vec::new(),
    ));
    let why = chain(&find(None, &[], store, &with_index(index)).unwrap_err());
    let (_, rest) = why.split_once("does not list `").expect(&why);
    rest.split('`').next().unwrap().to_owned()
}

fn with_index(index: &Index) -> Surroundings {
    Surroundings {
        index: Indexes {
            url: Some(index.url().parse().unwrap()),
            extra: Vec::new(),
        },
        ..around()
    }
}

#[test]
fn an_index_that_lies_about_uv_is_not_believed() {
    let (index, store) = (Index::start(), TempDir::new().unwrap());
    let name = pinned_name(&index, store.path());
    index.add(IndexFile::new("uv", &name, b"something else".to_vec()));
    let why = chain(&find(None, &[], store.path(), &with_index(&index)).unwrap_err());
    assert!(
        why.contains("has the SHA-256 digest") && why.contains(&name),
        "{why}"
    );
    assert!(
        !store
            .path()
            .join("uv")
            .join(PINNED_VERSION)
            .join("uv")
            .exists()
    );
}

/// pip fetches uv, and builds nothing: it alone gets what it needs to log in.
#[test]
fn pip_gets_its_settings_and_no_token() {
    let (folder, store) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let noted = folder.path().join("noted");
    let python = folder.path().join("python3");
    let text = "#!/bin/sh\n{ echo \"call $*\"; env; } >>\"$TMPDIR/noted\"\nexit 1\n";
    fs::write(&python, text).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let variables = [
        ("PATH", std::env::var("PATH").unwrap()),
        ("TMPDIR", folder.path().display().to_string()),
        ("CI_JOB_TOKEN", "secret-token".to_owned()),
        ("PIP_CONFIG_FILE", "/its/pip.conf".to_owned()),
        (
            "HTTPS_PROXY",
            "http://u:secret-of-proxy@127.0.0.1:9".to_owned(),
        ),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let around = Surroundings {
        variables: ChildEnvironment::new(&variables.into(), &[]),
        ..Surroundings::default()
    };
    find(None, &[folder.path().to_owned()], store.path(), &around).unwrap_err();
    let noted = fs::read_to_string(noted).unwrap();
    let calls: Vec<_> = noted.split("call ").skip(1).collect();
    for call in &calls {
        let (arguments, environment) = call.split_once('\n').unwrap();
        let is_pip = arguments.starts_with("-m pip");
        for text in ["PIP_CONFIG_FILE", "secret-of-proxy"] {
            assert_eq!(environment.contains(text), is_pip, "{call}");
        }
        assert!(
            !arguments.contains("secret") && !call.contains("secret-token"),
            "{call}"
        );
    }
    assert_eq!(calls.len(), 2, "{noted}");
}

#[test]
#[ignore = "asks the index that pip is set up for"]
fn without_an_index_pip_fetches_it_and_our_index_serves_it() {
    let (store, wheels) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path: Vec<_> = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .filter(|folder| !folder.join("uv").exists())
        .collect();
    let around = Surroundings {
        variables: ChildEnvironment::new(&std::env::vars().collect(), &[]),
        ..Surroundings::default()
    };
    let uv = find(None, &path, store.path(), &around).unwrap();
    assert_eq!(uv.version, PINNED_VERSION);
    assert!(uv.program.starts_with(store.path()));

    let status = std::process::Command::new("python3")
        .args(["-m", "pip", "download", "-q", "--no-deps", "-d"])
        .arg(wheels.path())
        .arg(format!("uv=={PINNED_VERSION}"))
        .status();
    assert!(status.unwrap().success());
    let wheel = fs::read_dir(wheels.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    let (index, store) = (Index::start(), TempDir::new().unwrap());
    index.add(IndexFile::new("uv", &name, fs::read(&wheel).unwrap()));
    let uv = find(None, &[], store.path(), &with_index(&index)).unwrap();
    assert_eq!(uv.version, PINNED_VERSION);
}

/// A project whose backend lies in it, so that nothing is fetched to build it.
fn project(folder: &Path, build: &str) {
    let toml =
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    fs::write(folder.join("pyproject.toml"), toml).unwrap();
    let backend = format!(
        "import os, sys, zipfile\ndef build_wheel(out, config_settings=None, metadata_directory=None):\n{build}\n"
    );
    fs::write(folder.join("backend.py"), backend).unwrap();
}

fn build(source: &Path, out: &Path) -> Result<PathBuf, UvError> {
    let (uv, around) = (pannier_testkit::uv::uv(), around());
    let python = uv
        .find_python(python_here(), &around)
        .unwrap()
        .expect("a Python that PATH has");
    let build = WheelBuild {
        source,
        python: &python,
        constraints: "setuptools<80\n",
        require_hashes: false,
        epoch: 1_600_000_000,
        out,
    };
    uv.build_wheel(&build, &around)
}

#[test]
fn uv_tells_its_default_index() {
    let folder = TempDir::new().unwrap();
    let own = pannier_testkit::uv::uv()
        .default_index(folder.path(), &offline())
        .unwrap();
    assert!(own.is_some_and(|url| url.expose().scheme() == "https"));
    let configured = Surroundings {
        index: Indexes {
            url: Some("http://127.0.0.1:9/simple/".parse().unwrap()),
            extra: vec!["http://127.0.0.1:9/extra/".parse().unwrap()],
        },
        ..offline()
    };
    let told = pannier_testkit::uv::uv()
        .default_index(folder.path(), &configured)
        .unwrap();
    let told = told.map(|url| url.to_string());
    assert_eq!(told.as_deref(), Some("http://127.0.0.1:9/simple/"));
}

fn python_here() -> u8 {
    let said = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.version_info[1])"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&said.stdout)
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn a_build_sees_its_epoch_and_no_hash_seed() {
    let (source, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    project(
        source.path(),
        "    with zipfile.ZipFile(os.path.join(out, 'a-1-py3-none-any.whl'), 'w') as z:\n        \
         z.writestr('seen', os.environ['SOURCE_DATE_EPOCH'] + ' ' + os.environ['PYTHONHASHSEED'])\n    \
         return 'a-1-py3-none-any.whl'",
    );
    let wheel = build(source.path(), out.path()).unwrap();
    assert_eq!(wheel, out.path().join("a-1-py3-none-any.whl"));
    let bytes = fs::read(wheel).unwrap();
    let text = b"1600000000 0";
    assert!(bytes.windows(text.len()).any(|window| window == text));
}

#[test]
fn a_failed_build_ends_with_the_backends_words() {
    let (source, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    project(
        source.path(),
        "    raise SystemExit('the header frob.h is missing at https://u:tok@example.org/')",
    );
    let why = build(source.path(), out.path()).unwrap_err().to_string();
    assert!(why.contains("the header frob.h is missing"), "{why}");
    assert!(!why.contains("tok@"), "{why}");
}

#[test]
fn a_python_that_is_not_here_is_none() {
    assert_eq!(
        pannier_testkit::uv::uv()
            .find_python(99, &around())
            .unwrap(),
        None
    );
}
