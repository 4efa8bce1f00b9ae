//! Flags beat environment beats file; credentials are found and not shown.

use std::path::Path;

use crate::tests::{Case, EXAMPLE, machine};
use crate::{Environment, Flags};

#[test]
fn the_example_and_who_said_what() {
    insta::assert_snapshot!(Case::file(EXAMPLE).table());
}

#[test]
fn the_environment_beats_the_file() {
    let environment = Environment::from([
        (
            "GITLAB_COM_PACKAGES",
            " job-tools@v7\n job-x[a] @ git+https://git.example.org/x.git ./local ",
        ),
        ("DATA_PROJECTS", "tables"),
        ("PANNIER_GIT_BASE", "https://mirror.example.org/team"),
        ("PANNIER_BRANCH", "main"),
        ("UV_DEFAULT_INDEX", "main=https://index.example.org/simple"),
        (
            "UV_INDEX",
            "own=https://own.example.org/simple https://more.example.org/simple",
        ),
        ("PIP_EXTRA_INDEX_URL", "https://ignored.example.org"),
        ("PANNIER_STORE", "/cache"),
        ("SOURCE_DATE_EPOCH", "1700000000"),
        ("PANNIER_OUTPUT", ""),
    ]);
    insta::assert_snapshot!(
        Case {
            environment,
            ..Case::file(EXAMPLE)
        }
        .table()
    );
}

#[test]
fn flags_beat_the_environment() {
    let environment = Environment::from([
        ("PANNIER_GIT_BASE", "https://mirror.example.org/team"),
        ("UV_INDEX_URL", "https://index.example.org/simple"),
        ("PIP_EXTRA_INDEX_URL", "https://extra.example.org"),
    ]);
    let flags = Flags {
        git_base: Some("https://flag.example.org/g".to_owned()),
        branch: Some("next".to_owned()),
        constraints: Some("c.txt".into()),
        index_url: Some("https://flag.example.org/simple".to_owned()),
        extra_index_urls: vec!["https://flag.example.org/extra".to_owned()],
        compression: None,
        bytecode: None,
        output: Some("out".into()),
        store: Some("s".into()),
        book: None,
        images: vec!["small".to_owned()],
        here: None,
        ..Flags::default()
    };
    let files = vec![("c.txt", "six==1")];
    let case = Case {
        environment,
        flags,
        files,
        ..Case::file(EXAMPLE)
    };
    let configuration = case.run().unwrap();
    let shown = configuration.shown();
    assert_eq!(shown.selected, ["small"]);
    assert_eq!(
        configuration.request.images.len(),
        2,
        "a lock is for all images"
    );
    let common: Vec<_> = shown.table().into_iter().take(10).collect();
    insta::assert_debug_snapshot!(common);
}

#[test]
fn with_here_and_variables_no_file_is_needed() {
    let environment = Environment::from([
        ("GITLAB_COM_PACKAGES", "job-tools shared/lib"),
        ("CI_SERVER_URL", "https://git.example.org"),
        ("CI_PROJECT_NAMESPACE", "team/sub"),
        ("CI_JOB_TOKEN", "s3cret"),
        (
            "UV_INDEX_URL",
            "https://git.example.org/api/v4/projects/1/packages/simple",
        ),
    ]);
    let flags = Flags {
        here: Some(machine()),
        ..Flags::default()
    };
    let configuration = Case {
        environment,
        flags,
        ..Case::default()
    }
    .run()
    .unwrap();
    let json = serde_json::to_string_pretty(&configuration.shown()).unwrap();
    assert!(!json.contains("s3cret") && !format!("{configuration:?}").contains("s3cret"));
    let index = configuration.request.index.url.as_ref().unwrap();
    assert_eq!(index.credentials(), None);
    let known = configuration.credentials.find(index).unwrap();
    assert_eq!(known.password, "s3cret");
    insta::assert_snapshot!(json);
}

#[test]
fn credentials_come_from_everywhere_and_are_never_shown() {
    let environment = Environment::from([
        ("GITLAB_TOKEN", "s3cret-1"),
        ("PRIVATE_TOKEN", "s3cret-2"),
        ("CI_SERVER_URL", "https://gitlab.example.com"),
        ("CI_JOB_TOKEN", "s3cret-3"),
        ("UV_INDEX", "my-own=https://own.example.org/simple"),
        ("UV_INDEX_MY_OWN_USERNAME", "reader"),
        ("UV_INDEX_MY_OWN_PASSWORD", "s3cret-4"),
        (
            "UV_DEFAULT_INDEX",
            "https://u:s3cret-5@index.example.org/simple",
        ),
        (
            "GITLAB_COM_PACKAGES",
            "git+https://bot:s3cret-6@other.example.org/x.git",
        ),
    ]);
    let netrc = Some("machine a.example.org login x password s3cret-7".to_owned());
    let configuration = Case {
        environment,
        netrc,
        ..Case::file(EXAMPLE)
    }
    .run()
    .unwrap();
    let debug = format!("{configuration:#?} {:#?}", configuration.shown());
    assert!(!debug.contains("s3cret"), "{debug}");
    let entries = configuration.credentials.entries.iter();
    let pairs: Vec<_> = entries
        .map(|e| {
            format!(
                "{} {} {} ({})",
                e.origin.host(),
                e.user,
                e.password,
                e.source
            )
        })
        .collect();
    insta::assert_snapshot!(pairs.join("\n"));
}

