//! What an override changes, and what stays.

use std::fs;
use std::process::Command;

use pannier_archive::wheel::stub;
use serde_json::Value;

use crate::overrides::world::{
    OVERRIDDEN, PRODUCTION, REQUEST, World, contains, metadata, packages, python, succeed,
};
use pannier_testkit::index::IndexFile;
use pannier_testkit::projects::Project;

#[test]
fn uv_alone_drops_the_extras_of_what_is_overridden() {
    let world = World::new();
    let folder = world.path("alone");
    fs::create_dir(&folder).unwrap();
    let lib = metadata("lib", "2.0", &["yamlish ; extra == 'yaml'"]);
    fs::write(folder.join(lib.filename()), stub(&lib)).unwrap();
    world.add("lib", "1.0", &["yamlish ; extra == 'yaml'"]);
    world.add("tools", "1.0", &["lib[yaml]"]);
    let compile = |overrides: &[&str]| {
        fs::write(folder.join("requirements.in"), "tools\n").unwrap();
        let at = folder.join(lib.filename());
        fs::write(
            folder.join("overrides.txt"),
            format!("lib @ file://{}\n", at.display()),
        )
        .unwrap();
        let mut uv = Command::new(pannier_testkit::uv::uv().program);
        uv.args([
            "pip",
            "compile",
            "-q",
            "--no-config",
            "--no-annotate",
            "--no-header",
            "requirements.in",
        ])
        .args(overrides)
        .args(["--default-index", &world.index.url()])
        .current_dir(&folder)
        .env("UV_CACHE_DIR", folder.join("cache"));
        succeed(uv)
    };
    contains(&compile(&[]), &["lib==1.0", "yamlish==1.0"]);
    let dropped = compile(&["--override", "overrides.txt"]);
    assert!(
        dropped.contains("lib @ ") && !dropped.contains("yamlish"),
        "{dropped}"
    );
    // The same by an override of Pannier.
    world.configure("requirements: [tools]\n");
    world
        .index
        .add(IndexFile::new("lib", &lib.filename(), stub(&lib)));
    let file = world.index.http.url(&format!("/files/{}", lib.filename()));
    world.run(&["lock", "--override", &format!("lib={file}")]);
    assert_eq!(world.locked(), ["lib 2.0", "tools 1.0", "yamlish 1.0"]);
}

