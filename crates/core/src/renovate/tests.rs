//! The printed configuration, and what the check finds missing in others.

use std::collections::BTreeSet;

use super::*;
use pannier_base::name::PackageName;

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn flow() -> Flow {
    Flow {
        constraints: CONSTRAINTS.to_owned(),
        converted: "constraints/constraints.yml".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        uv_pins: vec!["src/uv/fetch.rs".to_owned()],
        groups: vec![Group(vec![name("pydantic"), name("pydantic-core")])],
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
fn a_recommended_configuration_lacks_file_and_converter() {
    let checked = check(r#"{"extends": ["config:recommended"]}"#, &flow()).unwrap();
    insta::assert_yaml_snapshot!(checked);
}

#[test]
fn each_rule_finds_its_problem() {
    use serde_json::json;
    let tasks = |command: &str, file: &str, manager: &str| {
        Some(json!([{
            "matchManagers": [manager],
            "postUpgradeTasks": {"commands": [command], "fileFilters": [file]},
        }]))
    };
    let (command, file) = ("pannier constraints convert", "constraints/constraints.yml");
    let wrong = [
        ("enabled", Some(json!(false)), "manager"),
        ("enabledManagers", Some(json!(["custom.regex"])), "manager"),
        ("pip_requirements", None, "constraints-file"),
        (
            "pip_requirements",
            Some(json!({"managerFilePatterns": ["/requirements\\.txt$/"]})),
            "constraints-file",
        ),
        ("packageRules", None, "converter"),
        (
            "packageRules",
            tasks("make", file, "pip_requirements"),
            "converter",
        ),
        (
            "packageRules",
            tasks(command, "*.yml", "pip_requirements"),
            "converter",
        ),
        ("packageRules", tasks(command, file, "npm"), "converter"),
    ];
    for (key, value, rule) in wrong {
        assert_eq!(
            rules(&with(key, value.clone()), &flow()),
            [rule],
            "{key}: {value:?}"
        );
    }
}

#[test]
fn other_spellings_pass() {
    use serde_json::json;
    let patterns = |pattern: &str| json!({"managerFilePatterns": [pattern]});
    let tasks = json!({"commands": ["pannier constraints convert"], "fileFilters": ["**/*.yml"]});
    let right = [
        ("pip_requirements", patterns("**/constraints.txt")),
        ("pip_requirements", patterns("constraints/*.txt")),
        (
            "pip_requirements",
            patterns("/(^|/)CONSTRAINTS[^/]*\\.txt$/i"),
        ),
        ("packageRules", json!([{"postUpgradeTasks": tasks}])),
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
