//! Raising pins and finding who needs what, on values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::constraints::{Document, Variables};
use crate::lock::model::Lock;
use crate::lock::model::LockedImage;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use crate::lock::model::PannierTable;
use pannier_base::digest::Digest;
use pannier_base::name::PackageName;

fn package(name: &str, version: &str, marker: Option<&str>) -> LockedPackage {
    LockedPackage {
        name: name.parse().unwrap(),
        version: Some(version.parse().unwrap()),
        marker: marker.map(str::to_owned),
        requires_python: None,
        index: None,
        source: LockedSource::Index {
            sdist: Some(crate::lock::model::Artifact {
                name: format!("{name}-{version}.tar.gz"),
                url: "https://index.example.org/a.tar.gz".parse().unwrap(),
                size: None,
                upload_time: None,
                sha256: Digest::of(b""),
            }),
            wheels: Vec::new(),
        },
    }
}

fn lock(packages: Vec<LockedPackage>) -> Lock {
    let image = |python: &str| LockedImage {
        target: pannier_base::platform::Target {
            python: python.parse().unwrap(),
            platform: "x86_64-manylinux_2_31".parse().unwrap(),
        },
        requested: Vec::new(),
        packages: None,
        data: Vec::new(),
    };
    Lock {
        requires_python: None,
        environments: Vec::new(),
        packages,
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b""),
            constraints: None,
            parts: BTreeMap::new(),
            images: [("old", "3.9"), ("new", "3.13")]
                .map(|(name, python)| (name.parse().unwrap(), image(python)))
                .into(),
            data: BTreeMap::new(),
            forks: Vec::new(),
            overrides: Default::default(),
        },
    }
}

fn documents(text: &str) -> BTreeMap<PathBuf, Document> {
    let path = Path::new("c.txt");
    let document = Document::parse(text, path, &Variables::from([("V".into(), "1".into())]));
    BTreeMap::from([(path.to_owned(), document.expect(text))])
}

fn raise(text: &str, lock: &Lock) -> (String, Vec<String>) {
    let raised = raised(&documents(text), lock, None);
    let kept = raised.kept.iter();
    let kept = kept.map(|kept| format!("{} {}", kept.package, kept.reason));
    let new = raised.texts.get(Path::new("c.txt"));
    (new.map_or(text, String::as_str).to_owned(), kept.collect())
}

#[test]
fn pins_become_lower_bounds_and_all_else_stays() {
    let text =
        "a==1.0+cpu\nb>=1,<2\nc @ https://example.org/c.whl\nd===2 ; os_name == 'posix'\ne==1.*";
    let lines = documents(text)[Path::new("c.txt")].constraints().to_vec();
    let shown = |names: Option<&[PackageName]>| -> Vec<String> {
        let loosened = loosened(&lines, names);
        loosened
            .iter()
            .map(|it| it.constraint.to_string())
            .collect()
    };
    assert_eq!(
        shown(None),
        [
            "a>=1.0",
            "b>=1,<2",
            "c @ https://example.org/c.whl",
            "d>=2 ; os_name == 'posix'",
            "e==1.*"
        ]
    );
    let only_a = ["a".parse().unwrap()];
    assert_eq!(shown(Some(&only_a))[3], "d===2 ; os_name == 'posix'");
}

#[test]
fn only_versions_change_in_a_text() {
    let lock = lock(vec![
        package("a", "2.0", None),
        package("b", "3", None),
        package("c", "2", None),
        package("h", "2", None),
        package("v", "2", None),
    ]);
    let text = "# head\r\nA == 1.0 \\\r\n  ; python_version > '3'  # why\r\nb(==2)\nc==2\nd==1\nh==1 --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000\nv==${V}\nc-x==1";
    let (new, kept) = raise(text, &lock);
    assert_eq!(new, text.replace("1.0", "2.0").replace("b(==2)", "b(==3)"));
    assert_eq!(
        kept,
        [
            "h it has hashes, which belong to the files of one version",
            "v its version is a variable"
        ]
    );
}

#[test]
fn a_line_forks_where_no_version_serves_all_images() {
    let lock = lock(vec![
        package("n", "2.0", Some("python_full_version < '3.10'")),
        package("n", "2.3", Some("python_full_version >= '3.10'")),
    ]);
    let (new, _) = raise("x==1\nn==1.9  # both\n", &lock);
    assert_eq!(
        new,
        "x==1\nn==2.0 ; python_full_version < '3.10'\nn==2.3 ; python_full_version >= '3.10'  # both\n"
    );
    // Lines that are kept apart already get theirs.
    let (new, _) = raise(
        "n==1.9 ; python_version < '3.10'\nn==2.1 ; python_version >= '3.10'",
        &lock,
    );
    assert_eq!(
        new,
        "n==2.0 ; python_version < '3.10'\nn==2.3 ; python_version >= '3.10'"
    );
}

#[test]
fn a_package_reaches_its_images_and_who_needs_it() {
    let lock = lock(vec![
        package("app", "1", None),
        package("dep", "1", Some("python_full_version < '3.10'")),
        package("dep", "2", Some("python_full_version >= '3.10'")),
        package("rare", "1", Some("python_full_version >= '3.10'")),
    ]);
    let requires = |package: &LockedPackage| {
        (package.name.as_str() == "app").then(|| {
            let lines = [
                "dep>=1",
                "rare ; python_version >= '3.10'",
                "app ; extra == 'all'",
            ];
            lines.map(str::to_owned).to_vec()
        })
    };
    let reach = reach(&lock, &requires).unwrap();
    let of = |name: &str| serde_json::to_string(&reach.of(&name.parse().unwrap())).unwrap();
    assert_eq!(
        of("dep"),
        r#"{"images":{"new":"2","old":"1"},"needed_by":["app"]}"#
    );
    assert_eq!(of("rare"), r#"{"images":{"new":"1"},"needed_by":["app"]}"#);
    assert_eq!(
        of("app"),
        r#"{"images":{"new":"1","old":"1"},"needed_by":[]}"#
    );
    assert_eq!(of("gone"), r#"{"images":{},"needed_by":[]}"#);
}
