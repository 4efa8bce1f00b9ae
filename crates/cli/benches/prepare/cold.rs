//! An empty store and an index on loopback, beside a plain HTTP client that downloads the same files and does nothing else.
//!
//! Loopback gives gigabytes per second, which no index does; so the lines of the table have the speed of a network, which all
//! connections share. Then on bare loopback what pipelines use for the same files: pip, which downloads and compares digests as well,
//! and uv, which installs them.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use pannier_base::digest::Digest;

use crate::set::{Set, images};
use crate::{shell, table};
use pannier_testkit::index::{Index, IndexFile};

/// Megabytes per second of the networks, and their names; the last one has no bound.
const NETWORKS: [(Option<u64>, &str); 4] = [
    (Some(12_500_000), "100 Mbit/s"),
    (Some(62_500_000), "500 Mbit/s"),
    (Some(125_000_000), "1 Gbit/s"),
    (None, "loopback"),
];

pub fn measure(set: &Set) {
    let index = Index::start();
    for wheel in std::fs::read_dir(set.folder.join("wheels")).unwrap() {
        let path = wheel.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let project = name.split('-').next().unwrap().replace(['_', '.'], "-");
        let bytes = std::fs::read(&path).unwrap();
        index.add(IndexFile::new(&project.to_lowercase(), name, bytes));
    }
    let folder = set.folder.join("cold");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let pins = std::fs::read_to_string(set.folder.join("pins.txt")).unwrap();
    let pins: Vec<_> = pins.lines().collect();
    let request = format!(
        "index: {{url: \"{}\"}}\nrequirements: {pins:?}\n{}",
        index.url(),
        images(1)
    );
    std::fs::write(folder.join("pannier.yml"), request).unwrap();
    shell::run(
        &folder,
        "unset ${!UV_*} ${!PIP_*}; \"$PANNIER\" lock --quiet",
    );
    let urls = tell_sizes(set, &folder.join("pylock.toml"));
    let urls: Vec<_> = urls
        .split('"')
        .filter(|it| it.starts_with("http") && it.ends_with(".whl"))
        .collect();
    // curl's file of options: each URL into a file of its own.
    let list: String = urls
        .iter()
        .map(|url| format!("url = \"{url}\"\nremote-name\n"))
        .collect();
    std::fs::write(folder.join("urls"), list).unwrap();
    println!(
        "{}; {} files from an index on loopback.\n",
        set.described(),
        urls.len()
    );
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    for (speed, name) in NETWORKS {
        index.http.limit(speed);
        let [ours, alone] = shell::best_of_each(
            &folder,
            3,
            "rm -rf store dist files; mkdir files",
            [
                "unset ${!UV_*} ${!PIP_*}; \"$PANNIER\" prepare --locked --quiet",
                "cd files; curl --no-progress-meter --fail --parallel --parallel-max 8 --config ../urls",
            ],
        );
        let ratio = ours.as_secs_f64() / alone.as_secs_f64();
        ratios.push((name, ratio));
        let shown = |time: Duration| format!("{:.2}", time.as_secs_f64());
        rows.push(vec![
            name.to_owned(),
            shown(ours),
            shown(alone),
            format!("{ratio:.2}"),
        ]);
    }
    index.http.limit(None);
    let tools = beside_tools(&folder, set, &urls);
    table::print(
        &[
            "network",
            "`pannier prepare`, empty store",
            "`curl --parallel`",
            "ratio",
        ],
        &rows,
    );
    for (name, ratio) in ratios {
        table::target(
            &format!("time against downloading alone at {name}"),
            ratio,
            ratio <= 1.3,
            "at most 1.3",
        );
    }
    println!();
    tools.print();
    shell::run(&folder, "rm -rf store dist");
    let peak = shell::peak(&folder, "$PANNIER prepare --locked --quiet");
    table::target("peak memory in MiB", peak, peak <= 64.0, "at most 64");
    println!();
    std::fs::remove_dir_all(folder).unwrap();
}

/// Times on bare loopback.
struct Tools {
    pannier: Duration,
    pip: Duration,
    uv: Duration,
}

fn beside_tools(folder: &Path, set: &Set, urls: &[&str]) -> Tools {
    let lines: String = urls
        .iter()
        .map(|url| {
            let name = url.rsplit('/').next().unwrap();
            let mut wheel = File::open(set.folder.join("wheels").join(name)).unwrap();
            let (digest, _) = Digest::of_reader(&mut wheel).unwrap();
            let project = name.split('-').next().unwrap();
            format!("{project} @ {url} --hash=sha256:{digest}\n")
        })
        .collect();
    std::fs::write(folder.join("requirements.txt"), lines).unwrap();
    let [pannier, pip, uv] = shell::best_of_each(
        folder,
        3,
        "rm -rf store dist files venv cache; mkdir files",
        [
            "unset ${!UV_*} ${!PIP_*}; \"$PANNIER\" prepare --locked --quiet",
            "pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -d files -r requirements.txt",
            "uv venv -q -p 3.11 venv; uv pip install -q -p venv/bin/python --no-deps --require-hashes -r requirements.txt",
        ],
    );
    Tools { pannier, pip, uv }
}

impl Tools {
    fn print(&self) {
        let row = |name: &str, time: Duration| {
            let times = time.as_secs_f64() / self.pannier.as_secs_f64();
            let seconds = format!("{:.2}", time.as_secs_f64());
            vec![name.to_owned(), seconds, format!("{times:.1}")]
        };
        table::print(
            &[
                "way, loopback, nothing cached",
                "seconds",
                "times Pannier's",
            ],
            &[
                row("`pannier prepare`: a tarball", self.pannier),
                row("`pip download`: wheels", self.pip),
                row("`uv venv` + `uv pip install`: a venv, no tarball", self.uv),
            ],
        );
        let ratio = self.pannier.as_secs_f64() / self.pip.as_secs_f64();
        table::target(
            "time against `pip download` at loopback",
            ratio,
            ratio <= 1.3,
            "at most 1.3",
        );
    }
}

/// The index of the tests does not tell how long its files are, which real ones do: adds it to the lock, and gives the lock.
fn tell_sizes(set: &Set, lock: &Path) -> String {
    let mut text = std::fs::read_to_string(lock).unwrap();
    for wheel in std::fs::read_dir(set.folder.join("wheels")).unwrap() {
        let wheel = wheel.unwrap();
        let end = format!("/{}\"", wheel.file_name().to_str().unwrap());
        let size = wheel.metadata().unwrap().len();
        text = text.replace(&end, &format!("{end}, size = {size}"));
    }
    std::fs::write(lock, &text).unwrap();
    text
}
