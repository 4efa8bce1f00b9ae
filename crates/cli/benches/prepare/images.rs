//! Ten images with the same wheels beside a single one.

use crate::set::{Set, images};
use crate::{shell, table};

const ONE: &str = "\"$PANNIER\" prepare --locked --quiet --image image0";
const TEN: &str = "\"$PANNIER\" prepare --locked --quiet";

pub fn measure(set: &Set) {
    let folder = set.folder.join("ten");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let store = set.folder.join("store");
    let one = std::fs::read_to_string(set.folder.join("pannier.yml")).unwrap();
    let (requirements, _) = one.split_once("images:").unwrap();
    std::fs::write(
        folder.join("pannier.yml"),
        format!("{requirements}{}", images(10)),
    )
    .unwrap();
    std::os::unix::fs::symlink(store, folder.join("store")).unwrap();
    // The versions of the set, without a look at the index.
    std::fs::copy(set.folder.join("pins.txt"), folder.join("constraints.txt")).unwrap();
    shell::run(
        &folder,
        "echo 'constraints: constraints.txt' >>pannier.yml; \"$PANNIER\" lock --quiet; \"$PANNIER\" prepare --quiet --locked",
    );
    let [single, ten] = shell::best_of_each(&folder, 5, "rm -rf dist", [ONE, TEN]);
    let peak = shell::peak(&folder, "$PANNIER prepare --locked --quiet");
    println!("{}, ten images in one Python.\n", set.described());
    let row = |name: &str, time: std::time::Duration| {
        let seconds = time.as_secs_f64();
        vec![
            name.to_owned(),
            format!("{seconds:.2}"),
            format!("{:.1}", seconds / single.as_secs_f64()),
        ]
    };
    table::print(
        &["images", "seconds", "times a single one"],
        &[row("one", single), row("ten", ten)],
    );
    let ratio = ten.as_secs_f64() / single.as_secs_f64();
    table::target(
        "ten images in single ones",
        ratio,
        ratio < 6.0,
        "less than 6",
    );
    table::target("peak memory in MiB", peak, peak <= 64.0, "at most 64");
    println!();
    std::fs::remove_dir_all(folder).unwrap();
}
