//! `pannier prepare --fallback`: a broken upload, a vanished index or a collision fails nobody's pipeline, and nothing that the run
//! itself brought along is passed over. A real uv, an index and a release log on loopback.
#![allow(clippy::unwrap_used)]

use crate::release::desk::Desk;
use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::stub;
use pannier_testkit::index::{Index, IndexFile};

struct World {
    desk: Desk,
    index: Index,
    uv: std::path::PathBuf,
}

impl World {
    /// A project whose release with `lib` 1.0 is in production.
    fn new() -> Self {
        let world = Self {
            desk: Desk::new(),
            index: Index::start(),
            uv: pannier_testkit::uv::uv().program,
        };
        world.configure("requirements: [lib]");
        world.upload("lib", "1.0", &[]);
        world.ok("prepare");
        world.ok("release record --channel production");
        // The next run chooses anew, as that of a project without a committed lock.
        world.unlock();
        world
    }

    fn configure(&self, more: &str) {
        let book = self.desk.server.http.url("");
        let index = self.index.url();
        self.desk.write(
            "pannier.yml",
            &format!(
                "git_base: {book}\nreleases: {{repository: book}}\nindex: {{url: \"{index}\"}}\n{more}\nimages:\n  builder:\n    python: \"3.13\"\n    platform: x86_64-manylinux_2_41\n    interpreter: /usr/bin/python3.13\n"
            ),
        );
    }

    fn unlock(&self) {
        std::fs::remove_file(self.desk.path().join("pylock.toml")).unwrap();
    }

    fn file(name: &str, version: &str, requires: &[&str]) -> IndexFile {
        let requires_dist: Vec<String> = requires.iter().map(|it| (*it).to_owned()).collect();
        let lines: String = requires_dist
            .iter()
            .map(|line| format!("Requires-Dist: {line}\n"))
            .collect();
        let meta = StubMetadata {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            requires_dist,
            requires_python: None,
            extras: Vec::new(),
        };
        let wheel = format!("{name}-{version}-py3-none-any.whl");
        let mut file = IndexFile::new(name, &wheel, stub(&meta));
        let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}");
        file.metadata = Some(text.into_bytes());
        file
    }

    fn upload(&self, name: &str, version: &str, requires: &[&str]) {
        self.index.add(Self::file(name, version, requires));
    }

    /// A wheel one byte of which is not what it was; the index states the digest of what it serves.
    fn upload_broken(&self, name: &str, version: &str) {
        let mut file = Self::file(name, version, &[]);
        let middle = file.bytes.len() / 4;
        file.bytes[middle] ^= 0x20;
        file.sha256 = pannier_base::digest::Digest::of(&file.bytes).to_string();
        self.index.add(file);
    }

    fn run(&self, arguments: &str) -> (i32, String, String) {
        let mut command = self.desk.command(arguments);
        let path = std::env::var("PATH").unwrap();
        command.env("PANNIER_UV", &self.uv).env("PATH", path);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| self.plain(&String::from_utf8(bytes).unwrap());
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.index.http.url(""), "https://index.example.org");
        // The lock names the port of the index, so its digest differs from run to run.
        let id = fancy_regex::Regex::new(r"(20260301-09150\d)-[0-9a-f]{6}").unwrap();
        let text = self.desk.plain(&text);
        id.replace_all(&text, "$1-aaaaaa").into_owned()
    }

    fn ok(&self, arguments: &str) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{out}{err}");
        out
    }

    fn manifest(&self) -> serde_json::Value {
        serde_json::from_str(&self.desk.read("dist/builder.manifest.json")).unwrap()
    }

    /// What the manifest says of `lib`.
    fn version(&self) -> String {
        let manifest = self.manifest();
        let packages = manifest["packages"].as_array().unwrap();
        let lib = packages.iter().find(|it| it["name"] == "lib").unwrap();
        lib["version"].as_str().unwrap().to_owned()
    }
}

/// The lines that begin with one of these words, without the time in front of them.
fn lines(text: &str, words: &[&str]) -> String {
    let wanted = |line: &&str| words.iter().any(|word| line.contains(word));
    text.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_broken_upload_fails_nobodys_pipeline() {
    let world = World::new();
    world.upload_broken("lib", "1.1");
    let (code, _, said) = world.run("prepare");
    assert_eq!(code, 4, "{said}");
    world.unlock();
    let (code, out, said) =
        world.run("prepare --fallback production --junit reports/prepare.xml --format json");
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.version(), "1.0");
    let release = &world.desk.ids()[0];
    assert_eq!(
        world.manifest()["fallback"],
        serde_json::json!({"channel": "production", "release": release})
    );
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["fallback"]["channel"], "production");
    let lock = shown["lock"].as_str().unwrap();
    assert!(
        lock.ends_with(".pylock.toml") && lock.contains("book.git@pannier/releases:"),
        "{lock}"
    );
    // What failed is said in full, and then what was done about it.
    insta::assert_snapshot!(lines(&said, &["error: ", "warning: "]));
    let junit = world.plain(&world.desk.read("reports/prepare.xml"));
    let time = fancy_regex::Regex::new("(time|uuid)=\"[^\"]*\"").unwrap();
    insta::assert_snapshot!(time.replace_all(&junit, "$1=\"…\""));
    // The tarball itself knows it too.
    let inspected = world.ok("inspect dist/builder.tar.gz");
    assert!(inspected.contains("fallback"), "{inspected}");
}

