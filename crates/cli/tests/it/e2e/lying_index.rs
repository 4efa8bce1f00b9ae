//! An index that lies, stammers or sends in circles: each has its message, and nothing it said is kept as good.

use std::process::Command;

use crate::e2e::image::Image;
use crate::e2e::world::{World, answer, fail, succeed, tool};
use pannier_testkit::index::{Index, IndexFile};
use pannier_testkit::loopback::{Answer, Fault};

const WHEEL: &str = "tiny-1.0-py3-none-any.whl";
/// More often than any client tries.
const ALWAYS: usize = 100;

/// A project that needs one package of this index.
fn project(index: &Index) -> World {
    let world = World::new();
    world.write(
        "pannier.yml",
        &format!(
            "requirements: [tiny]\nindex: {{url: \"{}\"}}\nimages:\n{}",
            index.url(),
            Image::machine().yaml()
        ),
    );
    world
}

/// The wheel of `tiny`, made by Python's own zip writer.
fn tiny() -> IndexFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(WHEEL);
    answer("python3.11", &["-c", MAKE_TINY, path.to_str().unwrap()]);
    let mut file = IndexFile::new("tiny", WHEEL, std::fs::read(path).unwrap());
    file.metadata = Some(b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n".to_vec());
    file
}

const MAKE_TINY: &str = "
import base64, hashlib, sys, zipfile
files = {'tiny.py': 'VALUE = ' + repr('x' * 5000),
         'tiny-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n',
         'tiny-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}
record = ''
for name, text in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
    record += '%s,sha256=%s,%d\\n' % (name, digest, len(text))
files['tiny-1.0.dist-info/RECORD'] = record + 'tiny-1.0.dist-info/RECORD,,\\n'
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_STORED) as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
";

/// `prepare` with uv given: the index has none.
fn prepare(world: &World) -> Command {
    let mut command = world.pannier(["prepare"]);
    command.env("PANNIER_UV", tool("uv"));
    World::without_index(&mut command);
    command
}

/// The wheel cannot be had because of this fault, and can when the fault is over.
#[track_caller]
fn recovers_from(fault: &Fault, words: &[&str]) {
    let index = Index::start();
    index.add(tiny());
    let world = project(&index);
    for _ in 0..ALWAYS {
        index.http.fault(&format!("{WHEEL}?"), fault.clone());
    }
    let (_, said) = fail(prepare(&world));
    for word in [&["tiny"], words].concat() {
        assert!(said.contains(word), "`{word}` in:\n{said}");
    }
    assert!(!world.tarball("machine").exists());

    let healthy = Index::start();
    healthy.add(tiny());
    let text = std::fs::read_to_string(world.path("project/pannier.yml")).unwrap();
    world.write("pannier.yml", &text.replace(&index.url(), &healthy.url()));
    succeed(prepare(&world));
    Image::machine().unpack(&world.tarball("machine")).check();
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn too_many_requests() {
    recovers_from(
        &Fault::Answer(Answer::new(429, "slow down").with("retry-after", "0")),
        &["429"],
    );
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn a_server_error() {
    recovers_from(
        &Fault::Answer(Answer::new(503, "later").with("retry-after", "0")),
        &["503"],
    );
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn a_truncated_body() {
    recovers_from(&Fault::Truncate(100), &[]);
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn a_redirect_loop() {
    let to_itself = Answer::new(302, "").with("location", format!("/files/{WHEEL}"));
    recovers_from(&Fault::Answer(to_itself), &["redirect"]);
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn one_failure_is_tried_again() {
    let index = Index::start();
    index.add(tiny());
    let world = project(&index);
    index.http.fault(
        &format!("{WHEEL}?"),
        Fault::Answer(Answer::new(503, "later").with("retry-after", "0")),
    );
    index.http.fault(&format!("{WHEEL}?"), Fault::Truncate(100));
    succeed(prepare(&world));
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn a_wrong_digest() {
    let index = Index::start();
    let mut file = tiny();
    let right = std::mem::replace(&mut file.sha256, "0".repeat(64));
    index.add(file);
    let world = project(&index);
    let (code, said) = fail(prepare(&world));
    assert!(
        said.contains(&right) && said.contains(&"0".repeat(64)),
        "{code}: {said}"
    );
    assert!(!world.tarball("machine").exists());
}
