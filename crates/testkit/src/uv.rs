//! A real uv for tests, on machines that have none too: looked for, and else fetched, as Pannier itself does it.

use std::sync::OnceLock;

use pannier_base::event::Silent;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::Client;
use pannier_clients::http::Options;
use pannier_clients::uv::Finder;
use pannier_clients::uv::Surroundings;
use pannier_clients::uv::Uv;

/// The uv on PATH, or the pinned one, which pip then fetches once for all tests of this checkout.
pub fn uv() -> Uv {
    static FOUND: OnceLock<Uv> = OnceLock::new();
    let find = || {
        let path: Vec<_> = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
        // Below `target/<profile>/deps/`.
        let program = std::env::current_exe().unwrap();
        let store = program
            .ancestors()
            .nth(3)
            .unwrap()
            .join("tmp/store-of-tests");
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
