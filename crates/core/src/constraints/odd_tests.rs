//! What Python's `packaging` reads and nobody can use: it is kept, prints as it was, and says why where it is to be used.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Constraint {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn lines(text: &str) -> Vec<ConstraintLine> {
    parse(text, Path::new("c.txt")).expect(text)
}

#[test]
fn each_odd_form_is_kept_as_it_is_written_and_says_why_it_is_of_no_use() {
    let shown = [
        "a===latest",
        "a===",
        "a===1.0,===x[y],<2",
        "a==18446744073709551615",
        "a<99999999999999999999 ; os_name == 'nt'",
        "a~=1.0.po\u{17f}t1",
        "a_==1",
        "A.b-_>1",
        "a[x_]",
        "requests-2.26.0.tar.gz",
        "a @ ./wheels/a-1.whl",
        "a @ file:wheels/a-1.whl",
        "a @ https://exa:99999/a.whl",
        "a @ https://exämple.org/a.whl",
        "a @ https://u:secret@/a.whl",
        "a @ https://example.org/a",
        "a @ https://example.org/a.whl#;",
        "a @ hg+https://example.org/a",
        "a @ c:\\a.whl",
        "a @ https://example.org/${name}.whl",
        "a==1 ; 'x' in extras",
        "a==1 ; 'x' not in dependency_groups or os_name == 'nt'",
        "a==1 ; python_version === '3.8'",
        "a==1 ; os_name == 'n\\x74'",
        "a==1 ; os_name == 'ä'",
        "a==1 ; os_name == \"it's\"",
        "a==1 ; 'x' ~= os_name",
        "a==1 ; python_version in '3.8, 3.9'",
        "a==1 ; 'a' == 'a'",
    ]
    .map(|text| {
        let constraint = read(text);
        let printed = constraint.to_string();
        assert_eq!(read(&printed), constraint);
        assert_eq!(printed, text);
        assert!(constraint.usable().is_none(), "{text}");
        let reason = &constraint.unusable().expect("checked").reason;
        format!("{constraint:?}\n  {reason}")
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_is_only_spelled_oddly_is_usable() {
    for (text, wanted) in [
        ("a ( )", "a"),
        ("a (>=1,)", "a>=1"),
        ("a\t==\u{a0}v1.0", "a==1.0"),
        ("a===1.0", "a===1.0"),
        ("a==1 ; os.name=='nt'", "a==1 ; os_name == 'nt'"),
        (
            "a ; python_implementation == 'x'",
            "a ; platform_python_implementation == 'x'",
        ),
        ("a_b--c", "a-b-c"),
        ("a-1.zip>=1", "a-1-zip>=1"),
        ("a==18446744073709551614", "a==18446744073709551614"),
        ("a @ file:///a.whl", "a @ file:///a.whl"),
    ] {
        let usable = read(text).usable().map(ToString::to_string);
        assert_eq!(usable.as_deref(), Some(wanted), "{text}");
    }
}

#[test]
fn who_uses_constraints_is_told_all_that_cannot_be_used() {
    let text = "six==1\na===latest # why\nb \\\n  @ ./b.whl\nc==1 ; \"x\" in extras\nd @ https://u:secret@exa:99999/d.whl\n";
    let errors = usable(&lines(text)).expect_err("four lines");
    assert!(!format!("{:?}", lines(text)).contains("secret"));
    insta::assert_snapshot!(errors);
    assert_eq!(
        usable(&lines("six==1\nabc>=2")).as_deref(),
        Ok(["six==1", "abc>=2"].map(str::to_owned).as_slice())
    );
}

#[test]
fn odd_markers_keep_lines_apart_as_far_as_they_are_understood() {
    let apart = "a==1 ; python_version === '3.8'\na==2 ; python_version >= '3.9'";
    assert_eq!(lines(apart).len(), 2);
    let apart = "a==1 ; 'x' in extras and os_name == 'nt'\na==2 ; os_name == 'posix'";
    assert_eq!(lines(apart).len(), 2);
    for text in [
        "a==1 ; 'x' in extras\na==2 ; 'y' in extras",
        "a==1 ; 'x' in extras or os_name == 'nt'\na==2 ; os_name == 'posix'",
        "a==1 ; python_version in '3.8, 3.9'\na==2 ; python_version >= '3.10'",
        "a_==1\nA__===2",
    ] {
        assert!(parse(text, Path::new("c.txt")).is_err(), "{text}");
    }
    assert_eq!(lines("a_==1\na==1").len(), 2);
}

#[test]
fn changes_of_odd_lines_are_changes() {
    let bumps = |old: &str, new: &str| {
        let bumps = compare(&lines(old), &lines(new));
        bumps.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let old = "a===latest\nb @ ./b.whl\nc==1 ; 'x' in extras\nd_==1\ne==1";
    assert_eq!(bumps(old, old), [""; 0]);
    assert_eq!(
        bumps(
            old,
            "a==1\nb @ ./c.whl\nc==2 ; 'x' in extras\nd_==2\ne===latest"
        ),
        [
            "changed a ===latest -> ==1",
            "changed b @ ./b.whl -> @ ./c.whl",
            "raised c ==1 ; 'x' in extras -> ==2 ; 'x' in extras (major)",
            "raised d_ ==1 -> ==2 (major)",
            "changed e ==1 -> ===latest",
        ]
    );
}

#[test]
fn nothing_is_too_deep_and_nothing_panics() {
    let deep = |depth: usize| {
        let text = format!(
            "a ; {}os_name == 'x'{}",
            "(".repeat(depth),
            ")".repeat(depth)
        );
        text.parse::<Constraint>()
    };
    assert!(deep(50).is_ok());
    assert!(deep(100_000).is_err());
    assert!(parse_requirement("a ; 'x' ~= os_name").is_ok());
    assert!(parse_requirement("a ; '3' ~= platform_version").is_ok());
}

#[test]
fn metadata_is_read_as_uv_reads_it() {
    let read = |text| parse_requirement(text).map(|it| it.to_string());
    let passed_over = "a>=1 ; python_version in '3.8, 3.9' or os_name == 'nt'";
    assert_eq!(read(passed_over).as_deref(), Ok("a>=1 ; os_name == 'nt'"));
    assert_eq!(read("a>=1 ; 'x' == 'x'").as_deref(), Ok("a>=1"));
    assert!(read("a>=1 ; 'x' in extras").is_err());
    // Whoever overrides the package does not fetch from there.
    for text in ["a @ https://example.org/a", "a @ svn+https://example.org/a"] {
        assert_eq!(read(text).as_deref(), Ok(text));
    }
    assert!(read("a @ ./a").is_err());
}

proptest! {
    #[test]
    fn odd_lines_come_back_as_they_were(
        name in "[a-c]([a-c0-9._-]{0,3}[a-c0-9_])?",
        bound in "(===[!-+\\--:<-~ä]{0,6}|(==|<|>=)[0-9]{18,22}(\\.\\*)?|(==|~=)1\\.0(a\\.|post-|)| @ [!-~ä]{1,12}|)",
        marker in "( ; ('x' (in|not in) (extras|dependency_groups)|(python_version|os_name) (===|==|~=|<|in|not in) ('3\\.[0-9]{1,2}'|\"it's\"|'\\\\\\\\q'|'ä'|'a')|'[ab]' ~= os_name)( (and|or) \\(?os_name == 'nt'\\)?)?|)",
    ) {
        prop_assume!(marker.matches('(').count() == marker.matches(')').count());
        let text = format!("{name}{bound}{marker}");
        let Ok(constraint) = text.parse::<Constraint>() else {
            // `;` and `)` end a version; what follows then is seldom a marker.
            return Ok(());
        };
        let printed = constraint.to_string();
        prop_assert_eq!(&read(&printed), &constraint);
        prop_assert_eq!(read(&printed).to_string(), printed);
        // A comment, a variable and an option are something else in a file.
        prop_assume!(!text.contains(" #") && !text.contains(" -") && !text.contains("${") && !text.ends_with('\\'));
        let line = &parse(&text, Path::new("c.txt")).map_err(|errors| TestCaseError::fail(errors[0].to_string()))?[0];
        prop_assert_eq!(&line.constraint, &constraint);
        prop_assert_eq!(line.requirement().is_ok(), constraint.usable().is_some());
        prop_assert_eq!(usable([line]).is_ok(), constraint.usable().is_some());
        if let Ok(requirement) = line.requirement() {
            let requirement = requirement.to_string();
            prop_assert_eq!(requirement.as_str(), constraint.to_string());
            prop_assert!(parse_requirement(&requirement).is_ok());
        }
    }
}
