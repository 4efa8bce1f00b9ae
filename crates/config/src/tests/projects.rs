//! The forms of projects.

use proptest::prelude::*;

use crate::project::{GitBase, ProjectSpec};
use pannier_core::request::ProjectSource;

fn base() -> GitBase {
    GitBase::new("https://git.example.org/group/".parse().unwrap(), None)
}

fn shown(text: &str) -> String {
    let spec: ProjectSpec = text.parse().expect(text);
    let extras: Vec<_> = spec.extras.iter().map(ToString::to_string).collect();
    let source = match spec.source(Some(&base()), "production").expect(text) {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => format!(
            "{repository} {revision} {}",
            subdirectory.unwrap_or_default()
        ),
        ProjectSource::Directory { path } => path.display().to_string(),
    };
    let name = spec.name.map(|name| name.to_string()).unwrap_or_default();
    format!("{text} → {name}[{}] {source}", extras.join(","))
}

#[test]
fn all_forms() {
    let forms = [
        "job-tools",
        "job-tools.git",
        "job-tools@v1",
        "other/lib@v2",
        "a/b/c@feature/x#subdirectory=py",
        "job-report[html]@v1",
        "Job_Report[b,a] @ git+https://h.example.org/x/job.git@main#subdirectory=py",
        "job@git+https://h.example.org/x/job.git",
        "git+https://u:secret@h.example.org/x/job.git@v1",
        "https://h.example.org/x/job.git@feature/y",
        "git+file:///srv/git/job.git",
        "./packages/local-tool/",
        "../sibling",
        "/srv/tool",
        ".",
        "tool[x] @ ./packages/tool",
        "tool @ job-tools@v3",
    ];
    insta::assert_snapshot!(forms.map(shown).join("\n"));
}

#[test]
fn what_is_no_project_says_why() {
    let message = |text: &str| text.parse::<ProjectSpec>().expect_err(text).to_string();
    let wrong = [
        "",
        "a b",
        "-rf",
        "a//b",
        "a/../b",
        "job@",
        "job@--upload-pack=x",
        "job@a..b",
        "job[x",
        "job[é]",
        "_ @ ./x",
        "job @ ",
        "git@h.example.org:x.git",
        "git+ssh://git@h.example.org/x",
        "https://u:secret@h.example.org/a-1.0.whl",
        "https://u:secret@h.example.org/",
        "file:///srv/x",
        "job#branch=x",
        "ftp://u:secret@h.example.org/x",
    ];
    let report = wrong.map(message).join("\n");
    assert!(!report.contains("secret"));
    insta::assert_snapshot!(report);
}

#[test]
fn a_mistyped_scheme_does_not_show_the_password() {
    for text in [
        "htt(s://bot:s3cr3t@h/x.git",
        "hxxps://bot:s3cr3t@h/x.git@main",
    ] {
        let error = text.parse::<ProjectSpec>().expect_err(text).to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_server_below_a_path_keeps_its_path() {
    let server = "https://example.org/gitlab".parse().unwrap();
    let base = GitBase::new(
        "https://example.org/gitlab/team".parse().unwrap(),
        Some(&server),
    );
    let spec: ProjectSpec = "other/lib".parse().unwrap();
    let ProjectSource::Git { repository, .. } = spec.source(Some(&base), "main").unwrap() else {
        panic!("not a folder");
    };
    assert_eq!(
        repository.to_string(),
        "https://example.org/gitlab/other/lib.git"
    );
}

#[test]
fn data_is_called_after_the_last_component() {
    for (text, name) in [
        ("job-data", "job-data"),
        ("a/tables.git@v1", "tables"),
        ("git+https://h.example.org/x/tables.git/@v1", "tables"),
        ("./data/tables", "tables"),
    ] {
        let spec: ProjectSpec = text.parse().expect(text);
        assert_eq!(spec.last_component(), name, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        if let Ok(spec) = text.parse::<ProjectSpec>() {
            let _ = spec.source(Some(&base()), "production");
            let _ = spec.last_component();
        }
    }

    #[test]
    fn no_nearly_right_text_makes_it_panic(
        text in "(a|b-c|/|@|\\[|\\]|,| |#subdirectory=|git\\+|https://|h.example.org|\\.\\./|\\./|\\.git|é|%|%2|:){0,9}"
    ) {
        if let Ok(spec) = text.parse::<ProjectSpec>() {
            if let Ok(ProjectSource::Git { repository, .. }) = spec.source(Some(&base()), "production") {
                prop_assert!(!repository.expose().path().contains("/../"));
            }
            let _ = spec.last_component();
        }
    }
}
