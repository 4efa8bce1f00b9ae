//! The converter: what it writes, that it is read back as the same, and what it refuses.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_yaml::Value;

use super::*;

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(files: &[(&str, &[u8])]) -> Files {
    files
        .iter()
        .map(|(name, bytes)| (PathBuf::from(name), bytes.to_vec()))
        .collect()
}

fn converted(files: &Files) -> Result<Converted, ConvertError> {
    let read = |path: &Path| {
        let bytes = files.get(path).cloned();
        bytes.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    };
    convert(
        Path::new("constraints/constraints.txt"),
        Path::new("constraints"),
        &read,
    )
}

fn one(text: &str) -> String {
    let files = files(&[("constraints/constraints.txt", text.as_bytes())]);
    converted(&files).expect(text).yaml
}

fn carried(yaml: &str) -> String {
    let value: Value = serde_yaml::from_str(yaml).expect(yaml);
    assert_eq!(value["variables"][VARIABLE]["expand"], Value::Bool(false));
    let text = value["variables"][VARIABLE]["value"].as_str();
    text.expect("a text").to_owned()
}

/// The requirements that the hidden key holds, each with its line.
fn mapped(yaml: &str) -> Vec<(u64, String)> {
    let value: Value = serde_yaml::from_str(yaml).expect(yaml);
    let mut found = Vec::new();
    for (name, bounds) in value[HIDDEN_KEY]["packages"].as_mapping().expect("a map") {
        for bound in bounds.as_sequence().expect("a list") {
            let marker = bound.get("marker").and_then(Value::as_str);
            let marker = marker
                .map(|marker| format!(" ; {marker}"))
                .unwrap_or_default();
            let specifier = bound["specifier"].as_str().expect("a text");
            let text = format!("{} {specifier}{marker}", name.as_str().expect("a text"));
            let line = bound["line"].as_u64().expect("a number");
            found.push((line, text.parse::<Constraint>().expect(&text).to_string()));
        }
    }
    found.sort();
    found
}

#[test]
fn all_that_a_file_may_hold_is_carried() {
    let main: &[u8] = b"\xef\xbb\xbf# head: $HOME and $$\r\nNumPy==2.0.2 ; python_version < '3.11'  # why\r\nnumpy==2.3 \\\r\n  ; python_version >= '3.11'\r\n-c more/other.txt  # theirs\r\n\r\non==1.10 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\njob @ https://${USER_NAME}:${TOKEN}@example.org/job.whl ; os_name == 'posix'\r\nabc==${VERSION}\r\nany";
    let other = "six>=1,<2 # ä\n-c ../constraints.txt".as_bytes();
    let files = files(&[
        ("constraints/constraints.txt", main),
        ("constraints/more/other.txt", other),
    ]);
    let converted = converted(&files).expect("valid");
    insta::assert_snapshot!(converted.yaml);
    assert_eq!(converted.count, 7);
    let text = carried(&converted.yaml);
    assert_eq!(converted.variable, VARIABLE.len() + text.len() + 2);
    let variables = ["USER_NAME", "TOKEN", "VERSION"].map(|name| (name.to_owned(), "1".to_owned()));
    let document = Document::parse(&text, Path::new(VARIABLE), &BTreeMap::from(variables));
    assert_eq!(document.expect("read back").constraints().len(), 7);
}

