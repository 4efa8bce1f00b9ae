//! Overrides from variables, flags and a file: who says what, what is refused, and what errors show.

use super::*;
use pannier_core::request::overrides::{Overrides, Unmatched};

const FILE: &str = "\
git_base: https://gitlab.example.com/platform
index: {url: \"https://index.example.org/simple\"}
packages: [job-tools]
images:
  builder: {python: \"3.13\", platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3}
";

fn case(variables: &[(&str, &str)], flags: &[&str]) -> Case {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Case {
        environment: Environment(environment.collect()),
        flags: Flags {
            overrides: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Flags::default()
        },
        ..Case::file(FILE)
    }
}

fn overrides(case: Case) -> Overrides {
    case.run().map_err(report).unwrap().request.overrides
}

/// `name value | origin | login`
fn lines(case: Case) -> Vec<String> {
    let list = overrides(case).list;
    let line = |one: &pannier_core::request::overrides::Override| {
        let login = one.asked_by.as_deref().unwrap_or("-");
        format!("{} {} | {} | {login}", one.name, one.value, one.origin)
    };
    list.iter().map(line).collect()
}

#[test]
fn variables_flags_and_a_file_say_them() {
    let mut case = case(
        &[
            (
                "job_tools_pip_url",
                "git+https://gitlab.example.com/me/job-tools.git@feature/a",
            ),
            (
                "JOB_DATA_PIP_URL",
                "https://gitlab.example.com/me/job-data/-/merge_requests/5",
            ),
            ("unset_pip_url", "  "),
            ("GITLAB_USER_LOGIN", "alice"),
        ],
        &["numpy==2.1", "click===8.1.7"],
    );
    case.flags.overrides_file = Some("o.yml".into());
    case.files = vec![(
        "o.yml",
        "overrides:\n  Job.Lib: https://gitlab.example.com/me/job-lib.git\n",
    )];
    assert_eq!(
        lines(case),
        [
            "click ==8.1.7 | --override | alice",
            "job-data git+https://gitlab.example.com/me/job-data.git@refs/merge-requests/5/head | JOB_DATA_PIP_URL | alice",
            "job-lib git+https://gitlab.example.com/me/job-lib.git@HEAD | o.yml: overrides.Job.Lib | alice",
            "job-tools git+https://gitlab.example.com/me/job-tools.git@feature/a | job_tools_pip_url | alice",
            "numpy ==2.1 | --override | alice",
        ]
    );
}

#[test]
fn nothing_is_said_unless_it_is() {
    assert_eq!(overrides(case(&[], &[])), Overrides::default());
    let strict = Case {
        flags: Flags {
            unmatched_overrides: Unmatched::Refuse,
            ..Flags::default()
        },
        ..case(&[], &[])
    };
    assert_eq!(overrides(strict).unmatched, Unmatched::Refuse);
}

#[test]
fn two_for_one_name_are_an_error() {
    let twice = [("job_tools_pip_url", "==1"), ("JOB_TOOLS_pip_url", "==1")];
    let said = case(&twice, &[]).error();
    assert!(
        said.contains("overridden twice") && said.contains("JOB_TOOLS_pip_url"),
        "{said}"
    );
    let said = case(&twice[..1], &["Job.Tools==1"]).error();
    assert!(
        said.contains("job_tools_pip_url") && said.contains("--override"),
        "{said}"
    );
    assert!(case(&[], &["a==1", "a==1"]).run().is_err());
}

#[test]
fn an_error_names_the_variable_and_not_its_secret() {
    for secret in [
        "git+https://bot:s3cr3t@gitlab.example.com/me/x.git",
        "s3cr3t",
        "https://gitlab.example.com/x.git?private_token=s3cr3t",
        "git+ssh://s3cr3t@h/x.git",
        "==s3cr3t",
        "https://gitlab.example.com/x.git@s3cr3t..x",
    ] {
        let said = case(&[("job_tools_pip_url", secret)], &[]).error();
        assert!(
            said.contains("job_tools_pip_url") && !said.contains("s3cr3t"),
            "{said}"
        );
        let said = case(&[], &[&format!("job-tools={secret}")]).error();
        assert!(
            said.contains("--override") && !said.contains("s3cr3t"),
            "{said}"
        );
    }
    let said = case(&[], &["s3cr3t"]).error();
    assert!(
        said.contains("NAME=VALUE") && !said.contains("s3cr3t"),
        "{said}"
    );
}

#[test]
fn the_default_allows_the_servers_that_are_used_anyway() {
    let check = |value: &str| case(&[("x_pip_url", value)], &[]).run().map(drop);
    for allowed in [
        "https://gitlab.example.com/anybody/x.git",
        "https://index.example.org/files/x-1.0.tar.gz",
        "==1.0",
    ] {
        assert!(check(allowed).is_ok(), "{allowed}");
    }
    for refused in [
        "https://gitlab.example.com.evil.org/x.git",
        "https://gitlab.example.com:8443/me/x.git",
        "http://gitlab.example.com/me/x.git",
        "https://evil.org/x/-/y/-/merge_requests/5",
        "https://evil.org/files/x-1.0-py3-none-any.whl",
    ] {
        let said = report(check(refused).expect_err(refused));
        assert!(
            said.contains("is not allowed") && said.contains("x_pip_url"),
            "{said}"
        );
    }
}

#[test]
fn the_file_says_what_is_allowed() {
    let policy = "overrides: {allow: [\"https://gitlab.example.com/me\"], refs: [\"refs/merge-requests/*/head\"], deny: [Job.Deploy]}\n";
    let check = |name: &str, value: &str| {
        let flag = format!("{name}={value}");
        let case = Case {
            file: Some(format!("{FILE}{policy}")),
            ..case(&[], &[&flag])
        };
        case.run().map(drop).map_err(report)
    };
    check("x", "https://gitlab.example.com/me/x/-/merge_requests/5").unwrap();
    let refused = [
        ("x", "https://gitlab.example.com/mean/x/-/merge_requests/5"),
        ("x", "https://gitlab.example.com/me/x.git@main"),
        ("job-deploy", "==1"),
    ];
    let said: Vec<String> = refused
        .iter()
        .map(|(name, value)| check(name, value).expect_err(value))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn they_are_shown_and_are_a_part_of_the_request() {
    let with = case(&[("job_tools_pip_url", "==1.2")], &[]);
    let table = with.table();
    assert!(
        table.contains("overrides.job-tools") && table.contains("job_tools_pip_url"),
        "{table}"
    );
    let parts = |case: Case| {
        case.run()
            .unwrap()
            .request
            .parts(&|_| unreachable!())
            .unwrap()
    };
    let plain = parts(case(&[], &[]));
    let mut overridden = parts(case(&[], &["job-tools==1.2"]));
    assert_eq!(
        parts(case(
            &[("JOB_TOOLS_PIP_URL", "== 1.2"), ("GITLAB_USER_LOGIN", "a")],
            &[]
        )),
        overridden
    );
    assert!(overridden.remove("overrides").is_some());
    assert_eq!(overridden, plain);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let mut case = case(&[], &[]);
    case.flags.overrides_file = Some("gone.yml".into());
    assert!(case.error().contains("gone.yml"));
}