#[test]
fn a_run_that_succeeds_asks_for_no_book_and_says_so_in_its_report() {
    let world = World::new();
    let before = world.desk.server.http.count();
    let out = world.ok("prepare --fallback production --junit prepare.xml");
    assert_eq!(world.desk.server.http.count(), before);
    assert!(!out.contains("NOT what was requested"), "{out}");
    assert!(world.manifest().get("fallback").is_none());
    let junit = world.desk.read("prepare.xml");
    assert!(
        junit.contains("failures=\"0\"") && junit.contains("image builder"),
        "{junit}"
    );
}

#[test]
fn a_collision_and_an_index_that_is_gone_fall_back_too() {
    let world = World::new();
    world.upload("lib", "1.1", &["nowhere>=1"]);
    world.upload("lib", "1.2", &["nowhere>=1"]);
    world.configure("requirements: [lib!=1.0]");
    let (code, out, said) = world.run("prepare --fallback production");
    // 1.0 is excluded by the run itself: the release does not have what is asked for.
    assert_eq!(code, 1, "{out}{said}");
    assert!(said.contains("requests `lib!=1.0`"), "{said}");
    world.configure("requirements: [lib]\nconstraints: constraints.txt");
    world.desk.write("constraints.txt", "lib>=1.1\n");
    let (code, out, said) = world.run("prepare --fallback production");
    assert_eq!(code, 0, "{out}{said}");
    assert!(out.contains("NOT what was requested, but release"), "{out}");
    assert!(said.contains("since then: "), "{said}");
    assert_eq!(world.version(), "1.0");
    // The store has the files of the release; nothing of the index is needed for them.
    world.configure("requirements: [lib]");
    let (code, out, said) =
        world.run("prepare --fallback production --index-url http://127.0.0.1:9/simple");
    assert_eq!(code, 0, "{out}{said}");
    assert_eq!(world.version(), "1.0");
}

#[test]
fn what_the_run_itself_brought_along_is_not_passed_over() {
    let world = World::new();
    world.upload_broken("lib", "1.1");
    world.upload("new", "1.0", &[]);
    let mut said = Vec::new();
    let mut see = |arguments: &str| {
        let (code, out, err) = world.run(arguments);
        assert!(code != 0 && out.is_empty(), "{out}{err}");
        let warnings = lines(&err, &["warning: "]);
        let warnings: Vec<&str> = warnings
            .lines()
            .map(|line| line.split_once("warning: ").unwrap().1)
            .collect();
        said.push(format!("{} [exit {code}]", warnings.join("\n")));
    };
    world.configure("requirements: [lib, new]");
    see("prepare --fallback production");
    world.configure("requirements: [lib]");
    see("prepare --fallback production --locked");
    see("prepare --fallback nightly");
    see("prepare --fallback production --release-log no-such-book");
    see("prepare --fallback production --override lib==1.1");
    world.desk.write("packages/tool/pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'none'\nbackend-path = ['.']\n[project]\nname = 'tool'\n");
    world.configure("packages: [./packages/tool]");
    see("prepare --fallback production");
    insta::assert_snapshot!(said.join("\n"));
    // Without a book the run says so before it begins.
    world.desk.write("pannier.yml", "requirements: [lib]\nimages: {a: {python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3}}\n");
    let (code, _, said) = world.run("prepare --fallback production");
    assert_eq!(code, 2);
    assert!(said.contains("no release log is configured"), "{said}");
}

#[test]
fn hashes_hold_for_the_versions_that_they_are_of() {
    let world = World::new();
    let hashed = "requirements: [lib]\nconstraints: constraints.txt";
    world.configure(hashed);
    let own = |version: &str| World::file("lib", version, &[]).sha256;
    let pin = |version: &str, hash: &str| {
        let line = format!("lib=={version} --hash=sha256:{hash}\n");
        world.desk.write("constraints.txt", &line);
    };
    // What the index serves is not what the hash was taken from.
    world.upload("lib", "1.1", &[]);
    pin("1.1", &"0".repeat(64));
    let (code, out, said) = world.run("prepare --fallback production");
    assert_eq!((code, world.version().as_str()), (0, "1.0"), "{out}{said}");
    assert!(said.contains("hash mismatch"), "{said}");
    // The last good lock has the very version whose hash is another one.
    pin("1.0", &"0".repeat(64));
    let (code, _, said) = world.run("prepare --fallback production");
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("cannot be prepared either"), "{said}");
    pin("1.1", &own("1.1"));
    world.ok("prepare --fallback production");
    assert_eq!(world.version(), "1.1");
    // A mode that is missing something is this run's own matter.
    world.configure(&format!("{hashed}\nrequire_hashes: true"));
    world.desk.write("constraints.txt", "lib==1.1\n");
    let (code, _, said) = world.run("prepare --fallback production");
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("nothing is prepared from"), "{said}");
}