#[test]
fn the_middle_one_comes_from_a_merge_request_and_nothing_else_moves() {
    let world = World::new();
    world.run(&["prepare"]);
    assert_eq!(packages(&world.read("pylock.toml")), PRODUCTION);
    assert_eq!(python(&world, "import job_report"), "production\n");
    let before = world.digests();
    // Branches and the index move on: a run with overrides stays where production is.
    world.lib.commit(&[("job_lib.py", "WHO = 'later'\n")]);
    world.lib.push(&[]);
    world.add("base", "1.1", &[]);
    let commit = world.fork.git(&["rev-parse", "HEAD"]);
    let variables = [
        ("job_lib_pip_url", world.merge_request()),
        ("GITLAB_USER_LOGIN", "alice".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let text = world.run_with(&["prepare", "--locked"], &variables);
    contains(
        &text,
        &[
            &format!(
                "job-lib 2.0 ({}) -> 2.1 ({})",
                &world.lib.git(&["rev-parse", "HEAD~1"])[..10],
                &commit[..10]
            ),
            "required by the overrides: added new-need 1.0",
            "required by the overrides: removed old-need 1.0",
            "nothing else differs from production",
            "alice (job_lib_pip_url)",
            "/me/job-lib.git@refs/merge-requests/5/head",
        ],
    );
    assert_eq!(world.locked(), OVERRIDDEN);
    contains(
        &world.read("pylock.overridden.toml"),
        &[
            &commit,
            "asked-by = \"alice\"",
            "said-by = \"job_lib_pip_url\"",
        ],
    );
    for image in ["eleven", "thirteen"] {
        let manifest: Value =
            serde_json::from_str(&world.read(&format!("dist/{image}.manifest.json"))).unwrap();
        let one = &manifest["overrides"][0];
        assert_eq!(one["name"], "job-lib");
        assert_eq!(one["commit"], commit.as_str());
        assert_eq!(one["revision"], "refs/merge-requests/5/head");
        assert_eq!(one["asked-by"], "alice");
        assert!(
            one["from"]
                .as_str()
                .unwrap()
                .contains("/platform/job-lib.git@production"),
            "{one}"
        );
    }
    let code = "import job_report, importlib.metadata as m; print(sorted(d.metadata['Name'] + ' ' + d.version for d in m.distributions() if d.metadata['Name'] != 'pip'))";
    let shown = python(&world, code);
    assert_eq!(
        shown,
        format!("merge request\n{:?}\n", OVERRIDDEN).replace('"', "'")
    );
    // Production is what it was: its lock fits, and its tarballs are the same bytes.
    world.run(&["lock", "--check"]);
    world.run(&["prepare", "--locked"]);
    assert_eq!(world.digests(), before);
}

#[test]
fn the_lock_of_a_run_is_kept_and_follows_production() {
    let world = World::new();
    world.run(&["lock"]);
    let flag = format!("job-lib={}", world.merge_request());
    let again = ["lock", "--format", "json", "--override", flag.as_str()];
    let changed = |text: &str| {
        serde_json::from_str::<Value>(
            text.split_once('\n')
                .map_or("", |_| &text[..=text.rfind('}').unwrap()]),
        )
        .unwrap()
    };
    assert_eq!(
        changed(&world.run(&["lock", "-q", "--format", "json", "--override", &flag]))["changed"],
        true
    );
    let first = world.read("pylock.overridden.toml");
    let second = changed(&world.run(&[&again[..], &["-q"]].concat()));
    assert_eq!(
        (&second["changed"], second["overrides"][0]["name"].as_str()),
        (&Value::Bool(false), Some("job-lib"))
    );
    assert_eq!(second["effect"]["others"], serde_json::json!([]));
    // The head moves: the lock stays until it is asked to move.
    world
        .fork
        .commit(&[("job_lib.py", "WHO = 'second push'\n")]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    world.run(&again);
    assert_eq!(world.read("pylock.overridden.toml"), first);
    world.run(&["lock", "--upgrade=job-lib", "--override", &flag]);
    contains(
        &world.read("pylock.overridden.toml"),
        &[&world.fork.git(&["rev-parse", "HEAD"])],
    );
    // Production moves: the lock that was made from it no longer fits.
    world.add("base", "1.1", &[]);
    world.run(&["lock", "--upgrade"]);
    let (code, text) = world.fail(&["lock", "--check", "--override", &flag]);
    assert_eq!(code, 3, "{text}");
    contains(&text, &["production lock changed"]);
    world.run(&["lock", "--override", &flag]);
    contains(&world.locked().join(","), &["base 1.1", "job-lib 2.1"]);
}

#[test]
fn constraints_are_set_aside_and_data_is_overridden_too() {
    let world = World::new();
    world.configure("packages: [job-report]\ndata: [job-data]\nconstraints: constraints.txt\n");
    fs::write(
        world.path("constraints.txt"),
        "# held\njob-lib<=2.0\nbase<2\n",
    )
    .unwrap();
    world.run(&["lock"]);
    fs::write(
        world.path("overrides.yml"),
        format!(
            "overrides:\n  job_lib: {}\n  Job-Data: {}@production\n",
            world.merge_request(),
            world.git.http.url("/me/job-data.git")
        ),
    )
    .unwrap();
    let text = world.run(&["prepare", "--overrides", "overrides.yml"]);
    contains(
        &text,
        &[
            "sets aside constraints.txt:2: job-lib<=2.0",
            "overridden: moved data/job-data",
            "nothing else differs",
        ],
    );
    python(&world, "");
    assert_eq!(
        world.read("unpacked/data/job-data/table.csv"),
        "merge request\n"
    );
    assert_eq!(world.locked(), OVERRIDDEN);
    // The constraints hold again without the override.
    world.run(&["lock", "--check"]);
    let (code, text) = world.fail(&["lock", "--override", "job-data==1.0"]);
    assert_eq!(code, 2, "{text}");
    contains(
        &text,
        &["can only come from a git repository", "--override"],
    );
}

#[test]
fn folders_stay_those_of_what_is_overridden() {
    let world = World::new();
    let files = |version: &'static str| Project {
        name: "job-deep",
        version,
        requires: &[],
        extras: &[],
        module: "",
    };
    let deep = world.git.repository("platform/job-deep");
    deep.git(&["checkout", "-q", "-b", "production"]);
    let fork = world.git.repository("me/job-deep");
    for (repo, version) in [(&deep, "1.0"), (&fork, "1.1")] {
        let files = files(version).files();
        let files: Vec<(String, &str)> = files
            .iter()
            .map(|(path, text)| (format!("py/{path}"), text.as_str()))
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), *text))
            .collect();
        repo.commit(&files);
        repo.push(&[]);
    }
    world.configure(&format!(
        "packages: [\"job-deep @ git+{}#subdirectory=py\"]\n",
        world.git.http.url("/platform/job-deep.git")
    ));
    let value = world.git.http.url("/me/job-deep.git");
    world.run(&["lock", "--override", &format!("job-deep={value}")]);
    assert_eq!(world.locked(), ["job-deep 1.1"]);
    let (_, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-deep={value}#subdirectory=."),
    ]);
    contains(&text, &["the override of `job-deep`"]);
}