#[test]
fn a_variable_may_stand_for_any_part_of_a_bound() {
    let text = "a @ ${URL} ; os_name == 'nt'\nb @ ${BASE}/b.whl\nc @ https://u@example.org/${FILE}\nd==${D}.1 ; os_name == '${OS}'\n";
    let yaml = one(text);
    assert_eq!(carried(&yaml), text);
    let (_, packages) = yaml.split_once("packages:\n").expect("it has packages");
    insta::assert_snapshot!(packages, @r#"
    "a":
      - {specifier: "@ ${URL}", marker: "os_name == 'nt'", line: 1}
    "b":
      - {specifier: "@ ${BASE}/b.whl", line: 2}
    "c":
      - {specifier: "@ https://u@example.org/${FILE}", line: 3}
    "d":
      - {specifier: "==${D}.1", marker: "os_name == '${OS}'", line: 4}
    "#);
}

#[test]
fn other_encodings_than_utf_8_are_refused_with_the_line() {
    let report = |bytes: &[u8]| {
        let error = converted(&files(&[("constraints/constraints.txt", bytes)]));
        let ConvertError::Read { source, .. } = error.expect_err("it is not UTF-8") else {
            panic!("another error");
        };
        source.to_string()
    };
    let latin = b"# -*- coding: latin-1 -*-\nsix==1 # \xe4\n";
    assert_eq!(report(latin), "it is not UTF-8 (line 2)");
    let utf16: Vec<u8> = "\u{feff}six==1"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(report(&utf16), "it is not UTF-8 (line 1)");
}

#[test]
fn odd_texts_are_carried_unchanged() {
    for text in [
        "",
        "\n",
        "\n\n",
        "  six==1\n",
        "\tsix==1\n",
        "six==1\n\n\n",
        "six==1 # \u{7}bell and \u{2028} \u{1f600} \u{85}\n",
        "# only: a comment with 'quotes' \"and\" \\ backslash\n",
        "   \n\n six==1\n",
    ] {
        assert_eq!(carried(&one(text)), text, "{}", one(text));
    }
    assert_eq!(carried(&one("six==1")), "six==1\n");
}

#[test]
fn an_included_file_ends_where_it_ends() {
    for other in ["six==1 \\\n", "six==1 \\", "six==1\n# x \\\n", "six==1"] {
        let files = files(&[
            (
                "constraints/constraints.txt",
                b"--constraint=other.txt\nabc==1\n",
            ),
            ("constraints/other.txt", other.as_bytes()),
        ]);
        let yaml = converted(&files).expect(other).yaml;
        let read = parse(&carried(&yaml), Path::new("c.txt")).expect(&yaml);
        let names: Vec<String> = read.iter().map(|line| line.name().to_string()).collect();
        assert_eq!(names, ["six", "abc"], "{yaml}");
    }
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let report = |text: &str| {
        let files = files(&[("constraints/constraints.txt", text.as_bytes())]);
        converted(&files).expect_err(text).to_string()
    };
    insta::assert_snapshot!(report(
        "six==1\nsix==2\nfoo bar\n-c none.txt\n${NAME}==1\na @ https://u:secret@example.org/a.whl"
    ));
    let long = format!("# {}\n", "x".repeat(VARIABLE_LIMIT));
    assert!(
        report(&long).starts_with("the constraints take 131"),
        "{}",
        report(&long)
    );
}

proptest! {
    #[test]
    fn what_is_read_back_is_what_was_converted(
        pins in proptest::collection::btree_map("[a-z][a-z0-9]{0,5}", ("(==1\\.[0-9]|>=1,<[2-9]|===2|~=1\\.2| @ https://example\\.org/[a-z]\\.whl|)", "( +# [ -~]{0,20}|)", any::<bool>()), 0..8),
        head in "(#[ -~äß\\t]{0,30}\n){0,3}",
    ) {
        let mut text = head;
        for (name, (specifier, comment, marked)) in &pins {
            let marker = match (*marked, specifier.len() % 2) {
                (true, 0) => " ; python_version < '3.12'",
                (true, _) => " ; os_name == \"nt\" or python_version >= \"3.12\"",
                (false, _) => "",
            };
            text += &format!("{name}{specifier}{marker}{comment}\n");
        }
        let yaml = one(&text);
        prop_assert_eq!(&carried(&yaml), &text);
        prop_assert_eq!(&one(&text), &yaml);
        let mut wanted: Vec<(u64, String)> = parse(&text, Path::new("c.txt")).expect("valid")
            .iter().map(|line| (line.line as u64, line.constraint.to_string())).collect();
        wanted.sort();
        prop_assert_eq!(mapped(&yaml), wanted);
        let again = parse(&carried(&yaml), Path::new("c.txt")).expect("carried");
        prop_assert_eq!(again, parse(&text, Path::new("c.txt")).expect("valid"));
    }
}
