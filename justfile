# What CI runs, and the parts of it that are worth running alone. `just` lists them.

_list:
    @just --list

# Everything that CI checks
ci:
    .ci/run

# Format, lints and the tests that need nothing but Rust, git and Python 3.11
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test

# The worked example: three images from two packages, an index and a data folder
quickstart:
    cargo run --release -- prepare --config examples/quickstart/pannier.yml

# Pannier beside venv + pip + tar and uv + tar, as a Markdown table
bench:
    cargo bench --bench prepare

# Fuzzes one parser of foreign bytes (`cargo fuzz list`) for some seconds; needs `cargo install cargo-fuzz --locked`
fuzz target seconds="60":
    # The dependencies are those of the release.
    cp Cargo.lock fuzz/Cargo.lock
    fuzz/seeds.py fuzz/corpus/{{target}} {{target}}
    # libgit2's HTTP parser defines one of its tables twice, which the sanitizer takes for a mistake of ours.
    RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_odr_violation=0 cargo fuzz run {{target}} -- -max_total_time={{seconds}} -rss_limit_mb=4096 -timeout=20
