//! When a lock is still fresh, and what is said when it is not.

use std::io;
use std::path::Path;

use crate::Environment;
use crate::tests::{Case, EXAMPLE};
use pannier_core::request::digest::{Parts, changes, whole};

fn parts_with(case: Case, project: &'static str) -> Parts {
    let read = move |path: &Path| match path.to_str() {
        Some("packages/local-tool/pyproject.toml") => Ok(project.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    case.run().unwrap().request.parts(&read).unwrap()
}

fn parts(text: &str) -> Parts {
    parts_with(Case::file(text), "[project]")
}

fn changed(from: &str, to: &str) -> Vec<String> {
    let text = EXAMPLE.replace(from, to);
    assert_ne!(text, EXAMPLE, "{from}");
    changes(&parts(EXAMPLE), &parts(&text))
}

#[test]
fn each_change_is_named() {
    let one = |words: &str| vec![words.to_owned()];
    assert_eq!(
        changed("requests>=2.31", "requests>=2.32"),
        one("requirements of image builder changed")
    );
    assert_eq!(
        changed("python: 3.10", "python: 3.11"),
        one("image builder changed")
    );
    assert_eq!(
        changed("other/lib@v2", "other/lib@v3"),
        one("packages of image builder changed")
    );
    assert_eq!(
        changed("data: [job-data,", "data: [job-data2,"),
        one("data of image builder changed")
    );
    assert_eq!(
        changed("  small:", "  tiny:"),
        ["image small removed", "image tiny added"]
    );
    assert_eq!(
        changed("git_base:", "submodules: follow\ngit_base:"),
        one("submodules changed")
    );
    assert_eq!(
        changed(
            "git_base:",
            "index: {url: https://x.example.org}\ngit_base:"
        ),
        one("index changed")
    );
    let edited = parts_with(Case::file(EXAMPLE), "[project]\nname = 'x'");
    assert_eq!(
        changes(&parts(EXAMPLE), &edited),
        one("packaging files in packages/local-tool changed")
    );
}

#[test]
fn what_cannot_change_a_lock_changes_no_digest() {
    for (from, to) in [
        (
            "interpreter: /usr/bin/python3.10",
            "interpreter: /opt/python",
        ),
        ("image: registry.example.com", "image: other.example.com"),
        ("PyYAML]", "pyyaml]  # why"),
        (
            "[\"requests>=2.31\", PyYAML]",
            "[PyYAML, 'requests >= 2.31']",
        ),
        ("- job-tools\n", "- job-tools@production\n"),
        ("git_base: https://", "git_base: https://u:token@"),
        ("git_base:", "output: elsewhere\ngit_base:"),
    ] {
        assert_eq!(changed(from, to), Vec::<String>::new(), "{from} → {to}");
    }
    let environment = Environment::from([("PANNIER_TOKEN", "t"), ("PANNIER_STORE", "/s")]);
    let other = parts_with(
        Case {
            environment,
            ..Case::file(EXAMPLE)
        },
        "[project]",
    );
    assert_eq!(whole(&other), whole(&parts(EXAMPLE)));
}

#[test]
fn constraints_count_without_comments_and_order() {
    let with = |constraints| {
        let text = format!("constraints: c.txt\n{EXAMPLE}");
        let files = vec![("c.txt", constraints)];
        parts_with(
            Case {
                files,
                ..Case::file(&text)
            },
            "",
        )
    };
    assert_eq!(with("six==1\nabc<2 # why"), with("\nabc <2\nsix == 1\n"));
    assert_eq!(
        changes(&with("six==1"), &with("six==2")),
        ["constraints changed"]
    );
}

#[test]
fn names_of_images_do_not_collide_with_those_of_lists() {
    let image = "python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p";
    let text = format!("images: {{a: {{{image}, requirements: [six]}}, a.packages: {{{image}}}}}");
    assert_eq!(parts(&text).len(), 3 + 2 * 4);
}
