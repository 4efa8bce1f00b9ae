//! Where the release log is: each way to say it, and what is refused.

use crate::tests::{Case, EXAMPLE};
use crate::{Environment, Flags, LogSettings};

fn settings(file: &str, variable: &str, flag: Option<&str>) -> Result<LogSettings, String> {
    Case {
        environment: Environment::from([("PANNIER_RELEASES", variable)]),
        flags: Flags {
            book: flag.map(str::to_owned),
            ..Flags::default()
        },
        ..Case::file(file)
    }
    .book()
}

fn place(file: &str, variable: &str, flag: Option<&str>) -> Option<String> {
    let found = settings(file, variable, flag).unwrap().place?;
    let repository = found.value.repository.without_credentials();
    let branch = found.value.branch;
    Some(format!("{repository} {branch} ({})", found.origin))
}

const BASE: &str = "git_base: https://git.example.org/team\n";

#[test]
fn flag_beats_variable_beats_file() {
    assert_eq!(place(BASE, "", None), None);
    let file = format!("{BASE}releases: {{repository: book, branch: kept}}\n");
    let places = [
        place(&file, "", None),
        place(&file, "other/book", None),
        place(&file, "other/book", Some("third@b")),
        place(&file.replace(", branch: kept", ""), "", None),
    ];
    assert_eq!(
        places.map(Option::unwrap),
        [
            "https://git.example.org/team/book.git kept (pannier.yml: releases)",
            "https://git.example.org/other/book.git pannier/releases (PANNIER_RELEASES)",
            "https://git.example.org/team/third.git b (--release-log)",
            "https://git.example.org/team/book.git pannier/releases (pannier.yml: releases)",
        ]
    );
}

#[test]
fn what_is_no_branch_of_a_repository_is_refused() {
    for (book, word) in [
        ("./folder", "a repository"),
        ("book[x]", "without extras"),
        ("book@refs/heads/x", "the name of a branch"),
        (
            "git+https://git.example.org/b.git#subdirectory=x",
            "a repository",
        ),
        ("a b c", "--release-log"),
    ] {
        let said = settings(BASE, "", Some(book)).unwrap_err();
        assert!(said.contains(word), "{book}: {said}");
    }
    let said = settings("", "", Some("book")).unwrap_err();
    assert!(said.contains("git_base"), "{said}");
}

#[test]
fn its_credentials_are_known_and_not_shown() {
    let book = "https://bot:s3cret@git.example.org/book.git";
    let found = settings("", book, None).unwrap();
    let url = "https://git.example.org/book.git".parse().unwrap();
    let known = found.credentials.find(&url).unwrap();
    assert_eq!(
        (known.user.as_str(), known.password.as_str()),
        ("bot", "s3cret")
    );
    assert!(!format!("{found:?}").contains("s3cret"));
    let environment = Environment::from([("PANNIER_RELEASES", book)]);
    let case = Case {
        environment,
        ..Case::file(EXAMPLE)
    };
    let table = case.table();
    let row = table
        .lines()
        .find(|line| line.starts_with("releases"))
        .unwrap();
    assert!(
        row.contains("git.example.org/book.git@pannier/releases"),
        "{row}"
    );
    assert!(!table.contains("s3cret"));
}
