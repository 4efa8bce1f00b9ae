//! Small cases for each rule of the files, what the reports look like, and that no text makes a parser panic.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// A reader over files that are given as values.
fn files<'a>(files: &'a [(&'a str, &'a str)]) -> impl Fn(&Path) -> io::Result<String> + 'a {
    move |path| {
        files
            .iter()
            .find(|(name, _)| Path::new(name) == path)
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

fn parsed(text: &str) -> Vec<String> {
    let lines = parse(text, Path::new("c.txt")).expect(text);
    lines
        .iter()
        .map(|line| format!("{}: {}", line.line, line.constraint))
        .collect()
}

fn report(text: &str) -> String {
    LineErrors(parse(text, Path::new("c.txt")).expect_err(text)).to_string()
}

#[test]
fn comments_blanks_and_line_ends() {
    let text = "\u{feff}# head\r\n\r\nnumpy==2.0.2  # why\r\n  requests>=2,<3\r\nfoo#bar==1";
    let errors = parse(text, Path::new("c.txt")).expect_err("foo#bar");
    assert_eq!((errors.len(), errors[0].line, errors[0].column), (1, 5, 4));
    assert_eq!(
        parsed(text.trim_end_matches("foo#bar==1")),
        ["3: numpy==2.0.2", "4: requests>=2,<3"]
    );
    assert_eq!(parsed(""), Vec::<String>::new());
    assert_eq!(parsed("\u{feff}"), Vec::<String>::new());
}

#[test]
fn continued_lines_are_one_line() {
    assert_eq!(
        parsed("numpy \\\n  ==2.0.2 \\\n  ; python_version < '3.13'\nsix"),
        ["1: numpy==2.0.2 ; python_full_version < '3.13'", "4: six"]
    );
    assert_eq!(parsed("# not continued \\\nsix==1"), ["2: six==1"]);
    assert_eq!(parsed("six==1 \\\n# end\nabc"), ["1: six==1", "3: abc"]);
    assert_eq!(parsed("six==1\\"), ["1: six==1"]);
}

#[test]
fn positions_survive_continuation() {
    let errors = parse("abc \\\n   >> 1", Path::new("c.txt")).expect_err("`>>`");
    assert_eq!((errors[0].line, errors[0].column), (2, 4));
}

#[test]
fn hashes_urls_and_arbitrary_equality_are_taken() {
    let hashed = "six==1.0 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \\\n  --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    assert_eq!(parsed(hashed), ["1: six==1.0"]);
    assert_eq!(parsed("six===1.0"), ["1: six===1.0"]);
    assert_eq!(
        parsed("six @ https://example.org/six-1.0.whl"),
        ["1: six @ https://example.org/six-1.0.whl"]
    );
    assert_eq!(
        parsed("job @ git+https://example.org/job.git@v1"),
        ["1: job @ git+https://example.org/job.git@v1"]
    );
}

#[test]
fn all_errors_of_a_file_come_at_once() {
    insta::assert_snapshot!(report(
        "numpy=2.0\nfoo bar\n-e ./x\n-r more.txt\nrequests[socks]>=2\n./wheels/a.whl\nhttps://u:secret@example.org/a.whl\n--pre\n--index-url https://u:secret@example.org/simple\nsix==1.0 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --global-option=x\nsix>=1 ; python_version > '3'\nSix==0.9\n-c\n_a==1\n${MISSING_VAR}\na @ https://u:secret@example.org/${X}"
    ));
}

#[test]
fn one_package_may_have_several_bounds_that_go_together() {
    for text in [
        "numpy==2.0.2 ; python_version < '3.10'\nNumPy==2.3 ; python_version >= '3.10'",
        "a==1\na==1",
        "a==1.0+cpu\na==1.0",
        "a>=1\na<2",
        "a==1.5\na>=1\na!=1.4",
        "a @ https://example.org/a.whl\na>=1",
    ] {
        assert_eq!(parsed(text).len(), text.lines().count());
    }
}

#[test]
fn bounds_that_exclude_each_other_are_errors() {
    for text in [
        "a==1\na==2",
        "a===1\na>1",
        "a==1 ; python_version < '3.12'\na==2 ; python_version > '3.9'",
        "a @ https://example.org/a.whl\nA @ https://example.org/b.whl",
    ] {
        let errors = parse(text, Path::new("c.txt")).expect_err(text);
        assert_eq!((errors.len(), errors[0].line), (1, 2), "{text}");
    }
}

#[test]
fn included_files_are_beside_the_one_that_names_them() {
    let read = files(&[
        ("deps/c.txt", "-c more/d.txt\nsix==1\n"),
        ("deps/more/d.txt", "--constraint=../c.txt\nabc<2"),
    ]);
    let variables = Variables::new();
    let mut loader = Loader::new(&read, &variables);
    loader
        .constraints(Path::new("deps/c.txt"))
        .expect("is there");
    let found = loader.finish().expect("valid").constraints;
    let shown: Vec<_> = found
        .iter()
        .map(|c| format!("{}:{} {}", c.file.display(), c.line, c.constraint))
        .collect();
    assert_eq!(shown, ["deps/more/d.txt:2 abc<2", "deps/c.txt:2 six==1"]);
}

#[test]
fn a_missing_included_file_is_told_where_it_is_named() {
    let read = files(&[("c.txt", "six==1\n-c d.txt")]);
    let variables = Variables::new();
    let mut loader = Loader::new(&read, &variables);
    loader.constraints(Path::new("c.txt")).expect("is there");
    insta::assert_snapshot!(loader.finish().expect_err("no d.txt"), @r"
    c.txt:2:1: cannot read d.txt: no such file
        -c d.txt
        ^^
      the path is relative to the file that names it
    ");
}

#[test]
fn requirements_files_bring_requirements_and_constraints() {
    let read = files(&[
        ("r.in", "requests[socks]>=2\n-r sub/more.in\n-c c.txt\n"),
        ("sub/more.in", "six # yes\n"),
        ("c.txt", "six==1"),
    ]);
    let variables = Variables::new();
    let mut loader = Loader::new(&read, &variables);
    for _ in 0..2 {
        let required = loader.requirements(Path::new("r.in")).expect("is there");
        let shown: Vec<_> = required
            .requirements
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["requests[socks]>=2", "six"]);
    }
    assert_eq!(loader.finish().expect("valid").constraints.len(), 1);
}

#[test]
fn git_projects_are_not_requirements() {
    let read = files(&[("r.in", "job @ git+https://example.org/job.git\n-e .\n")]);
    let variables = Variables::new();
    let mut loader = Loader::new(&read, &variables);
    loader.requirements(Path::new("r.in")).expect("is there");
    insta::assert_snapshot!(loader.finish().expect_err("git"), @r"
    r.in:1:5: a git project is not a requirement from the index
        job @ git+https://example.org/job.git
            ^
      list it under `packages` of pannier.yml, in the same form
    r.in:2:1: an editable project cannot be shipped in a tarball
        -e .
        ^^
      list the folder or the git project under `packages` of pannier.yml
    ");
}

#[test]
fn variables_are_replaced_and_never_shown() {
    let variables = BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]);
    let text = "six @ https://${TOKEN}@example.org/six.whl # ${NOT_SEEN}\nabc >> ${TOKEN}";
    let listed = [("c.txt", text)];
    let read = files(&listed);
    let mut loader = Loader::new(&read, &variables);
    loader.constraints(Path::new("c.txt")).expect("is there");
    let shown = loader.finish().expect_err("`>>`").to_string();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("c.txt:2:5: "), "{shown}");
    assert!(
        shown.contains("\n    abc >> ${TOKEN}\n        ^^"),
        "{shown}"
    );
}

#[test]
fn one_requirement_that_is_wrong_says_why() {
    let message = |text: &str| parse_requirement(text).expect_err(text).to_string();
    insta::assert_snapshot!(
        [
            "requests>=",
            "requests >= 2 ; python_versio < '3'",
            "./folder",
            "requests==2.x",
            "a @ https://u:pw@",
            "${HOME}",
            "name-",
            "name [ok, bad-]",
            "",
        ]
        .map(message)
        .join("\n")
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = parse(&text, Path::new("c.txt"));
        let _ = parse_requirement(&text);
    }

    #[test]
    fn no_nearly_right_text_makes_the_parser_panic(
        text in "(a|é|[a-c]{1,3}|\\[|\\]|==|>=|<|~=|1|\\.|\\*| |;|python_version|'3|'|\\\\\n|\n|\r|#|-c|--hash=|@|https://|\\$\\{A\\}|,|\\(|\\)|ß){0,14}"
    ) {
        if let Err(errors) = parse(&text, Path::new("c.txt")) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|e| e.line >= 1 && e.column >= 1));
        }
        let _ = parse_requirement(&text);
    }
}
