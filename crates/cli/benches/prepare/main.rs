//! Pannier beside the ways it replaces, in one run on the same wheels: prints Markdown tables with ratios.
//!
//! `cargo bench --bench prepare` measures everything, `cargo bench --bench prepare -- write unpack` these parts. The wheels are
//! downloaded once, before any clock starts, to `PANNIER_BENCH_CACHE` (or the target folder). Wants `uv`, `pip`, `pigz`, `zstd`
//! and `curl`: from the folder `PANNIER_E2E_TOOLS`, else from PATH. Every way runs with warm caches and several times; the best
//! run counts, because what else the machine does only ever adds time. Compare ratios, not seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod cold;
mod images;
mod set;
mod shell;
mod table;
mod unpacking;
mod writing;

use set::Set;

/// A part of the benchmark: its name, what it measures, and how.
struct Part {
    name: &'static str,
    title: &'static str,
    run: fn(),
}

/// Unpacking comes first, because the others remove thousands of files.
const PARTS: [Part; 5] = [
    Part {
        name: "unpack",
        title: "Unpacking",
        run: unpacking::measure_all,
    },
    Part {
        name: "write",
        title: "Writing a tarball",
        run: || writing::measure(&Set::usual()),
    },
    Part {
        name: "large",
        title: "Writing a large tarball",
        run: || writing::measure(&Set::large()),
    },
    Part {
        name: "images",
        title: "Ten images with the same wheels",
        run: || images::measure(&Set::usual()),
    },
    Part {
        name: "cold",
        title: "With an empty store",
        run: || cold::measure(&Set::usual()),
    },
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benches too, with this flag missing.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<_> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| PARTS.iter().all(|part| part.name != **name))
    {
        let names = PARTS.map(|part| part.name).join(", ");
        eprintln!("there is no part `{unknown}`; the parts are {names}");
        std::process::exit(2);
    }
    println!("{}\n", shell::machine());
    for part in PARTS {
        if wanted.is_empty() || wanted.iter().any(|name| *name == part.name) {
            println!("## {}\n", part.title);
            (part.run)();
        }
    }
}
