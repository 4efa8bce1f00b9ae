//! `pannier unpack` of our tarball beside GNU tar on an ordinary tarball of the same tree, on all cores and on one.

use crate::set::Set;
use crate::{shell, table};

const BEFORE: &str = "rm -rf tree; mkdir tree";
const OURS: &str = "\"$PANNIER\" unpack --quiet ours.tar.gz --to tree";

pub fn measure(set: &Set) {
    let folder = &set.folder;
    set.run(
        "\"$PANNIER\" prepare --locked --quiet; mv dist/image0.tar.gz ours.tar.gz; rm -rf dist
         mkdir -p plain; tar xzf ours.tar.gz -C plain; tar czf ordinary.tar.gz -C plain .; rm -rf plain",
    );
    println!("{}.\n", set.described());
    let ways = [
        ("`pannier unpack`", OURS.to_owned()),
        (
            "`pannier unpack --verify DIGEST`",
            format!("{OURS} --verify $(sha256sum <ours.tar.gz | cut -c-64)"),
        ),
        (
            "`tar xzf` of an ordinary tarball",
            "tar xzf ordinary.tar.gz -C tree".to_owned(),
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
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    for pinned in [false, true] {
        let scripts = ways.each_ref().map(|(_, script)| match pinned {
            true => format!("taskset --cpu-list 0 bash -euo pipefail -c '{script}'"),
            false => script.clone(),
        });
        let times = shell::best_of_each(folder, 4, BEFORE, scripts.each_ref().map(String::as_str));
        let ours = times[0].as_secs_f64();
        ratios.push(times[2].as_secs_f64() / ours);
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
    set.run("rm -rf tree ours.tar.gz ordinary.tar.gz");
}