#[test]
fn tokens_of_others_go_to_the_pipelines_server_only() {
    let given_to = |variables: [(&str, &str); 2]| {
        let configuration = Case {
            environment: Environment::from(variables),
            ..Case::file(EXAMPLE)
        }
        .run()
        .unwrap();
        let entries = configuration.credentials.entries.iter();
        entries
            .map(|entry| entry.source.clone())
            .collect::<Vec<_>>()
    };
    let elsewhere = ("CI_SERVER_URL", "https://ci.example.org");
    let own = ("CI_SERVER_URL", "https://gitlab.example.com");
    for name in ["GITLAB_TOKEN", "PRIVATE_TOKEN"] {
        assert!(given_to([elsewhere, (name, "s3cret")]).is_empty());
        assert_eq!(given_to([own, (name, "s3cret")]), [name]);
        assert_eq!(given_to([("CI_SERVER_URL", ""), (name, "s3cret")]), [name]);
    }
    let wanted = given_to([elsewhere, ("PANNIER_TOKEN", "s3cret")]);
    assert_eq!(wanted, ["PANNIER_TOKEN"]);
}

#[test]
fn constraints_are_read_with_those_that_requirements_files_name() {
    let file = "constraints: c.txt\nrequirements: [-r reqs/r.in, six]\n".to_owned()
        + "images: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}";
    let files = vec![
        ("c.txt", "six==1"),
        ("reqs/r.in", "requests\n-c more.txt"),
        ("reqs/more.txt", "requests<3"),
    ];
    let request = Case {
        files,
        ..Case::file(&file)
    }
    .run()
    .unwrap()
    .request;
    let requirements: Vec<_> = request.images[0]
        .requirements
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(requirements, ["requests", "six"]);
    let lines = request.constraints.unwrap().lines;
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.constraint.to_string())
        .collect();
    assert_eq!(lines, ["six==1", "requests<3"]);
}

#[test]
fn a_requirements_file_may_name_the_only_constraints() {
    let file = "requirements: [-r r.in]\n".to_owned()
        + "images: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}";
    let files = vec![("r.in", "requests\n-c c.txt"), ("c.txt", "requests<3")];
    let shown = Case {
        files,
        ..Case::file(&file)
    }
    .run()
    .unwrap()
    .shown();
    let row = shown
        .table()
        .into_iter()
        .find(|row| row[0] == "constraints");
    assert_eq!(row.unwrap()[1..], ["c.txt", "pannier.yml: requirements"]);
}

#[test]
fn what_makes_no_sense_says_where_it_was_said() {
    let with = |pairs: &[(&str, &str)]| {
        let mut case = Case::file(EXAMPLE);
        for (name, value) in pairs {
            case.environment
                .0
                .insert((*name).to_owned(), (*value).to_owned());
        }
        case.error()
    };
    let reports = [
        with(&[("GITLAB_COM_PACKAGES", "ok not//ok")]),
        with(&[("DATA_PROJECTS", "https://u:s3cret@example.org/x.zip")]),
        with(&[("PANNIER_GIT_BASE", "ssh://u:s3cret@example.org")]),
        with(&[("UV_INDEX", "a=b")]),
        with(&[("SOURCE_DATE_EPOCH", "yesterday")]),
        with(&[("PANNIER_BRANCH", "--upload-pack=x")]),
        with(&[("PANNIER_CONSTRAINTS", "none.txt")]),
        Case::file("packages: [job]\nimages: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}").error(),
        Case { files: vec![("c.txt", "six=1\nabc")], ..Case::file("constraints: c.txt\nimages: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}") }.error(),
        Case::file("requirements: [-r none.in]\nimages: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}").error(),
    ];
    let reports = reports.join("\n\n");
    assert!(!reports.contains("s3cret"), "{reports}");
    insta::assert_snapshot!(reports);
}

#[test]
fn paths_of_flags_start_from_the_current_folder() {
    let image = "images: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}";
    let case = |text: &str, flags| Case {
        flags,
        current: Some("/elsewhere"),
        files: vec![("/elsewhere/c.txt", "six==1"), ("c.txt", "six==2")],
        ..Case::file(&format!("{text}\n{image}"))
    };
    let said = case("constraints: c.txt\noutput: out", Flags::default())
        .run()
        .unwrap();
    assert_eq!(said.output, Path::new("/project/out"));
    assert_eq!(said.request.constraints.unwrap().path, Path::new("c.txt"));
    let flags = Flags {
        constraints: Some("c.txt".into()),
        output: Some("out".into()),
        ..Flags::default()
    };
    let said = case("constraints: c.txt\noutput: out", flags)
        .run()
        .unwrap();
    assert_eq!(said.output, Path::new("out"));
    assert_eq!(
        said.request.constraints.unwrap().path,
        Path::new("/elsewhere/c.txt")
    );
    assert_eq!(
        case("", Flags::default()).run().unwrap().output,
        Path::new("dist")
    );
}

#[test]
fn credentials_of_requirements_are_not_in_debug_output() {
    let file =
        "requirements: ['a @ https://u:s3cret@example.org/a.whl', -r r.in]\nconstraints: c.txt\n"
            .to_owned()
            + "images: {a: {python: '3.13', platform: x86_64-manylinux_2_28, interpreter: /p}}";
    let secret = "b @ https://u:s3cret@example.org/b.whl";
    let case = Case {
        files: vec![("c.txt", secret), ("r.in", secret)],
        ..Case::file(&file)
    };
    let configuration = case.run().unwrap();
    let debug = format!("{configuration:?} {:?}", configuration.shown());
    assert!(!debug.contains("s3cret"), "{debug}");
    assert!(
        debug.contains("b @ https://****@example.org/b.whl"),
        "{debug}"
    );
}
