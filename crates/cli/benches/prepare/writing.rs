//! One tarball: `pannier prepare` with everything in the store, beside what makes the same tree without it.

use std::time::Duration;

use crate::set::Set;
use crate::{shell, table};

/// A way to a tarball: its name, how often it is run, the script, and the file that it makes.
struct Way {
    name: &'static str,
    runs: usize,
    script: &'static str,
    makes: &'static str,
}

const PANNIER: &str = "\"$PANNIER\" prepare --locked --quiet";
const COPY: &str = "cat wheels/*.whl >out; sha256sum out >out.sha256";
const BEFORE: &str = "rm -rf venv out out.sha256 dist";
const UV: &str = "uv venv -q -p 3.11 venv; uv pip install -q --offline --no-index --find-links wheels -p venv/bin/python --no-deps -r pins.txt";

/// The fast ways, which take turns.
const FAST: [Way; 4] = [
    Way {
        name: "`pannier prepare`",
        runs: 7,
        script: PANNIER,
        makes: "dist/image0.tar.gz",
    },
    Way {
        name: "`pannier prepare --compression zstd`",
        runs: 7,
        script: "\"$PANNIER\" prepare --locked --quiet --compression zstd",
        makes: "dist/image0.tar.zst",
    },
    Way {
        name: "`cat` of the wheels",
        runs: 7,
        script: "cat wheels/*.whl >out",
        makes: "out",
    },
    Way {
        name: "`cat` of the wheels, `sha256sum` of the copy",
        runs: 7,
        script: COPY,
        makes: "out",
    },
];

pub fn measure(set: &Set) {
    let folder = &set.folder;
    println!("{}.\n", set.described());
    // Frames are made once per wheel; that is not what a warm store means.
    set.run(&format!(
        "{BEFORE}; \"$PANNIER\" prepare --locked --quiet --compression zstd"
    ));
    let times = shell::best_of_each(
        folder,
        FAST[0].runs,
        BEFORE,
        FAST.each_ref().map(|way| way.script),
    );
    let mut rows: Vec<(&str, Duration, f64)> = Vec::new();
    for (way, time) in FAST.iter().zip(times) {
        set.run(&format!("{BEFORE}; {}", way.script));
        rows.push((way.name, time, shell::size(&folder.join(way.makes))));
    }
    for way in slow(set) {
        let script = way.script.replace("$UV", UV);
        let time = shell::best(folder, way.runs, BEFORE, &script);
        rows.push((way.name, time, shell::size(&folder.join(way.makes))));
    }
    let ours = rows[0].1.as_secs_f64();
    let cells = rows.iter().map(|(name, time, megabytes)| {
        let seconds = time.as_secs_f64();
        let size = if *megabytes > 0.0 {
            format!("{megabytes:.1}")
        } else {
            String::new()
        };
        vec![
            (*name).to_owned(),
            format!("{seconds:.2}"),
            size,
            format!("{:.1}", seconds / ours),
        ]
    });
    table::print(
        &["way", "seconds", "MB", "times Pannier's"],
        &cells.collect::<Vec<_>>(),
    );
    targets(set, &rows);
    set.run(BEFORE);
}

/// The ways that are not run more often than they must.
fn slow(set: &Set) -> Vec<Way> {
    let runs = if set.megabytes() > 300.0 { 1 } else { 2 };
    let mut ways = vec![
        Way {
            name: "`uv venv` + `uv pip install`, no tarball",
            runs: 3,
            script: "$UV; : >out",
            makes: "out",
        },
        Way {
            name: "`uv venv` + `uv pip install` + `tar` + `zstd -T0`",
            runs: 3,
            script: "$UV; tar cf - venv | zstd -q -T0 >out",
            makes: "out",
        },
        Way {
            name: "`uv venv` + `uv pip install` + `tar` + `pigz`",
            runs,
            script: "$UV; tar cf - venv | pigz >out",
            makes: "out",
        },
    ];
    if set.megabytes() < 300.0 {
        ways.push(Way {
            name: "`venv` + `pip install` + `tar czf`",
            runs: 1,
            script: "python3.11 -m venv venv; venv/bin/pip install -q --no-index --find-links wheels --no-deps -r pins.txt; tar czf out venv",
            makes: "out",
        });
    }
    ways.push(Way {
        name: "`uv venv` + `uv pip install` + `tar czf`",
        runs,
        script: "$UV; tar czf out venv",
        makes: "out",
    });
    ways
}

fn targets(set: &Set, rows: &[(&str, Duration, f64)]) {
    let of = |part: &str| rows.iter().find(|(name, ..)| name.ends_with(part)).unwrap();
    let (_, ours, size) = rows[0];
    let times = |part: &str| of(part).1.as_secs_f64() / ours.as_secs_f64();
    let copy = 1.0 / times("of the copy");
    table::target(
        "time against `cat` + `sha256sum`",
        copy,
        copy <= 0.6,
        "at most 0.6",
    );
    let gzip = times("+ `uv pip install` + `tar czf`");
    table::target(
        "times faster than `uv` + `tar czf`",
        gzip,
        gzip >= 50.0,
        "at least 50",
    );
    let zstd = times("`zstd -T0`");
    table::target(
        "times faster than `uv` + `tar | zstd -T0`",
        zstd,
        zstd >= 8.0,
        "at least 8",
    );
    let larger = size / of("+ `uv pip install` + `tar czf`").2;
    table::target(
        "size against `tar czf`",
        larger,
        larger <= 1.05,
        "at most 1.05",
    );
    let peak = shell::peak(&set.folder, "$PANNIER prepare --locked --quiet");
    table::target("peak memory in MiB", peak, peak <= 64.0, "at most 64");
    println!();
}
