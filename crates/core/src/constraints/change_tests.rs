//! Changes between two sets of constraints, and texts that are changed.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn document(text: &str) -> Document {
    Document::parse(text, Path::new("c.txt"), &Variables::new()).expect(text)
}

fn lines(text: &str) -> Vec<ConstraintLine> {
    document(text).constraints().to_vec()
}

fn bumps(old: &str, new: &str) -> Vec<String> {
    let bumps = compare(&lines(old), &lines(new));
    bumps.iter().map(ToString::to_string).collect()
}

#[test]
fn every_kind_of_change_has_its_line() {
    let old = "Up==1.9\ndown==2\nsame==1.0\ngone==1\nrange>=1,<2\nopen==1\nurl @ https://u:p@example.org/a-1.tar.gz\nany";
    let new = "new==3 # why\nup==1.10\ndown==1.9\nsame==1.0.0\nrange>=1,<3\nopen>=1\nurl @ https://u:p@example.org/a-2.tar.gz\nany<4";
    insta::assert_snapshot!(bumps(old, new).join("\n"), @r"
    changed any any version -> <4
    lowered down ==2 -> ==1.9 (major)
    removed gone ==1
    added new ==3
    changed open ==1 -> >=1
    raised range >=1,<2 -> >=1,<3 (major)
    raised up ==1.9 -> ==1.10 (minor)
    changed url @ https://****@example.org/a-1.tar.gz -> @ https://****@example.org/a-2.tar.gz
    ");
}

#[test]
fn markers_say_which_bounds_belong_together() {
    let old = "n==1 ; python_version < '3.10'\nn==2 ; python_version >= '3.10'";
    let new = "n==3 ; python_version >= '3.10'\nn==1 ; python_version < '3.10'";
    assert_eq!(
        bumps(old, new),
        [
            "raised n ==2 -> ==3 ; python_full_version >= '3.10' (major)"
                .replace("==2 ->", "==2 ; python_full_version >= '3.10' ->")
        ]
    );
    let moved = "n==1 ; python_version < '3.11'\nn==2 ; python_version >= '3.11'";
    assert_eq!(bumps(old, moved).len(), 4);
    assert_eq!(
        bumps("n==1 ; os_name == 'nt'", "n==1"),
        ["changed n ==1 ; os_name == 'nt' -> ==1"]
    );
}

#[test]
fn levels_are_those_of_pep_440() {
    let level = |old: &str, new: &str| Level::between(&old.parse().unwrap(), &new.parse().unwrap());
    for (old, new, wanted) in [
        ("1.0", "1!0.1", Level::Epoch),
        ("1.9", "2", Level::Major),
        ("1.9", "1.10", Level::Minor),
        ("1", "1.0.1", Level::Micro),
        ("2026.9.21.13", "2026.9.21.14", Level::Micro),
        ("2.0rc1", "2.0", Level::Pre),
        ("2.0", "2.0.post1", Level::Post),
        ("2.0.dev1", "2.0", Level::Dev),
        ("2.0", "2.0+cpu", Level::Local),
    ] {
        assert_eq!(level(old, new), Some(wanted), "{old} -> {new}");
    }
    assert_eq!(level("1.0", "1.0.0"), None);
    assert!(Level::Epoch < Level::Major && Level::Major < Level::Local);
}

#[test]
fn a_bump_as_json_says_where_it_stands() {
    let bumps = compare(&lines("six==1\n"), &lines("# head\n\nsix==1.1\n"));
    insta::assert_snapshot!(serde_json::to_string(&bumps).unwrap(), @r#"[{"name":"six","kind":"raised","level":"minor","old":{"specifier":"==1","version":"1","marker":null,"file":"c.txt","line":1},"new":{"specifier":"==1.1","version":"1.1","marker":null,"file":"c.txt","line":3}}]"#);
}

#[test]
fn some_changes_are_applied_and_comments_stay() {
    let old = "# head\r\nsix==1 \\\r\n  --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  # why\r\n\r\n# about abc\r\nabc==1\r\ngone==1 # bye\r\nlast==1";
    let new = "six==2 --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\nmore==1 # added\nabc==2\nlast==2\nend==1";
    let (old, new) = (document(old), document(new));
    let all = compare(old.constraints(), new.constraints());
    let named = |names: &[&str]| -> Vec<&Bump> {
        all.iter()
            .filter(|bump| names.contains(&bump.name.as_str()))
            .collect()
    };
    assert_eq!(old.with_bumps(&new, &[]), old.text());
    assert_eq!(
        old.with_bumps(&new, &named(&["six", "gone"])),
        "# head\r\nsix==2 --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  # why\r\n\r\n# about abc\r\nabc==1\r\nlast==1"
    );
    assert_eq!(
        old.with_bumps(&new, &named(&["abc", "more", "end"])),
        "# head\r\nsix==1 \\\r\n  --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  # why\r\nmore==1 # added\n\r\n# about abc\r\nabc==2\r\ngone==1 # bye\r\nlast==1\nend==1\n"
    );
}

#[test]
fn lines_may_end_as_on_any_system() {
    assert_eq!(lines("a==1\rb==2\r\nc==3\n").len(), 3);
    assert_eq!(lines("a==1\rb==2\r\nc==3\n")[2].line, 3);
}

/// The set that the lines say, without places.
fn set(lines: &[ConstraintLine]) -> BTreeSet<String> {
    lines
        .iter()
        .map(|line| line.constraint.to_string())
        .collect()
}

fn text_of(pins: &std::collections::BTreeMap<String, (u8, bool)>) -> String {
    pins.iter()
        .map(|(name, (version, comment))| {
            format!(
                "{name}=={version}{}\n",
                if *comment { "  # note" } else { "" }
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn all_bumps_make_the_new_set_and_none_the_old(
        old in proptest::collection::btree_map("[a-f]", (0u8..3, any::<bool>()), 0..6),
        new in proptest::collection::btree_map("[a-f]", (0u8..3, any::<bool>()), 0..6),
        pick in any::<u64>(),
    ) {
        let (old, new) = (document(&text_of(&old)), document(&text_of(&new)));
        let all = compare(old.constraints(), new.constraints());
        let every: Vec<&Bump> = all.iter().collect();
        let some: Vec<&Bump> = all.iter().enumerate().filter(|(i, _)| pick >> i & 1 == 1).map(|(_, b)| b).collect();
        prop_assert_eq!(set(document(&old.with_bumps(&new, &every)).constraints()), set(new.constraints()));
        prop_assert_eq!(old.with_bumps(&new, &[]), old.text());
        prop_assert_eq!(set(&with_bumps(old.constraints(), new.constraints(), &every)), set(new.constraints()));
        let partly = document(&old.with_bumps(&new, &some));
        prop_assert_eq!(set(partly.constraints()), set(&with_bumps(old.constraints(), new.constraints(), &some)));
        // What is left to do are the other bumps.
        prop_assert_eq!(compare(partly.constraints(), new.constraints()).len(), all.len() - some.len());
    }

    #[test]
    fn what_is_printed_is_parsed_as_the_same(
        lines in proptest::collection::vec(
            (
                "[a-zA-Z0-9]([a-zA-Z0-9._-]{0,8}[a-zA-Z0-9])?",
                "( ?(==|>=|<=|<|>|!=|~=|===) ?[1-9](!1)?\\.[0-9]{1,2}(\\.[0-9])?((a|b|rc)[1-9])?(\\.post[1-9])?(\\.dev[1-9])?|==[1-9]\\.\\*|>=1(\\.[0-9])? *, *<[3-9]| *@ *https://example\\.org/[a-z]{1,5}\\.whl|)",
                "( ; (python_version|python_full_version|implementation_version) ?(<|>=|==|!=) ?'3\\.[0-9]{1,2}'( (and|or) \\(?(sys_platform|os_name|platform_machine) ?(==|!=|in|not in) ?\"[a-z]{0,5}\"\\)?)?|)",
            ),
            0..6,
        ),
    ) {
        let mut seen = BTreeSet::new();
        let mut text = String::new();
        for (name, specifier, marker) in lines {
            let marker = match marker.matches('(').count() == marker.matches(')').count() {
                true => marker.replace(" in\"", " in \"").replace("in\"", "in \""),
                false => String::new(),
            };
            let line = format!("{name}{specifier}{marker}\n");
            if super::parse(&line, Path::new("c.txt")).is_ok() && seen.insert(name.to_lowercase().replace(['_', '.'], "-")) {
                text += &line;
            }
        }
        let Ok(first) = super::parse(&text, Path::new("c.txt")) else {
            // Two spellings of one name: the only thing that single lines do not show.
            return Ok(());
        };
        prop_assert_eq!(first.len(), text.lines().count());
        let printed: String = first.iter().map(|line| format!("{}\n", line.constraint)).collect();
        let second = super::parse(&printed, Path::new("c.txt")).expect("it was printed");
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(document(&text).edited(&[]), text);
    }
}
