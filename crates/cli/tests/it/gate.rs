//! `pannier gate` as the real program: a real uv, an index and a repository of the test's own, tiny wheels that import.
//!
//! Snapshots show what people read: the screen, the Markdown report, the JUnit file.
#![allow(clippy::unwrap_used)]

use crate::bumps::{PINS, Package, World};
use pannier_testkit::loopback::{Answer, Fault};

#[test]
fn a_bump_that_another_package_refuses_is_blamed_with_its_line_and_what_must_come_along() {
    let world = World::new();
    let new = PINS
        .replace("base==1.0", "base==2.0  # up")
        .replace("side==1.0", "side==1.1");
    world.change(PINS, &new);
    let ran = world.against_main();
    assert_eq!(ran.code, 6, "{}", ran.screen);
    insta::assert_snapshot!("refused_screen", ran.screen);
    insta::assert_snapshot!("refused_report", world.wrote("gate.md"));
    insta::assert_snapshot!("refused_junit", world.wrote("gate.xml"));
}

#[test]
fn a_bump_that_fits_passes_and_only_the_affected_image_is_built() {
    let world = World::new();
    world.change(PINS, &PINS.replace("base==1.0", "base==1.1"));
    let ran = world.against_main();
    assert_eq!(ran.code, 0, "{}", ran.screen);
    insta::assert_snapshot!("passed_screen", ran.screen);
    insta::assert_snapshot!("passed_report", world.wrote("gate.md"));
    insta::assert_snapshot!("passed_junit", world.wrote("gate.xml"));
    let asked = world.index.http.seen();
    let of_other = asked
        .iter()
        .filter(|request| request.path.ends_with("lone-1-py3-none-any.whl"));
    let of_other: Vec<_> = of_other
        .map(|request| (&request.method, &request.path, &request.headers))
        .collect();
    assert!(
        of_other.is_empty(),
        "nothing of the other image is fetched: {of_other:?}"
    );
}

#[test]
fn a_conversion_that_is_not_of_now_is_drift() {
    let world = World::new();
    world.change(PINS, &PINS.replace("base==1.0", "base==1.1"));
    world.write("constraints.txt", &PINS.replace("base==1.0", "base==1.1.0"));
    let ran = world.against_main();
    assert_eq!(ran.code, 5, "{}", ran.screen);
    assert!(ran.screen.contains("pannier constraints convert"));
    assert!(world.wrote("gate.xml").contains("type=\"drift\""));
    std::fs::remove_file(world.project().join("constraints.yml")).unwrap();
    assert_eq!(world.against_main().code, 5);
    assert_eq!(world.index.http.count(), 0);
}

