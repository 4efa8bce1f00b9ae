//! A real uv for tests, on machines that have none too: looked for, and else fetched, as Pannier itself does it.

use std::path::Path;
use std::sync::OnceLock;

use pannier::child::ChildEnvironment;
use pannier::event::Silent;
use pannier::http::{Client, Options};
use pannier::uv::{Finder, Surroundings, Uv};

/// The uv on PATH, or the pinned one, which pip then fetches once for all tests of this checkout.
pub fn uv() -> Uv {
    static FOUND: OnceLock<Uv> = OnceLock::new();
    let find = || {
        let path: Vec<_> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-of-tests");
        std::fs::create_dir_all(&store).unwrap();
        let finder = Finder {
            named: None,
            path: &path,
            store: &store,
            client: &Client::new(Options::default()),
            around: &Surroundings {
                variables: ChildEnvironment::new(&std::env::vars().collect(), &[]),
                ..Surroundings::default()
            },
            reporter: &Silent,
        };
        finder.find().expect("uv is on PATH or pip can fetch it")
    };
    FOUND.get_or_init(find).clone()
}
