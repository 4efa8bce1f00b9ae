//! `pannier.yml` as a text: what is refused, and where the report points.

use std::path::Path;

use proptest::prelude::*;

use crate::file::ConfigFile;
use crate::tests::EXAMPLE;
use pannier_core::constraints::RuleSettings;

fn parse(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse(text, Path::new("ci/pannier.yml")).map_err(|error| match &error.help {
        Some(help) => format!("{error}\n  help: {help}"),
        None => error.to_string(),
    })
}

#[test]
fn the_example_is_taken() {
    let file = parse(EXAMPLE).unwrap();
    assert_eq!(file.images.len(), 2);
    let builder = &file.images[&"builder".parse().unwrap()];
    // `python: 3.10` without quotes is a number in YAML, and must not become 3.1.
    assert_eq!(builder.python.as_ref().unwrap().0.to_string(), "3.10");
}

#[test]
fn a_file_that_says_nothing_is_taken() {
    for text in ["", "\u{feff}", "# later\n\n", "---\n", "images:\n", "{}"] {
        assert_eq!(parse(text), Ok(ConfigFile::default()), "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases = [
        "git_bse: https://example.org\n",
        "zebra: 1\n",
        "branch: main\nimages:\n  a:\n    pyton: '3.13'\n",
        "index:\n  urls: []\n",
        "submodules: folow\n",
        "packages: job-tools\n",
        "packages:\n  - ok\n  - 'not ok'\n",
        "images:\n  a/b: {}\n",
        "images:\n  a: {}\n  b: {}\n  a: {}\n",
        "images:\n  a:\n    python: 3.7\n",
        "images:\n  a:\n    platform: linux/arm64\n",
        "requirements:\n  - requests>=2\n  - requests=2\n",
        "requirements: [-e .]\n",
        "requirements: ['job @ git+https://u:secret@example.org/job.git']\n",
        "index: https://u:secret@example.org/simple\n",
        "index:\n  url: ssh://u:secret@example.org/simple\n",
        "build:\n  environment: [CC, CI_JOB_TOKEN]\n",
        "build:\n  environment: [UV_INDEX]\n",
        "build:\n  environment: ['A=b']\n",
        "branch: a\nbranch: b\n",
        "branch: [a\n",
        "a\n",
        "branch: a\n---\nbranch: b\n",
    ];
    let report = cases.map(|text| parse(text).expect_err(text)).join("\n");
    assert!(!report.contains("secret"), "{report}");
    insta::assert_snapshot!(report);
}

#[test]
fn earlier_names_of_lint_rules_are_accepted() {
    let old = "constraints_lint: {unheld: off, gone: warning, unusable: error, except: {unheld: [a], gone: [b], unusable: [c]}}\n";
    let new = "constraints_lint: {unconstrained: off, missing-from-index: warning, except: {unconstrained: [a], missing-from-index: [b]}}\n";
    let settings = |text| parse(text).unwrap().constraints_lint.unwrap().settings();
    assert_eq!(settings(old), settings(new));
    assert_ne!(settings(new), RuleSettings::default());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(images|packages|python|:|\n|  |- |\\[|\\]|\\{|\\}|'|\"|a|é|3.1|&a|\\*a|#|!|\\||-r){0,20}") {
        let _ = parse(&text);
    }
}
