//! Sets of real wheels, fetched once: locked, in a store, in uv's cache, and as files in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use pannier_base::digest::Digest;

use crate::shell;
use pannier_testkit::popular::POPULAR;

/// What comes on top for a set of more than 500 MB: few but large wheels, and some with many files.
const LARGE: [&str; 16] = [
    "ansible",
    "catboost",
    "duckdb",
    "faiss-cpu",
    "jaxlib",
    "kubernetes",
    "matplotlib",
    "numba",
    "onnxruntime",
    "opencv-python-headless",
    "playwright",
    "polars",
    "pyarrow",
    "ray",
    "scikit-learn",
    "spacy",
];

/// Wheels that belong together, in a folder of their own with everything that the ways start from:
/// `pannier.yml`, `pylock.toml`, `store/`, `wheels/`, `pins.txt`, `cache/` (uv's).
pub struct Set {
    pub folder: PathBuf,
}

impl Set {
    /// About 90 MB: numpy, pandas, grpcio, lxml, cryptography and a good fifty pure packages.
    pub fn usual() -> Self {
        Self::at("usual", &POPULAR)
    }

    /// More than 500 MB.
    pub fn large() -> Self {
        Self::at("large", &[&POPULAR[..], &LARGE[..]].concat())
    }

    /// Fetches what is not there yet.
    fn at(name: &str, packages: &[&str]) -> Self {
        let cache = std::env::var_os("PANNIER_BENCH_CACHE").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench"),
            PathBuf::from,
        );
        let folder = cache.join(name);
        let stamp = folder.join("complete");
        let wanted = Digest::of(format!("1 {packages:?}").as_bytes()).to_string();
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Self { folder };
        }
        eprintln!(
            "fetching the wheels of the set `{name}` to {}",
            folder.display()
        );
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let set = Self { folder };
        set.fetch(packages);
        fs::write(stamp, wanted).unwrap();
        set
    }

    fn fetch(&self, packages: &[&str]) {
        self.write(
            "pannier.yml",
            &format!("requirements: {packages:?}\n{}", images(1)),
        );
        self.run("\"$PANNIER\" prepare --quiet");
        // The lock of one image pins as pip wants it, once markers are gone.
        self.run(
            "mkdir unpacked; tar xzf dist/image0.tar.gz -C unpacked
             unpacked/venv/bin/python -c 'import importlib.metadata as m
for d in m.distributions(): print(d.metadata[\"Name\"] + \"==\" + d.version)' | grep -v '^pip==' >pins.txt
             rm -rf unpacked dist
             pip download -q --no-deps --only-binary :all: -d wheels -r pins.txt
             uv venv -q -p 3.11 venv
             uv pip install -q --no-index --find-links wheels -p venv/bin/python --no-deps -r pins.txt
             rm -rf venv",
        );
    }

    pub fn run(&self, script: &str) -> String {
        shell::run(&self.folder, script)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    pub fn megabytes(&self) -> f64 {
        shell::size(&self.folder.join("wheels"))
    }

    /// How many wheels there are, of what size, and how many of them are pure.
    pub fn described(&self) -> String {
        let names = fs::read_dir(self.folder.join("wheels")).unwrap();
        let names: Vec<_> = names
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        let pure = names.iter().filter(|name| name.ends_with("-none-any.whl"));
        format!(
            "{} wheels ({} of them pure), {:.1} MB",
            names.len(),
            pure.count(),
            self.megabytes()
        )
    }
}

/// The `images:` block: some images with this machine's Python that differ in where they have it.
pub fn images(count: usize) -> String {
    let described = shell::run(
        Path::new("/"),
        "python3.11 -c \"import os, platform, sys; print(platform.machine() + '-manylinux_2_' + platform.libc_ver()[1].split('.')[1], os.path.realpath(sys.executable))\"",
    );
    let (platform, interpreter) = described.trim().split_once(' ').unwrap();
    let image = |number| {
        let interpreter = match number {
            0 => interpreter.to_owned(),
            _ => format!("/opt/python{number}/bin/python3"),
        };
        format!(
            "  image{number}:\n    python: \"3.11\"\n    platform: {platform}\n    interpreter: {interpreter}\n"
        )
    };
    let images: String = (0..count).map(image).collect();
    format!("images:\n{images}")
}
