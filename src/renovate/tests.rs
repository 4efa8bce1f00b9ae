//! The printed configuration, and what the check finds missing in others.

use std::collections::BTreeSet;

use super::*;
use crate::name::PackageName;

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn flow() -> Flow {
    Flow {
        constraints: CONSTRAINTS.to_owned(),
        converted: "constraints/constraints.yml".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        uv_pins: vec!["src/uv/fetch.rs".to_owned()],
        groups: Some(vec![Group(vec![name("pydantic"), name("pydantic-core")])]),
    }
}

fn rules(text: &str, flow: &Flow) -> Vec<String> {
    let checked = check(text, flow).unwrap();
    checked
        .findings
        .iter()
        .map(|finding| finding.rule.to_string())
        .collect()
}

/// The printed configuration with one key set to something else, or taken out.
fn with(key: &str, value: Option<serde_json::Value>) -> String {
    let mut config: serde_json::Value = serde_json::from_str(&render(&flow())).unwrap();
    let object = config.as_object_mut().unwrap();
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.remove(key),
    };
    config.to_string()
}

#[test]
fn what_is_printed() {
    insta::assert_snapshot!(render(&flow()));
}

#[test]
fn what_is_printed_passes_the_check() {
    for constraints in [
        CONSTRAINTS,
        "constraints.txt",
        "tests/pins/constraints.txt",
        "a b/it's.txt",
    ] {
        let mut flow = flow();
        flow.constraints = constraints.to_owned();
        flow.converted = Flow::converted_beside(constraints);
        assert_eq!(rules(&render(&flow), &flow), [""; 0], "{constraints}");
    }
}

#[test]
fn an_empty_configuration_lacks_everything_but_the_manager() {
    let expected = [
        "constraints-file",
        "weekends",
        "timezone",
        "dashboard",
        "update-not-scheduled",
        "converter",
        "together",
        "uv",
    ];
    assert_eq!(rules("{}", &flow()), expected);
    let checked = check(r#"{"extends": ["config:recommended"]}"#, &flow()).unwrap();
    insta::assert_yaml_snapshot!(checked);
}

#[test]
fn each_rule_notices_what_it_is_for() {
    use serde_json::json;
    let wrong = [
        ("enabledManagers", Some(json!(["custom.regex"])), "manager"),
        ("pip_requirements", None, "constraints-file"),
        (
            "pip_requirements",
            Some(json!({"managerFilePatterns": ["/requirements\\.txt$/"]})),
            "constraints-file",
        ),
        ("ignorePaths", Some(json!(["constraints"])), "ignored-path"),
        ("ignorePaths", Some(json!(["**/*.txt"])), "ignored-path"),
        ("schedule", Some(json!(["* * * * 1-5"])), "weekends"),
        (
            "schedule",
            Some(json!(["* * * * 0,6", "* 0-4 * * 1"])),
            "weekends",
        ),
        ("timezone", None, "timezone"),
        ("dependencyDashboard", Some(json!(false)), "dashboard"),
        ("updateNotScheduled", None, "update-not-scheduled"),
        ("customManagers", None, "uv"),
    ];
    for (key, value, rule) in wrong {
        assert_eq!(
            rules(&with(key, value.clone()), &flow()),
            [rule],
            "{key}: {value:?}"
        );
    }
    assert_eq!(
        rules(&with("packageRules", None), &flow()),
        ["converter", "together"]
    );
}

#[test]
fn other_ways_of_saying_the_same_pass() {
    use serde_json::json;
    let right = [
        ("schedule", json!("every weekend")),
        ("schedule", json!(["* * * * 6,0"])),
        ("schedule", json!(["* 5-9 * * sat", "on sunday"])),
        ("schedule", json!(["after 6am and before 8pm on saturday"])),
        (
            "pip_requirements",
            json!({"managerFilePatterns": ["**/constraints.txt"]}),
        ),
        (
            "pip_requirements",
            json!({"managerFilePatterns": ["constraints/*.txt"]}),
        ),
        (
            "pip_requirements",
            json!({"fileMatch": ["constraints\\.txt$"]}),
        ),
    ];
    for (key, value) in right {
        assert_eq!(
            rules(&with(key, Some(value.clone())), &flow()),
            [""; 0],
            "{key}: {value}"
        );
    }
}

#[test]
fn a_file_below_an_examples_folder_needs_ignore_paths_of_its_own() {
    let mut flow = flow();
    flow.constraints = "examples/constraints.txt".to_owned();
    flow.converted = "examples/constraints.yml".to_owned();
    let without = render(&flow).replace("\"ignorePaths\"", "\"hidden\"");
    assert_eq!(rules(&without, &flow), ["ignored-path"]);
}

#[test]
fn without_a_lock_the_groups_are_not_judged() {
    let flow = Flow {
        groups: None,
        ..flow()
    };
    let checked = check(&render(&flow), &flow).unwrap();
    assert_eq!(checked.findings, []);
    assert_eq!(checked.not_judged.len(), 1);
}

#[test]
fn the_administrator_allows_exactly_the_command() {
    let mut flow = flow();
    assert_eq!(
        flow.allowed_commands(),
        r#""allowedCommands": ["^pannier constraints convert$"]"#
    );
    flow.constraints = "pins.txt".to_owned();
    flow.converted = "ci/pins.yml".to_owned();
    assert_eq!(
        flow.allowed_commands(),
        r#""allowedCommands": ["^pannier constraints convert pins\\.txt -o ci/pins\\.yml$"]"#
    );
}

#[test]
fn what_is_no_configuration_is_said() {
    assert!(matches!(
        check("// x\n{}", &flow()),
        Err(ReadError::Json(_))
    ));
    assert!(matches!(check("[]", &flow()), Err(ReadError::NoObject)));
}

#[test]
fn exact_needs_tie_packages_together() {
    let held: BTreeSet<PackageName> = ["a", "b", "c", "d", "e", "f"].map(name).into();
    let needs = |package: &str, lines: &[&str]| Needs {
        package: name(package),
        requirements: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    let all = [
        needs("a", &["b==1.0", "unheld==2", "not a requirement!"]),
        needs("c", &["D ===4 ; python_version < '3.13'", "e>=1,<2"]),
        needs("f", &["e==1 ; extra == 'all'"]),
        needs("x", &["a==1"]),
        needs("d", &["b == 1.0"]),
    ];
    let found = groups(&held, &all);
    assert_eq!(found, [Group(["a", "b", "c", "d"].map(name).to_vec())]);
    assert_eq!(groups(&held, &all[2..4]), []);
}
