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