#[test]
fn without_a_bump_nothing_is_asked() {
    let world = World::new();
    world.change(PINS, &format!("# a comment\n{PINS}"));
    let ran = world.against_main();
    assert_eq!(ran.code, 0, "{}", ran.screen);
    insta::assert_snapshot!(ran.screen, @r"
    constraints gate: passed
    No bound changed against main (<commit>): there is nothing to test.
    ");
    assert_eq!(world.index.http.count(), 0);
}

#[test]
fn an_index_that_is_dead_or_lies_judges_nothing() {
    let world = World::new();
    world.change(PINS, &PINS.replace("base==1.0", "base==2.0"));
    let login =
        || Answer::new(200, "<html>Please sign in</html>").with("content-type", "text/html");
    for (page, answer) in [
        ("/simple/", Fault::Answer(Answer::new(500, "dead"))),
        ("/simple/", Fault::Answer(Answer::new(403, "no"))),
        ("/simple/", Fault::Answer(Answer::new(404, "none"))),
        ("/simple/", Fault::Drop),
        ("/simple/base/", Fault::Answer(login())),
    ] {
        // Nothing of an earlier round is remembered.
        let _ = std::fs::remove_dir_all(world.folder.path().join("store"));
        for _ in 0..200 {
            world.index.http.fault(page, answer.clone());
        }
        let ran = world.against_main();
        assert_eq!(ran.code, 1, "{page} {answer:?}:\n{}", ran.screen);
        assert!(ran.screen.contains("undecided"), "{}", ran.screen);
        assert!(!ran.screen.contains("refused"), "{}", ran.screen);
        assert!(world.wrote("gate.xml").contains("<error"));
        world.index.http.heal();
    }
    assert_eq!(world.against_main().code, 6, "the index is well again");
}

#[test]
fn a_pin_that_was_yanked_is_refused() {
    let world = World::new();
    let yanked = Package {
        yanked: Some("leaks memory"),
        ..Package::default()
    };
    world.add("side", "1.2", yanked);
    world.change(PINS, &PINS.replace("side==1.0", "side==1.2"));
    let ran = world.against_main();
    assert_eq!(ran.code, 6, "{}", ran.screen);
    insta::assert_snapshot!(ran.screen, @r##"
    constraints gate: refused
    1 bump against main (<commit>), 6 of 8 checks passed, 1 skipped, 2 resolutions.
    bump  change         level  reach            result
    side  ==1.0 → ==1.2  minor  here: 1 package  refused
    refused: no pin is yanked
        side 1.2 (constraints.txt:4) is yanked: leaks memory
    skipped: other: tarball
        not affected: its packages stay the same
    "##);
}

#[test]
fn what_does_not_work_any_more_is_refused_with_the_bump_that_reaches_it() {
    let world = World::new();
    let module = |module| Package {
        module,
        ..Package::default()
    };
    // `lib` is not bumped, but what it imports is gone; `side` was broken before and still is.
    let lib = Package {
        requires: &["base"],
        module: "from base import thing",
        ..Package::default()
    };
    world.add("lib", "1.5", lib);
    world.add("base", "1.2", module("thing = 1"));
    world.add(
        "base",
        "1.3",
        module("import os; assert 'SECRET_TOKEN' not in os.environ"),
    );
    world.add(
        "side",
        "3",
        module("raise OSError('libGL.so.1 is missing')"),
    );
    world.add(
        "side",
        "4",
        module("raise OSError('libGL.so.1 is missing')"),
    );
    // What the index tells uv of `app` is not what its wheel says, and Pannier it tells nothing.
    let liar = Package {
        requires: &["lib", "nowhere>=3"],
        told: Some(&["lib"]),
        ..Package::default()
    };
    world.add("app", "2", liar);
    world.configure(
        "requirements: [app, side]",
        "gate: {smoke: [\"python -c 'import base; base.thing'\", \"test -z \\\"$SECRET_TOKEN\\\"\"]}\n",
    );
    world.change(
        "app==1.0\nlib==1.5\nbase==1.2\nside==3\n",
        "app==2\nlib==1.5\nbase==1.3\nside==4\n",
    );
    let ran = world.against_main();
    assert_eq!(ran.code, 6, "{}", ran.screen);
    insta::assert_snapshot!(ran.screen, @r##"
    constraints gate: refused
    3 bumps against main (<commit>), 8 of 13 checks passed, 2 skipped, 2 resolutions.
    bump  change         level  reach             result
    app   ==1.0 → ==2    major  here: 1 package   refused
    base  ==1.2 → ==1.3  minor  here: 3 packages  refused
    side  ==3 → ==4      major  here: 1 package   suspected
    refused: here: metadata of app
        app 2 requires nowhere>=3, which is not installed
    refused: here: import lib
        lib: ImportError: cannot import name 'thing' from 'base' (<tree>/venv/lib/python3.11/site-packages/base.py)
    skipped: here: import side
        it fails with the old constraints too: side: OSError: libGL.so.1 is missing
    refused: here: smoke: python -c 'import base; base.thing'
        exit code 1: AttributeError: module 'base' has no attribute 'thing'
    skipped: other: tarball
        not affected: its packages stay the same
    "##);
}

#[test]
fn programs_of_the_teams_own_packages_have_to_answer() {
    let world = World::new();
    world.configure("packages: [./tool]\nrequirements: [side]", "");
    world.write(
        "tool/pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
    );
    world.write("tool/backend.py", BACKEND);
    world.add(
        "side",
        "2",
        Package {
            module: "raise SystemExit(3)",
            ..Package::default()
        },
    );
    world.change("side==1.0\n", "side==2\n");
    let ran = world.gate(&["--base", "main", "--image", "here"]);
    assert_eq!(ran.code, 6, "{}", ran.screen);
    insta::assert_snapshot!(ran.screen, @r##"
    constraints gate: refused
    1 bump against main (<commit>), 7 of 9 checks passed, 2 resolutions.
    bump  change       level  reach             result
    side  ==1.0 → ==2  major  here: 2 packages  refused
    refused: here: import side
        side: SystemExit: 3
    refused: here: tool-run --help
        exit code 3
    "##);
}

/// Builds a wheel with a program that imports `side`.
const BACKEND: &str = r#"
import base64, hashlib, os, zipfile
INFO = "tool-1.0.dist-info/"
FILES = {
    "tool.py": "def main():\n    import side\n",
    INFO + "METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\nRequires-Dist: side\n",
    INFO + "WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    INFO + "entry_points.txt": "[console_scripts]\ntool-run = tool:main\n",
}
def build_wheel(out, config_settings=None, metadata_directory=None):
    name, record = "tool-1.0-py3-none-any.whl", ""
    with zipfile.ZipFile(os.path.join(out, name), "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record += "%s,sha256=%s,%d\n" % (path, digest, len(text))
        wheel.writestr(INFO + "RECORD", record + INFO + "RECORD,,\n")
    return name
"#;

#[test]
fn the_base_may_be_a_file_and_a_missing_revision_says_how_to_get_it() {
    let world = World::new();
    world.change(PINS, &PINS.replace("lone==1", "lone==2"));
    world.write("before.txt", PINS);
    let ran = world.gate(&["--base", "before.txt", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.screen);
    let report: serde_json::Value = serde_json::from_str(&ran.screen).unwrap();
    assert_eq!(report["outcome"], "passed");
    assert_eq!(report["bumps"][0]["name"], "lone");
    assert_eq!(report["bumps"][0]["reach"]["images"][0], "other");
    // The image is built for an interpreter that is not available: its tests are skipped, not passed.
    let smoke = report["checks"].as_array().unwrap();
    let smoke = smoke.iter().find(|check| check["name"] == "smoke tests");
    assert_eq!(smoke.unwrap()["result"], "skipped");

    let ran = world.gate(&[]);
    assert_eq!(ran.code, 1, "{}", ran.screen);
    assert!(
        ran.screen.contains("no commit `origin/main`") && ran.screen.contains("git fetch origin"),
        "{}",
        ran.screen
    );
}

#[test]
fn of_twenty_bumps_the_right_one_is_found_with_few_resolutions() {
    let world = World::new();
    let names: Vec<String> = (0..20).map(|n| format!("many{n}")).collect();
    let mut lines = [String::new(), String::new()];
    for name in &names {
        world.add(name, "1", Package::default());
        world.add(name, "2", Package::default());
        lines[0] += &format!("{name}==1\n");
        lines[1] += &format!("{name}==2\n");
    }
    world.configure(&format!("requirements: [app, {}]", names.join(", ")), "");
    world.change(
        &format!("{PINS}{}", lines[0]),
        &format!("{}{}", PINS.replace("base==1.0", "base==2.0"), lines[1]),
    );
    let ran = world.gate(&["--base", "main", "--format", "json"]);
    assert_eq!(ran.code, 6, "{}", ran.screen);
    let report: serde_json::Value = serde_json::from_str(&ran.screen).unwrap();
    assert_eq!(report["bumps"].as_array().unwrap().len(), 21);
    let blamed = report["blame"].as_array().unwrap();
    assert_eq!(blamed.len(), 1);
    let bump = blamed[0]["bump"].as_u64().unwrap() as usize;
    assert_eq!(report["bumps"][bump]["name"], "base");
    assert_eq!(report["bumps"][bump]["new"]["line"], 3);
    let resolutions = report["resolutions"].as_u64().unwrap();
    assert!(resolutions <= 12, "{resolutions}");
}

#[test]
fn a_bump_is_judged_together_with_what_this_run_overrides() {
    let world = World::new();
    let new = PINS.replace("base==1.0", "base==2.0");
    world.change(PINS, &new);
    assert_eq!(world.against_main().code, 6, "lib 1.0 refuses it");
    let over = |value: &str| world.gate(&["--base", "main", "--override", value]);
    // The constraints of `lib` are set aside, and version 2 of it needs the bump.
    let ran = over("lib===2.0");
    assert_eq!(ran.code, 0, "{}", ran.screen);
    insta::assert_snapshot!("override_screen", ran.screen);
    insta::assert_snapshot!("override_report", world.wrote("gate.md"));
    // One that changes nothing about it does not help.
    let ran = over("side===1.1");
    assert_eq!(ran.code, 6, "{}", ran.screen);
    assert!(
        ran.screen.contains("raised base ==1.0 -> ==2.0"),
        "{}",
        ran.screen
    );
    // The locks of the project are nobody's business here.
    for lock in ["pylock.toml", "pylock.overridden.toml"] {
        assert!(!world.project().join(lock).exists(), "{lock}");
    }
}

#[test]
fn hashes_that_change_are_judged_like_a_version() {
    let world = World::new();
    let stated = |hash: &str| PINS.replace("side==1.0", &format!("side==1.0 --hash=sha256:{hash}"));
    let right = crate::bumps::sha256("side", "1.0");
    let wrong = "0".repeat(64);
    world.change(&stated(&right), &stated(&wrong));
    let ran = world.against_main();
    assert_eq!(ran.code, 6, "{}", ran.screen);
    for part in [
        "changed",
        "hash mismatch",
        &right,
        &wrong,
        "constraints.txt:",
    ] {
        assert!(ran.screen.contains(part), "{part}: {}", ran.screen);
    }
    let world = World::new();
    world.change(PINS, &stated(&right));
    let ran = world.against_main();
    assert_eq!(ran.code, 0, "{}", ran.screen);
    // A new pin with the hashes of the old one.
    let world = World::new();
    let stale = stated(&right).replace("side==1.0", "side==1.1");
    world.change(&stated(&right), &stale);
    assert_eq!(world.against_main().code, 6);
}
