//! What both uv and pip can use is read and prints as text that is read as the same; all else says why, and where.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Constraint {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn spellings_are_read_and_print_in_normal_form() {
    for (text, wanted) in [
        ("a (>=1, <2)", "a>=1,<2"),
        ("a\t==v1.0", "a==1.0"),
        ("a===1.0", "a===1.0"),
        (
            "Zope.Interface===5.4.0;python_version=='3.8'",
            "zope-interface===5.4.0 ; python_full_version == '3.8.*'",
        ),
        ("a==1 ; os.name=='nt'", "a==1 ; os_name == 'nt'"),
        (
            "a==1 ; os.name != 'nt' and os_name != 'java'",
            "a==1 ; os_name != 'java' and os_name != 'nt'",
        ),
        (
            "a ; python_implementation == 'x'",
            "a ; platform_python_implementation == 'x'",
        ),
        (
            "a ; python_version in '3.8 3.9'",
            "a ; python_full_version >= '3.8' and python_full_version < '3.10'",
        ),
        ("a_b--c", "a-b-c"),
        ("a[x, Y_z]", "a[x,y-z]"),
        ("a-1.zip>=1", "a-1-zip>=1"),
        ("a @ file:///a.whl", "a @ file:///a.whl"),
        (
            "a@https://example.org/a;b/a.whl#sha256=00",
            "a @ https://example.org/a;b/a.whl#sha256=00",
        ),
        (
            "a @ git+https://example.org/a.git@v1 ; os_name == 'nt'",
            "a @ git+https://example.org/a.git@v1 ; os_name == 'nt'",
        ),
    ] {
        assert_eq!(read(text).to_string(), wanted, "{text}");
        assert_eq!(read(wanted), read(text), "{text}");
    }
}

#[test]
fn what_uv_or_pip_cannot_use_says_why_and_where() {
    let shown = [
        "a===latest",
        "a===",
        "a (>=1,)",
        "a==18446744073709551615",
        "a==1 ; python_version < '3.99999999999999999999'",
        "a~=1.0.po\u{17f}t1",
        "a_==1",
        "A.b- >1",
        "a[ x_ ]",
        "a[b.]@ https://example.org/a.whl",
        "requests-2.26.0.tar.gz",
        "../wheels/a-1.whl",
        "wheels/../a-1.whl",
        "a @ ./wheels/a-1.whl",
        "a @ file:wheels/a-1.whl",
        "a @ https://exa:99999/a.whl",
        "a @ https://exämple.org/a.whl",
        "a @ https://u:secret@/a.whl",
        "a @ https://example.org/a",
        "a @ https://example.org/a.whl#",
        "a @ https://example.org/a.whl; os_name == 'nt'",
        "a @ https://example.org/a.whl or b",
        "a @ hg+https://example.org/a",
        "a @ c:\\a.whl",
        "a @ https://example.org/${name}.whl",
        "a==1 ; 'x' in extras",
        "a==1 ; python_version === '3.8'",
        "a==1 ; os_name == 'n\\x74'",
        "a==1 ; os_name == \"it's\"",
        "a==1 ; 'x' ~= os_name",
        "a==1 ; python_version in '3.8, 3.9'",
        "a==1 ; 'a' == 'a'",
        "a==1 ; os_name == 'nt' and",
        "a==1 ; os_name == 'nt' # b",
    ]
    .map(|text| {
        let error = text.parse::<Constraint>().expect_err(text);
        assert!(text.is_char_boundary(error.offset), "{text}");
        format!("{}\n  {}: {}", error.text, error.offset, error.reason)
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn metadata_is_read_as_uv_reads_it() {
    let read = |text| parse_requirement(text).map(|it| it.to_string());
    let ignored = "a>=1 ; python_version in '3.8, 3.9' or os_name == 'nt'";
    assert_eq!(read(ignored).as_deref(), Ok("a>=1 ; os_name == 'nt'"));
    assert_eq!(read("a>=1 ; 'x' == 'x'").as_deref(), Ok("a>=1"));
    // An override of the package does not fetch from there.
    for text in ["a @ https://example.org/a", "a @ svn+https://example.org/a"] {
        assert_eq!(read(text).as_deref(), Ok(text));
        assert!(text.parse::<Constraint>().is_err(), "{text}");
    }
    assert!(read("a>=1 ; 'x' in extras").is_err());
    assert!(read("a @ ./a").is_err());
}

#[test]
fn nothing_is_too_deep_and_nothing_panics() {
    let deep = |depth: usize| {
        let text = format!(
            "a ; {}os_name == 'x'{}",
            "(".repeat(depth),
            ")".repeat(depth)
        );
        parse_requirement(&text)
    };
    assert!(deep(50).is_ok());
    assert!(deep(100_000).is_err());
    for text in [
        "a- ",
        "a[b-]",
        "a ; 'x' ~= os_name",
        "a ; '3' ~= platform_version",
        "a ; python_version ~= '18446744073709551615.1'",
        "a ; os_name == 'ä",
        "a ; ß",
    ] {
        assert!(parse_requirement(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_read_prints_as_the_same(
        name in "[a-c]([a-c0-9._-]{0,3}[a-c0-9_])?(\\[[x-z_]{0,2}\\])?",
        bound in "((===|==|<|>=|~=|!=)[0-9.*+a]{0,6}|(==|<)[0-9]{18,22}| ?@ ?(https://|file://|git\\+https://|)[!-~ä ]{1,12}(\\.whl)?|)",
        marker in "( ?; ?('x' (in|not in) (extras|os_name)|(python_version|os_name) (===|==|~=|<|in|not in) ('3\\.[0-9]{1,2}'|\"it's\"|'\\\\q'|'a')|'[ab]' ~= os_name)( (and|or) \\(?os_name == 'nt'\\)?)?|)",
    ) {
        let text = format!("{name}{bound}{marker}");
        let Ok(constraint) = text.parse::<Constraint>() else {
            return Ok(());
        };
        let printed = constraint.to_string();
        prop_assert_eq!(&read(&printed), &constraint);
        prop_assert_eq!(read(&printed).to_string(), printed);
        prop_assert!(parse_requirement(&text).is_ok());
        // Comments, options and extras are something else in a file.
        prop_assume!(!text.contains(" #") && !text.contains(" -") && !text.contains('['));
        let lines = parse(&text, Path::new("c.txt"));
        prop_assert!(lines.is_ok_and(|lines| lines.len() == 1 && lines[0].constraint == constraint));
    }
}
