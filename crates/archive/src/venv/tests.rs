//! Layouts of small wheels: where everything goes, what is refused, and what RECORD says.

use super::testing::{TestWheel, options, wheel};
use super::*;

const SITE: &str = "venv/lib/python3.13/site-packages";

/// All items of a venv, one after the other. Prints as a list.
#[derive(Debug)]
struct Layout {
    items: Vec<Item>,
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.items.iter().try_for_each(|item| writeln!(f, "{item}"))
    }
}

fn layout(packages: &[Installed<'_>]) -> Result<Layout, LayoutError> {
    let (mut planner, mut items) = Planner::start(&options("/usr/bin/python3.13"))?;
    for package in packages {
        items.extend(planner.add(package)?);
    }
    Ok(Layout { items })
}

fn lay_out(wheels: &[&TestWheel]) -> Result<Layout, LayoutError> {
    let packages: Vec<_> = wheels.iter().map(|wheel| wheel.installed()).collect();
    layout(&packages)
}

fn own<'a>(layout: &'a Layout, path: &str) -> &'a str {
    let item = layout.items.iter().find(|item| item.path == path);
    match &item.unwrap_or_else(|| panic!("{path} is missing")).kind {
        ItemKind::Bytes { bytes, .. } => std::str::from_utf8(bytes).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

fn refused(wheels: &[&TestWheel]) -> String {
    lay_out(wheels).expect_err("it must be refused").to_string()
}

/// Every kind of file that a wheel can hold.
fn full_wheel() -> TestWheel {
    let noise: Vec<u8> = (0..20_000u32).map(|i| ((i * i) >> 7) as u8).collect();
    wheel(
        "Full.Pack",
        &["full=full.cli:App.run", "gui=full:main"],
        |pack| {
            pack.deflated("full/large.bin", &noise);
            pack.deflated("full/__init__.py", b"x = 1\n");
            pack.deflated("full/exec.so", b"elf");
            pack.stored("Full.Pack-1.0.data/purelib/pure.py", b"");
            pack.stored("Full.Pack-1.0.data/platlib/plat, odd.py", b"1");
            pack.deflated("Full.Pack-1.0.data/scripts/tool", b"#!python\nprint(1)\n");
            pack.deflated("Full.Pack-1.0.data/scripts/native", b"\x7fELF and more");
            pack.deflated("Full.Pack-1.0.data/scripts/full.exe", b"launcher");
            pack.stored("Full.Pack-1.0.data/data/share/man/full.1", b"man");
            pack.stored("Full.Pack-1.0.data/headers/full.h", b"#define X\n");
            pack.entry("full/empty", crate::entries::Content::Directory);
        },
    )
}

#[test]
fn every_kind_of_file_has_its_place() {
    let full = full_wheel();
    let mut packages = vec![full.installed()];
    packages[0].requested = true;
    packages[0].direct_url = Some(DirectUrl::Archive {
        url: "https://files.example.org/full.whl".into(),
        sha256: "0".repeat(64),
    });
    let layout = layout(&packages).unwrap();
    insta::assert_snapshot!("layout", layout);
    insta::assert_snapshot!("pyvenv_cfg", own(&layout, "venv/pyvenv.cfg"));
    let info = format!("{SITE}/Full.Pack-1.0.dist-info");
    assert_eq!(own(&layout, &format!("{info}/INSTALLER")), "pannier\n");
    insta::assert_snapshot!("record", own(&layout, &format!("{info}/RECORD")));
    let tool = own(&layout, "venv/bin/tool");
    assert!(tool.starts_with("#!/bin/sh\n'''exec' ") && tool.ends_with("\n' '''\nprint(1)\n"));
}

#[test]
fn a_record_lists_every_file_in_order() {
    let many = wheel("many", &["tool=many:main"], |pack| {
        for number in (0..1_500).rev() {
            let path = format!("many/{}/module_{number}.py", number / 100);
            pack.stored(&path, number.to_string().as_bytes());
        }
        pack.stored("many-1.0.data/headers/many.h", b"");
        pack.stored("many-1.0.data/data/share/many", b"");
    });
    let layout = lay_out(&[&many]).unwrap();
    let text = own(&layout, &format!("{SITE}/many-1.0.dist-info/RECORD"));
    let record = crate::wheel::Record::parse(text.as_bytes()).unwrap();
    // Sorted, and a row for each file of the package.
    assert_eq!(record.to_text(), text);
    let files = layout
        .items
        .iter()
        .filter(|item| item.kind != ItemKind::Directory);
    let own_files = files.filter(|item| !item.path.starts_with("venv/bin/python"));
    let listed = record.rows.len();
    let (_, head) = Planner::start(&options("/usr/bin/python3.13")).unwrap();
    let of_the_venv = head.iter().filter(|item| item.kind != ItemKind::Directory);
    let of_the_venv = of_the_venv.filter(|item| !item.path.starts_with("venv/bin/python"));
    assert_eq!(listed, own_files.count() - of_the_venv.count());
    for path in [
        "../../../bin/tool",
        "../../../share/many",
        "many/7/module_700.py",
    ] {
        assert!(record.rows.iter().any(|row| row.path == path), "{path}");
    }
}

#[test]
fn packages_come_in_the_order_of_their_names_and_bring_the_folders_that_are_new() {
    let a = wheel("a", &[], |pack| pack.stored("shared/a.py", b"a"));
    let b = wheel("b", &[], |pack| {
        pack.stored("shared/b.py", b"b");
        pack.stored("shared/deep/b.py", b"b");
    });
    let (mut planner, head) = Planner::start(&options("/usr/bin/python3.13")).unwrap();
    assert!(head.iter().any(|item| item.path == SITE));
    let mut folders = |wheel: &TestWheel| -> Vec<String> {
        let installed = wheel.installed();
        let items = planner.add(&installed).unwrap().into_iter();
        let folders = items.filter(|item| item.kind == ItemKind::Directory);
        folders.map(|item| item.path).collect()
    };
    let below = |names: &[&str]| -> Vec<String> {
        let names = names.iter();
        names.map(|name| format!("{SITE}/{name}")).collect()
    };
    assert_eq!(folders(&a), below(&["a-1.0.dist-info", "shared"]));
    assert_eq!(folders(&b), below(&["b-1.0.dist-info", "shared/deep"]));
}

#[test]
fn folders_come_once_and_before_their_content() {
    let layout = lay_out(&[&full_wheel()]).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for item in &layout.items {
        assert!(seen.insert(&item.path), "{} comes twice", item.path);
        if let Some((parent, _)) = item.path.rsplit_once('/') {
            assert!(
                seen.contains(&parent.to_owned()),
                "{} has no folder",
                item.path
            );
        }
    }
}

#[test]
fn two_owners_of_one_path_are_named() {
    let a = wheel("a", &[], |pack| pack.stored("shared/__init__.py", b"1"));
    let b = wheel("b", &[], |pack| pack.stored("shared/__init__.py", b"2"));
    let message = refused(&[&a, &b]);
    let path = format!("{SITE}/shared/__init__.py");
    assert_eq!(
        message,
        format!("the packages `a` and `b` both own `{path}`, and their files differ")
    );
    // The mode counts as well.
    let plain = wheel("a", &["exec=m:f"], |_| {});
    let other = wheel("b", &["exec=m:g"], |_| {});
    assert!(refused(&[&plain, &other]).contains("venv/bin/exec"));
}

#[test]
fn equal_files_are_written_once_and_recorded_twice() {
    let a = wheel("a", &["x=m:f"], |pack| pack.stored("shared.py", b"1"));
    let b = wheel("b", &["x=m:f"], |pack| pack.deflated("shared.py", b"1"));
    let layout = lay_out(&[&a, &b]).unwrap();
    let count = |path: &str| layout.items.iter().filter(|item| item.path == path).count();
    assert_eq!(count(&format!("{SITE}/shared.py")), 1);
    assert_eq!(count("venv/bin/x"), 1);
    for name in ["a", "b"] {
        let record = own(&layout, &format!("{SITE}/{name}-1.0.dist-info/RECORD")).to_owned();
        assert!(record.contains("\nshared.py,sha256="), "{record}");
        assert!(record.starts_with("../../../bin/x,sha256="), "{record}");
    }
}

#[test]
fn a_file_is_no_folder() {
    let a = wheel("a", &[], |pack| pack.stored("m", b"1"));
    let b = wheel("b", &[], |pack| pack.stored("m/x.py", b"1"));
    assert_eq!(
        refused(&[&a, &b]),
        format!("`{SITE}/m` is a file of `a` but a folder of `b`")
    );
    let c = wheel("c", &[], |pack| pack.stored("m", b"1"));
    assert_eq!(
        refused(&[&b, &c]),
        format!("`{SITE}/m` is a file of `c` but a folder of `b`")
    );
    let both = wheel("both", &[], |pack| {
        pack.stored("m/x.py", b"1");
        pack.stored("m", b"1");
    });
    assert_eq!(
        refused(&[&both]),
        format!("`{SITE}/m` is a file of `both` but a folder of `both`")
    );
    let lib = wheel("lib", &[], |pack| {
        pack.stored("lib-1.0.data/data/lib", b"1");
    });
    assert!(refused(&[&lib]).contains("`lib`"));
}

#[test]
fn the_venv_is_not_a_packages_to_write() {
    for path in [
        "data/bin/python3",
        "data/pyvenv.cfg",
        "data/lib64/x",
        "scripts/activate",
        "scripts/Python.exe",
    ] {
        let bad = wheel("bad", &[], |pack| {
            pack.stored(&format!("bad-1.0.data/{path}"), b"x")
        });
        let message = refused(&[&bad]);
        assert!(
            message.contains("`bad`") && message.contains("would write"),
            "{message}"
        );
    }
    for point in ["python3=m:f", "activate=m:f"] {
        assert!(refused(&[&wheel("bad", &[point], |_| {})]).contains("belongs to"));
    }
}

#[test]
fn data_folders_hold_what_the_standard_knows() {
    for path in ["other/x", "x", "scripts/dir/x", "scripts/-x"] {
        let bad = wheel("bad", &[], |pack| {
            pack.stored(&format!("bad-1.0.data/{path}"), b"x")
        });
        assert!(refused(&[&bad]).contains(path));
    }
    for point in ["../x=m:f", "-x=m:f", "a/b=m:f"] {
        assert!(refused(&[&wheel("bad", &[point], |_| {})]).contains("entry_points.txt"));
    }
    let bad = wheel("bad", &[], |pack| pack.link("x", "/etc/passwd"));
    assert!(refused(&[&bad]).contains("symbolic links"));
}

#[test]
fn one_package_twice_is_refused() {
    let a = wheel("a", &[], |_| {});
    assert_eq!(
        refused(&[&a, &a]),
        "the package `a` would be installed twice"
    );
    let clash = wheel("a", &[], |pack| {
        pack.stored("x.py", b"1");
        pack.stored("a-1.0.data/purelib/x.py", b"2");
    });
    assert!(refused(&[&clash]).contains("two of its files differ"));
}

#[test]
fn one_wheel_is_refused_and_two_packages_do_not_go_together() {
    let judged = |packages: &[&TestWheel]| lay_out(packages).expect_err("a conflict").is_refusal();
    let alone = |files: [&str; 2]| {
        let both = wheel("a", &[], |pack| {
            for (number, path) in files.iter().enumerate() {
                pack.stored(path, &[number as u8]);
            }
        });
        judged(&[&both])
    };
    assert!(alone(["x.py", "a-1.0.data/platlib/x.py"]));
    assert!(alone(["x", "a-1.0.data/platlib/x/y.py"]));
    assert!(alone(["x.py", "a-1.0.data/data/bin"]));
    assert!(alone(["x.py", "a-1.0.dist-info/INSTALLER/x"]));
    let of = |name: &str, path: &str| wheel(name, &[], |pack| pack.stored(path, name.as_bytes()));
    assert!(!judged(&[&of("a", "x.py"), &of("b", "x.py")]));
    assert!(!judged(&[&of("a", "x"), &of("b", "x/y.py")]));
}

#[test]
fn pip_is_called_after_the_python_of_the_target() {
    let points = ["pip=pip:main", "pip3=pip:main", "pip3.9=pip:main"];
    let layout = lay_out(&[&wheel("pip", &points, |_| {})]).unwrap();
    let mut programs: Vec<_> = layout
        .items
        .iter()
        .filter_map(|item| item.path.strip_prefix("venv/bin/pip"))
        .collect();
    programs.sort_unstable();
    assert_eq!(programs, ["", "3", "3.13"]);
}
