//! Which images there are, which lists they have, and what is refused about them.

use crate::tests::{Case, EXAMPLE, machine};
use crate::{Environment, Flags};

fn flags(images: &[&str], here: bool) -> Flags {
    Flags {
        images: images.iter().map(|image| (*image).to_owned()).collect(),
        here: here.then(machine),
        ..Flags::default()
    }
}

fn image(text: &str) -> String {
    format!(
        "git_base: https://git.example.org/g\nimages:\n  a:\n    python: '3.13'\n    platform: x86_64-manylinux_2_28\n{text}"
    )
}

#[test]
fn here_takes_the_lists_of_the_image_that_it_is() {
    let case = Case {
        flags: flags(&["small"], true),
        ..Case::file(EXAMPLE)
    };
    let configuration = case.run().unwrap();
    let [builder, small] = configuration.request.images.as_slice() else {
        panic!("two images");
    };
    assert_eq!(builder.target.python.to_string(), "3.10");
    assert_eq!(small.target, machine().target);
    assert_eq!(small.interpreter, machine().interpreter);
    assert_eq!((small.packages.len(), small.data.len()), (1, 0));
}

#[test]
fn here_with_a_name_of_its_own_takes_the_common_lists() {
    let case = Case {
        flags: flags(&[], true),
        ..Case::file(EXAMPLE)
    };
    let configuration = case.run().unwrap();
    assert_eq!(configuration.selected, ["here".parse().unwrap()]);
    let names: Vec<_> = configuration
        .request
        .images
        .iter()
        .map(|i| i.name.as_str())
        .collect();
    assert_eq!(names, ["builder", "here", "small"]);
    assert_eq!(configuration.request.images[1].packages.len(), 4);
}

#[test]
fn here_may_complete_an_image_that_the_file_only_names() {
    let file = "images: {a: {requirements: [six]}}";
    assert!(Case::file(file).error().contains("has no `python`"));
    let case = Case {
        flags: flags(&["a"], true),
        ..Case::file(file)
    };
    assert_eq!(case.run().unwrap().request.images[0].requirements.len(), 1);
}

#[test]
fn here_has_any_name_where_no_image_is_described() {
    let case = Case {
        flags: flags(&["builder"], true),
        ..Case::file("requirements: [six]")
    };
    assert_eq!(case.run().unwrap().selected, ["builder".parse().unwrap()]);
}

#[test]
fn variables_replace_the_lists_of_images_too() {
    let environment = Environment::from([("GITLAB_COM_PACKAGES", "one two")]);
    let request = Case {
        environment,
        ..Case::file(EXAMPLE)
    }
    .run()
    .unwrap()
    .request;
    assert!(request.images.iter().all(|image| image.packages.len() == 2));
}

#[test]
fn names_of_data_are_as_written() {
    let file = image("    interpreter: /p\ndata: [My_Data @ ./d, a/Tables@v1]");
    let request = Case::file(&file).run().unwrap().request;
    let names: Vec<_> = request.images[0]
        .data
        .iter()
        .map(|d| d.name.as_str())
        .collect();
    assert_eq!(names, ["My_Data", "Tables"]);
}

#[test]
fn what_is_refused_about_images() {
    let of = |text: &str| Case::file(&image(text)).error();
    let named = |names: &[&str], here| {
        Case {
            flags: flags(names, here),
            ..Case::file(EXAMPLE)
        }
        .error()
    };
    let reports = [
        Case::default().error(),
        named(&["smal"], false),
        named(&["zzz"], false),
        named(&["smal"], true),
        named(&["a", "b"], true),
        Case {
            flags: flags(&["../x"], true),
            ..Case::default()
        }
        .error(),
        of("    image: x"),
        of("    interpreter: bin/python"),
        of("    interpreter: /p\npackages: [job, g/job@v2]"),
        of("    interpreter: /p\npackages: [x @ ./one, X @ ./two]"),
        of("    interpreter: /p\ndata: [x/one, y/one]"),
        of("    interpreter: /p\ndata: ['.']"),
        of("    interpreter: /p\ndata: ['job[x]']"),
    ];
    insta::assert_snapshot!(reports.join("\n\n"));
}
