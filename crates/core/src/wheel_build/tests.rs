//! The builder with a uv that is a script.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pannier_clients::git::{Git, Submodules};
use pannier_clients::http::Client;
use pannier_clients::python::Pythons;
use pannier_clients::uv::{Surroundings, Uv};

use super::*;
use pannier_archive::wheel::{StubMetadata, stub};
use pannier_base::event::Silent;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::Credentials;

/// A "uv" that puts a wheel where it is told and does `more`.
fn script(folder: &Path, more: &str) -> Uv {
    let meta = StubMetadata {
        name: "tool".parse().unwrap(),
        version: "1".parse().unwrap(),
        requires_dist: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
    };
    let wheel = folder.join(meta.filename());
    fs::write(&wheel, stub(&meta)).unwrap();
    let program = folder.join("uv");
    let text = format!(
        "#!/bin/sh\nwhile [ \"$1\" != --out-dir ]; do shift; done\ncp '{}' \"$2\"\n{more}\n",
        wheel.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Uv {
        program,
        version: "0".to_owned(),
    }
}

#[test]
fn a_wheel_of_a_folder_that_changed_meanwhile_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    fs::create_dir(&project).unwrap();
    fs::write(project.join("pyproject.toml"), "").unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let client = Client::new(Credentials::default());
    let git = Git::new(&store.git_root(), client.clone());
    let variables = ChildEnvironment::new(&std::env::vars().collect(), &[]);
    let path = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
    let pythons = Pythons::new(path, variables.clone());
    let source = BuildSource::Directory {
        path: project.clone(),
    };
    let change = format!("echo x >'{}/new.py'", project.display());
    for (more, remembered) in [(change.as_str(), false), ("", true)] {
        let uv = || Ok(script(folder.path(), more));
        let workshop = Workshop {
            uv: &uv,
            around: Surroundings {
                variables: variables.clone(),
                ..Surroundings::default()
            },
            pythons: &pythons,
            constraints: String::new(),
            require_hashes: false,
            submodules: Submodules::Refuse,
        };
        let key = key::of(&source, &workshop).unwrap();
        let builder = Builder::new(&store, &git, &client, workshop, &Silent);
        builder.metadata_wheel(&source, &[]).unwrap();
        let wheels = store.built(&key).unwrap().wheels;
        assert_eq!(!wheels.is_empty(), remembered);
    }
}
