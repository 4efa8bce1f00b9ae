//! The pages that are generated from the types of `pannier.yml` are those of the repository.
//!
//! `PANNIER_BLESS=1 cargo test -p pannier-config` regenerates them.

use std::path::Path;

use pannier_config::schema;

fn check(path: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("PANNIER_BLESS").is_some() {
        std::fs::write(&file, generated).expect("docs/ can be written");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == generated,
        "{path} is not what the types say; run `PANNIER_BLESS=1 cargo test -p pannier-config`"
    );
}

#[test]
fn the_json_schema_is_that_of_the_types() {
    check("docs/pannier.schema.json", &schema::json_schema());
}

#[test]
fn the_reference_page_is_that_of_the_types() {
    check("docs/pannier.yml.md", &schema::reference());
}

#[test]
fn every_key_has_a_meaning() {
    for row in schema::reference()
        .lines()
        .filter(|line| line.starts_with("| `"))
    {
        assert!(!row.ends_with("|  |"), "{row}");
    }
}
