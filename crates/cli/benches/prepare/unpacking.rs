//! `pannier unpack` of our tarball beside GNU tar on an ordinary tarball of the same tree, on all cores and on one.
//!
//! Every run unpacks into a new folder, as a job does, and none is removed before all is measured: ext4 without a journal passes
//! over what was deleted within the last minutes whenever it makes a file, which after some removed trees is all that it does.

use crate::set::Set;
use crate::{shell, table};

const BEFORE: &str =
    "mkdir -p done; if test -e tree; then mv tree done/$(ls done | wc -l); fi; mkdir tree";
const OURS: &str = "\"$PANNIER\" unpack --quiet ours.tar.gz --to tree";

/// The usual set in all ways and several times; the large one once in the two ways that matter, because of the space it takes.
pub fn measure_all() {
    let sets = [(Set::large(), 1), (Set::usual(), 4)];
    for (set, _) in &sets {
        set.run(
            "\"$PANNIER\" prepare --locked --quiet; mv dist/image0.tar.gz ours.tar.gz; rm -rf dist
             mkdir -p done/plain; tar xzf ours.tar.gz -C done/plain; tar czf ordinary.tar.gz -C done/plain .",
        );
    }
    for (set, runs) in &sets {
        measure(set, *runs);
    }
    for (set, _) in &sets {
        set.run("rm -rf tree done ours.tar.gz ordinary.tar.gz");
    }
}

fn measure(set: &Set, runs: usize) {
    let folder = &set.folder;
    println!("{}.\n", set.described());
    let mut ways = vec![
        ("`pannier unpack`", OURS.to_owned()),
        (
            "`tar xzf` of an ordinary tarball",
            "tar xzf ordinary.tar.gz -C tree".to_owned(),
        ),
    ];
    let more = [
        (
            "`pannier unpack --verify DIGEST`",
            format!("{OURS} --verify $(sha256sum <ours.tar.gz | cut -c-64)"),
        ),
        (
            "`tar xzf` of Pannier's tarball",
            "tar xzf ours.tar.gz -C tree".to_owned(),
        ),
        (
            "`pigz -dc` of an ordinary tarball, `tar xf -`",
            "pigz -dc ordinary.tar.gz | tar xf - -C tree".to_owned(),
        ),
    ];
    if runs > 1 {
        ways.extend(more);
    }
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    for pinned in [false, true] {
        let scripts = ways.iter().map(|(_, script)| match pinned {
            true => format!("taskset --cpu-list 0 bash -euo pipefail -c '{script}'"),
            false => script.clone(),
        });
        let scripts: Vec<String> = scripts.collect();
        let times = shell::best_of(folder, runs, BEFORE, &scripts);
        let ours = times[0].as_secs_f64();
        ratios.push(times[1].as_secs_f64() / ours);
        for ((name, _), time) in ways.iter().zip(times) {
            let seconds = time.as_secs_f64();
            let cores = if pinned { "one" } else { "all" };
            rows.push(vec![
                (*name).to_owned(),
                cores.to_owned(),
                format!("{seconds:.2}"),
                format!("{:.1}", seconds / ours),
            ]);
        }
    }
    table::print(&["way", "cores", "seconds", "times Pannier's"], &rows);
    table::target(
        "times faster than `tar xzf` on all cores",
        ratios[0],
        ratios[0] >= 2.0,
        "at least 2",
    );
    table::target(
        "times faster than `tar xzf` on one core",
        ratios[1],
        ratios[1] >= 1.0,
        "at least 1",
    );
    set.run(BEFORE);
    let peak = shell::peak(folder, "$PANNIER unpack --quiet ours.tar.gz --to tree");
    table::target("peak memory in MiB", peak, peak <= 64.0, "at most 64");
    println!();
}
