//! An empty store and an index on loopback, beside a plain HTTP client that downloads the same files and does nothing else.
//!
//! Loopback gives gigabytes per second, which no index does; so the lines of the table have the speed of a network, which all
//! connections share.

use std::path::Path;
use std::time::Duration;

use crate::set::{Set, images};
use crate::support::index::{Index, IndexFile};
use crate::{shell, table};

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
    shell::run(&folder, "rm -rf store dist");
    let peak = shell::peak(&folder, "$PANNIER prepare --locked --quiet");
    table::target("peak memory in MiB", peak, peak <= 64.0, "at most 64");
    println!();
    std::fs::remove_dir_all(folder).unwrap();
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
