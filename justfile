# What CI runs, and parts that are useful on their own. `just` lists them.

_list:
    @just --list

# Everything that CI checks
ci:
    .ci/run

# Format, lints, and the tests that need only Rust, git and Python 3.11
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test --workspace

# The example: three images from two packages, an index and a data folder
quickstart:
    cargo run --release -- prepare --config examples/quickstart/pannier.yml

# Pannier compared with other methods, as Markdown tables; parts: write large images cold unpack
bench *parts:
    cargo bench --bench prepare -- {{parts}}

# The 200 most downloaded packages: prepared, unpacked, imported, compared byte for byte with uv's install
popular:
    cargo bench --bench popular

# Fuzz one parser of untrusted bytes (`cargo fuzz list`) for some seconds; needs `cargo install cargo-fuzz --locked`
fuzz target seconds="60":
    # The dependencies are those of the release.
    cp Cargo.lock fuzz/Cargo.lock
    mkdir -p fuzz/found/{{target}} fuzz/corpus/{{target}}
    fuzz/seeds.py fuzz/found/{{target}} {{target}}
    # libgit2's HTTP parser defines one of its tables twice, which the sanitizer reports as an error.
    RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_odr_violation=0 cargo fuzz run {{target}} fuzz/found/{{target}} fuzz/corpus/{{target}} -- -max_total_time={{seconds}} -rss_limit_mb=4096 -timeout=20

# Replace a target's corpus with the twelve inputs of up to 2 KiB that cover most of what was reached so far
fuzz-keep target:
    rm -rf fuzz/found/merged fuzz/found/log && mkdir -p fuzz/found/merged fuzz/found/{{target}} fuzz/corpus/{{target}}
    find fuzz/found/{{target}} -type f -size +4 -delete
    RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_odr_violation=0 cargo fuzz run {{target}} fuzz/found/merged fuzz/found/{{target}} fuzz/corpus/{{target}} -- -merge=1 -use_counters=0 -merge_control_file=fuzz/found/log
    fuzz/keep.py fuzz/found/log fuzz/found/{{target}}.kept 12
    rm -rf fuzz/corpus/{{target}} && mv fuzz/found/{{target}}.kept fuzz/corpus/{{target}}
