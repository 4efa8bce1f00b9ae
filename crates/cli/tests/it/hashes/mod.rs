//! Hashes of constraints and requirements files are enforced, on the real program with a real uv and an index on loopback.
#![allow(clippy::unwrap_used)]

mod world;

use pannier_testkit::index::IndexFile;
use world::{World, digest, sha512, source, wheel};

/// A digest that no file has.
const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn hash(file: &IndexFile) -> String {
    format!("--hash=sha256:{}", digest(file))
}

fn none() -> String {
    format!("--hash=sha256:{NONE}")
}

#[test]
fn a_hash_that_no_file_has_is_refused_with_both_digests_and_its_line() {
    let world = World::new("requirements: [lib]");
    world.write("constraints.txt", &format!("# head\nlib==1.0 {}\n", none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(!world.has("pylock.toml"));
    insta::assert_snapshot!(ran.screen, @r"
    error: hash mismatch in 1 package:
        lib 1.0 (image new, old)
          expected by constraints.txt:2:
            sha256:0000000000000000000000000000000000000000000000000000000000000000
          found for lib-1.0-py3-none-any.whl:
            sha256:e21b84bb56600d7c275f92ba619cc04a25fbd79a81918a9619e58cc21be2bfac
      help: either the index serves other files than those of the hashes, or the hashes belong to another version: find out which before you change them (`pip hash FILE` prints the hash of a file that you trust)
    ");
    assert_eq!(world.run("prepare").code, 4);
    assert!(!world.has("dist/new.tar.gz"));
}

#[test]
fn one_right_hash_of_several_is_enough() {
    let world = World::new("requirements: [lib]");
    let own = digest(&wheel("lib", "1.0"));
    for hashes in [
        format!("--hash=sha256:{own}"),
        format!("--hash sha256:{}", own.to_uppercase()),
        format!("{} \\\n    --hash=sha256:{own}", none()),
        format!("--hash=sha512:{}", sha512(&wheel("lib", "1.0"))),
        format!("{} --hash=sha512:{}", none(), sha512(&wheel("lib", "1.0"))),
    ] {
        world.write("constraints.txt", &format!("lib==1.0 {hashes}\n"));
        world.ok("lock");
        world.ok("prepare --locked");
    }
    // Nothing in the lock says what it is: the file does.
    let long = format!("lib==1.0 --hash=sha512:{NONE}{NONE}\n");
    world.write("constraints.txt", &long);
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    let found = format!("sha512:{}", sha512(&wheel("lib", "1.0")));
    assert!(ran.screen.contains(&found), "{}", ran.screen);
}

#[test]
fn requirements_files_count_and_every_line_is_a_condition() {
    let world = World::new("requirements: [-r r.in]");
    let own = hash(&wheel("lib", "1.0"));
    world.write("r.in", &format!("lib==1.0 {}\n", none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(ran.screen.contains("expected by r.in:1"), "{}", ran.screen);
    world.write("r.in", &format!("lib==1.0 {own}\n"));
    world.ok("lock");
    // What one line allows and the other does not is not allowed.
    world.write("constraints.txt", &format!("lib==1.0 {}\n", none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    for place in ["r.in:1", "constraints.txt:1"] {
        assert!(ran.screen.contains(place), "{}", ran.screen);
    }
    let both = format!("lib==1.0 {own} {}\n", none());
    world.write("constraints.txt", &both);
    world.ok("lock");
}

#[test]
fn a_line_counts_where_its_marker_holds() {
    let world = World::new("requirements: [lib]");
    let own = hash(&wheel("lib", "1.0"));
    let lines = |old: &str, new: &str| {
        format!(
            "lib==1.0 ; python_version < '3.10' {old}\nlib==1.0 ; python_version >= '3.10' {new}\n"
        )
    };
    world.write("constraints.txt", &lines(&own, &own));
    world.ok("lock");
    world.write("constraints.txt", &lines(&own, &none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(
        ran.screen.contains("lib 1.0 (image new)\n"),
        "{}",
        ran.screen
    );
    assert!(ran.screen.contains("constraints.txt:2"), "{}", ran.screen);
    // No image is like that.
    let other = lines(&own, &none()).replace(">= '3.10'", ">= '3.14'");
    world.write("constraints.txt", &other);
    world.ok("lock");
}

#[test]
fn where_only_the_source_archive_is_allowed_it_is_built() {
    let world = World::new("requirements: [both]");
    world.index.add(wheel("both", "1.0"));
    let archive = source("both", "1.0");
    world.index.add(archive.clone());
    world.write(
        "constraints.txt",
        &format!("both==1.0 {}\n", hash(&archive)),
    );
    world.ok("lock");
    let lock = world.read("pylock.toml");
    assert!(
        lock.contains("both-1.0.tar.gz") && !lock.contains(".whl"),
        "{lock}"
    );
    world.ok("prepare --locked");
    assert!(
        world
            .read("dist/new.manifest.json")
            .contains("both-1.0.tar.gz")
    );
}

#[test]
fn a_source_archive_is_not_built_before_its_hash_was_compared() {
    let world = World::new("requirements: [raw]");
    let archive = source("raw", "1.0");
    world.index.add(archive.clone());
    for line in [
        format!("raw==1.0 {}\n", none()),
        // What the index does not have says nothing about the others.
        format!("gone==1.0 {0}\nraw==1.0 {0}\n", none()),
    ] {
        world.write("constraints.txt", &line);
        let ran = world.run("lock");
        assert_eq!(ran.code, 4, "{}", ran.screen);
        let found = format!(
            "found for raw-1.0.tar.gz:\n        sha256:{}",
            digest(&archive)
        );
        assert!(ran.screen.contains(&found), "{}", ran.screen);
        assert!(!world.has("built"), "foreign code has run");
    }
    world.write("constraints.txt", &format!("raw==1.0 {}\n", hash(&archive)));
    world.ok("prepare");
    assert!(world.has("built"));
}

#[test]
fn a_pin_that_only_some_images_can_have_is_compared_before_it_is_built() {
    let world = World::new("requirements: [\"raw ; python_version >= '3.10'\", lib]");
    let archive = IndexFile {
        requires_python: Some(">=3.10".to_owned()),
        ..source("raw", "1.0")
    };
    world.index.add(archive.clone());
    let own = hash(&wheel("lib", "1.0"));
    let lines = |raw: &str| format!("raw==1.0 {raw}\nlib==1.0 {own}\n");
    world.write("constraints.txt", &lines(&none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(!world.has("built"), "foreign code has run");
    world.write("constraints.txt", &lines(&hash(&archive)));
    world.ok("prepare");
    assert!(world.has("built"));
}

#[test]
fn other_hashes_make_the_lock_stale() {
    let world = World::new("requirements: [-r r.in]");
    let own = hash(&wheel("lib", "1.0"));
    world.write("r.in", "lib\n");
    world.write("constraints.txt", "lib==1.0\n");
    world.ok("lock");
    let check = |constraints: &str, requirements: &str, code: i32, changed: &str| {
        world.write("constraints.txt", constraints);
        world.write("r.in", requirements);
        let ran = world.run("lock --check");
        assert_eq!(ran.code, code, "{}", ran.screen);
        assert!(ran.screen.contains(changed), "{}", ran.screen);
        assert_eq!(world.run("prepare --locked").code, code);
    };
    check(
        &format!("lib==1.0 {own}\n"),
        "lib\n",
        3,
        "constraints changed",
    );
    let of_image = "requirements of image new changed";
    check("lib==1.0\n", &format!("lib==1.0 {own}\n"), 3, of_image);
    let two = [format!("lib==1.0 {own} {}\n", none()), "lib\n".to_owned()];
    world.write("constraints.txt", &two[0]);
    world.write("r.in", &two[1]);
    world.ok("lock");
    check(
        &format!("lib==1.0 {} {own}\n", none()),
        "lib\n",
        0,
        "matches the request",
    );
    check("lib==1.0\n", "lib\n", 3, "constraints changed");
}

#[test]
fn an_edited_lock_is_refused_and_so_is_another_file_on_the_index() {
    let world = World::new("requirements: [lib]");
    let own = wheel("lib", "1.0");
    world.write("constraints.txt", &format!("lib==1.0 {}\n", hash(&own)));
    world.ok("lock");
    let lock = world.read("pylock.toml");
    let evil = wheel("lib", "1.1");
    let edited = lock
        .replace(&digest(&own), &digest(&evil))
        .replace("lib-1.0-", "lib-1.1-")
        .replace("\"1.0\"\nindex", "\"1.1\"\nindex");
    assert_ne!(edited, lock);
    world.write("pylock.toml", &edited);
    for arguments in [
        "lock --check",
        "lock",
        "prepare",
        "prepare --locked --offline",
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 4, "{arguments}: {}", ran.screen);
        assert!(ran.screen.contains(&digest(&evil)), "{}", ran.screen);
    }
    world.write("pylock.toml", &lock);
    world.index.replace(IndexFile {
        bytes: wheel("lib", "1.1").bytes,
        ..own
    });
    let ran = world.run("prepare --locked");
    assert_eq!(ran.code, 4, "{}", ran.screen);
}

#[test]
fn hashes_that_nothing_could_check_are_errors_of_their_line() {
    let world = World::new("requirements: [lib]");
    let own = hash(&wheel("lib", "1.0"));
    let url = world.index.http.url("/files/lib-1.0-py3-none-any.whl");
    world.write(
        "constraints.txt",
        &format!(
            "lib>=1.0 {own}\na==1.* {own}\nb===1.0 {own}\nc==1.0 --hash=md5:00\nd==1.0 --hash=sha256:00\ne @ {url} {own} {}\nf @ {url}#md5=00\ng @ git+https://example.org/g.git {own}\nh==1.0 --hash={NONE}\n",
            none()
        ),
    );
    let ran = world.run("lock");
    assert_eq!(ran.code, 2, "{}", ran.screen);
    let short = ran.screen.replace(&digest(&wheel("lib", "1.0")), "<lib>");
    let short = short.replace(&world.index.http.url(""), "https://example.org");
    let reasons = short
        .lines()
        .filter(|line| line.contains("constraints.txt:"));
    let reasons: Vec<_> = reasons.map(str::trim).collect();
    insta::assert_snapshot!(reasons.join("\n").replace(NONE, "<none>"), @r"
    - constraints.txt:1:9: hashes belong to the files of one version: pin the version with `==`
    - constraints.txt:2:7: hashes belong to the files of one version: pin the version with `==`
    - constraints.txt:3:8: hashes belong to the files of one version: pin the version with `==`
    - constraints.txt:4:8: `md5:00` is not a hash: `sha256:`, `sha384:` or `sha512:` and the digest are expected
    - constraints.txt:5:8: `00` is not a sha256 digest, which has 64 hexadecimal digits
    - constraints.txt:6:58: a URL names one file: add its one sha256 digest
    - constraints.txt:7:64: the hash `md5` of a URL cannot be checked: write one `#sha256=…`
    - constraints.txt:8:34: hashes do not apply to a git repository
    - constraints.txt:9:8: `<none>` is not a hash: `sha256:`, `sha384:` or `sha512:` and the digest are expected
    ");
    let fragment = format!("requirements: ['lib @ {url}#sha1=00']");
    let other = World::new(&fragment);
    let ran = other.run("lock");
    assert_eq!(ran.code, 2, "{}", ran.screen);
}

#[test]
fn the_file_of_a_url_has_the_hash_beside_it() {
    let world = World::new("requirements: [-r r.in]");
    world.write("constraints.txt", "");
    for (file, name) in [(wheel("lib", "1.0"), "lib"), (source("raw", "1.0"), "raw")] {
        world.index.add(file.clone());
        let url = world.index.http.url(&format!("/files/{}", file.name));
        for line in [
            format!("{name} @ {url} {}\n", none()),
            format!("{name} @ {url}#sha256={NONE}\n"),
        ] {
            world.write("r.in", &line);
            let ran = world.run("prepare");
            assert_eq!(ran.code, 4, "{line}: {}", ran.screen);
            assert!(ran.screen.contains(NONE), "{}", ran.screen);
            assert!(ran.screen.contains(&digest(&file)), "{}", ran.screen);
            assert!(!world.has("built"), "foreign code has run");
        }
        world.write("r.in", &format!("{name} @ {url} {}\n", hash(&file)));
        world.ok("prepare --require-hashes");
        let _ = std::fs::remove_file(world.path().join("built"));
    }
}

#[test]
fn required_hashes_that_are_missing_come_all_at_once_and_ready_to_paste() {
    let world = World::new("requirements: [app, lib]\nrequire_hashes: true");
    world.write("constraints.txt", "lib==1.0\n");
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    insta::assert_snapshot!(ran.screen, @r"
    error: hashes are required, but 2 packages have none:
        app==1.0 \
            --hash=sha256:251ec5c11747882f4cd164e7571424563d4049e1f65c819cc08dd64e30962a54
        # in place of constraints.txt:1
        lib==1.0 \
            --hash=sha256:e21b84bb56600d7c275f92ba619cc04a25fbd79a81918a9619e58cc21be2bfac
      help: check that you trust these files, then add the lines to the constraints file
    ");
    let lines = ran
        .screen
        .lines()
        .skip(1)
        .take_while(|line| !line.contains("help:"));
    let lines: String = lines.map(|line| format!("{}\n", line.trim())).collect();
    world.write("constraints.txt", &lines);
    world.ok("prepare");
    // Nothing more is needed of a lock that has them all.
    world.ok("lock --check");
    world.write("constraints.txt", &lines.replace("app==1.0", "app==1.0 # "));
    assert_ne!(world.run("prepare").code, 0);
}

#[test]
fn a_run_can_require_hashes_but_not_do_without_them() {
    let world = World::new("requirements: [lib]");
    world.write("constraints.txt", "lib==1.0\n");
    world.ok("lock");
    world.ok("prepare --locked");
    assert_eq!(world.run("prepare --locked --require-hashes").code, 4);
    assert_eq!(world.run("lock --check --require-hashes").code, 4);
    let with = |value: &str| world.run_with("lock --check", &[("PANNIER_REQUIRE_HASHES", value)]);
    assert_eq!((with("1").code, with("false").code), (4, 0));
    assert_eq!(with("maybe").code, 2);
    let strict = World::new("requirements: [lib]\nrequire_hashes: true");
    strict.write("constraints.txt", "lib==1.0\n");
    let ran = strict.run_with("lock", &[("PANNIER_REQUIRE_HASHES", "false")]);
    assert_eq!(ran.code, 4, "{}", ran.screen);
    let shown = strict.run("config show").screen;
    let row = shown
        .lines()
        .find(|line| line.starts_with("require_hashes"));
    let row = row.unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(
        row,
        ["require_hashes", "true", "pannier.yml:", "require_hashes"]
    );
}

#[test]
fn required_hashes_keep_source_archives_from_being_built() {
    let world = World::new("requirements: [raw]\nrequire_hashes: true");
    let archive = source("raw", "1.0");
    world.index.add(archive.clone());
    world.write("constraints.txt", "raw==1.0\n");
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(!world.has("built"), "foreign code has run");
    world.write("constraints.txt", &format!("raw==1.0 {}\n", hash(&archive)));
    world.ok("prepare");
    assert!(world.has("built"));
}

#[test]
fn what_builds_need_is_checked_too() {
    let world = World::new("packages: [./tool]");
    world.project("tool", &["lib"]);
    let own = hash(&wheel("lib", "1.0"));
    world.write("constraints.txt", &format!("lib==1.0 {}\n", none()));
    let ran = world.run("lock");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(ran.screen.contains(NONE), "{}", ran.screen);
    world.write("constraints.txt", "lib==1.0\n");
    world.ok("prepare");
    // A wheel that was built without hashes is no longer what is asked for.
    let ran = world.run("prepare --require-hashes");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    world.write("constraints.txt", &format!("lib==1.0 {own}\n"));
    world.ok("prepare --require-hashes");
}

#[test]
fn hashes_travel_in_the_converted_constraints() {
    let world = World::new("requirements: [lib]");
    world.write("constraints.txt", &format!("lib==1.0 \\\n  {}\n", none()));
    world.ok("constraints convert");
    let yaml: serde_json::Value = serde_yaml::from_str(&world.read("constraints.yml")).unwrap();
    let text = yaml["variables"]["PANNIER_CONSTRAINTS_TEXT"]["value"].as_str();
    let mapped = &yaml[".pannier-constraints"]["packages"]["lib"][0]["hashes"][0];
    assert_eq!(mapped.as_str(), Some(&*format!("sha256:{NONE}")));
    world.remove("constraints.txt");
    let ran = world.run_with("lock", &[("PANNIER_CONSTRAINTS_TEXT", text.unwrap())]);
    assert_eq!(ran.code, 4, "{}", ran.screen);
    assert!(
        ran.screen.contains("PANNIER_CONSTRAINTS_TEXT:1"),
        "{}",
        ran.screen
    );
}

#[test]
fn an_override_sets_the_hashes_of_its_package_aside_and_no_others() {
    let world = World::new("requirements: [app, lib]");
    world.index.add(wheel("lib", "2.0"));
    let [app, lib] = ["app", "lib"].map(|name| hash(&wheel(name, "1.0")));
    world.write(
        "constraints.txt",
        &format!("app==1.0 {app}\nlib==1.0 {lib}\n"),
    );
    world.ok("lock");
    world.ok("prepare --override lib==2.0");
    let ran = world.run("prepare --require-hashes --override lib==2.0");
    assert_eq!(ran.code, 4, "{}", ran.screen);
    let said = "--override overrides `lib` with ==2.0, which has none";
    assert!(ran.screen.contains(said), "{}", ran.screen);
    world.write(
        "constraints.txt",
        &format!("app==1.0 {}\nlib==1.0 {lib}\n", none()),
    );
    assert_eq!(world.run("prepare --override lib==2.0").code, 4);
}

#[test]
fn pins_with_hashes_are_not_raised() {
    let world = World::new("requirements: [app, lib]");
    for name in ["app", "lib"] {
        world.index.add(wheel(name, "2.0"));
    }
    let lib = hash(&wheel("lib", "1.0"));
    world.write("constraints.txt", &format!("app==1.0\nlib==1.0 {lib}\n"));
    let screen = world.ok("constraints update");
    let kept = "constraints.txt:2: lib stays: it has hashes";
    assert!(screen.contains(kept), "{screen}");
    let text = world.read("constraints.txt");
    assert_eq!(text, format!("app==2.0\nlib==1.0 {lib}\n"));
    world.ok("lock");
}
