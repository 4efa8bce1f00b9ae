//! Tarballs unpacked by the system's tar: they activate in every shell, run, and survive being moved.
//!
//! bash and sh must be there; a missing other shell is named on stderr, for its test then says nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says on stderr what it could not try"
)]

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{ErrorKind, Seek};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished};
use std::sync::Arc;

use pannier_archive::entries::Pack;
use pannier_archive::tarball::Container;
use pannier_archive::tarball::Contents;
use pannier_archive::tarball::Failed;
use pannier_archive::tarball::Manifest;
use pannier_archive::tarball::ManifestImage;
use pannier_archive::tarball::ManifestTarget;
use pannier_archive::tarball::Mtime;
use pannier_archive::tarball::Output;
use pannier_archive::tarball::Part;
use pannier_archive::venv::Installed;
use pannier_archive::venv::Planner;
use pannier_archive::venv::VenvOptions;
use pannier_archive::wheel;
use pannier_archive::wheel::Record;
use pannier_archive::wheel::RecordRow;
use pannier_archive::zip;
use pannier_base::digest::Digest;
use pannier_base::platform::Target;

/// Interpreter of this machine, without any venv around it, and its `3.X`.
fn python() -> (PathBuf, String) {
    let code = "import os, sys; print(os.path.realpath(sys._base_executable)); print('%d.%d' % sys.version_info[:2])";
    let text = stdout(Command::new("python3").args(["-c", code]));
    let (path, version) = text.split_once('\n').unwrap();
    (path.into(), version.trim().to_owned())
}

fn stdout(command: &mut Command) -> String {
    let finished = command.output().unwrap();
    finished_well(&finished);
    String::from_utf8(finished.stdout).unwrap()
}

fn finished_well(finished: &Finished) {
    let message = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success() && message.is_empty(), "{message}");
}

/// A wheel with a module, an entry point, a script of its own and a large file.
fn demo_wheel() -> (fs::File, wheel::Wheel) {
    let large: Vec<u8> = (0..400_000u32)
        .map(|i| (i.wrapping_mul(i) >> 9) as u8)
        .collect();
    let files: [(&str, &[u8]); 7] = [
        (
            "demo/__init__.py",
            b"def main():\n    import sys\n    print('entry', sys.prefix, sys.argv[1:])\n",
        ),
        ("demo/large.bin", &large),
        (
            "demo-1.0.data/scripts/demo-script",
            b"#!python\nimport demo, sys\nprint('script', sys.prefix)\n",
        ),
        ("demo-1.0.data/data/share/demo, odd.txt", b"odd"),
        (
            "demo-1.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        ),
        (
            "demo-1.0.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        (
            "demo-1.0.dist-info/entry_points.txt",
            b"[console_scripts]\ndemo = demo:main\n",
        ),
    ];
    let mut record = Record::default();
    let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
    for (path, content) in files {
        record.rows.push(RecordRow::of(
            path,
            &Digest::of(content),
            content.len() as u64,
        ));
        writer.file(path, false, &mut &content[..]).unwrap();
    }
    let path = "demo-1.0.dist-info/RECORD";
    record.rows.push(RecordRow::bare(path));
    writer
        .file(path, false, &mut record.to_text().as_bytes())
        .unwrap();
    let mut file = writer.finish().unwrap();
    file.rewind().unwrap();
    let name = "demo-1.0-py3-none-any.whl".parse().unwrap();
    let wheel = wheel::verify(&file, &name, &zip::Rules::default()).unwrap();
    (file, wheel)
}

fn container<'a>(file: &'a Arc<File>, pack: &'a Pack) -> Container<'a> {
    Container {
        file,
        pack,
        origin: None,
    }
}

/// The demo, unpacked in `folder`.
fn unpack(folder: &Path) {
    let (interpreter, version) = python();
    let target = Target {
        python: version.parse().unwrap(),
        platform: "x86_64-manylinux_2_28".parse().unwrap(),
    };
    let (file, wheel) = demo_wheel();
    let file = Arc::new(file);
    let installed = Installed {
        wheel: &wheel,
        file: &file,
        requested: true,
        direct_url: None,
        bytecode: None,
    };
    let options = VenvOptions {
        target: target.clone(),
        interpreter: interpreter.clone(),
        python_link: pannier_archive::venv::PythonLink::Absolute,
        small: pannier_archive::venv::SMALL_FILE,
    };
    let (mut planner, head) = Planner::start(&options).unwrap();
    let package = Part {
        containers: vec![container(&file, &wheel.pack)],
        items: planner.add(&installed).unwrap(),
    };
    let mut data = zip::Writer::new(tempfile::tempfile().unwrap());
    data.file("table.csv", false, &mut &b"1,2\n"[..]).unwrap();
    let data = data.finish().unwrap();
    let data_pack = zip::verify(&data, &zip::Rules::default()).unwrap();
    let data = Arc::new(data);
    let manifest = Manifest {
        format: Manifest::FORMAT,
        pannier: "0".into(),
        lock: Digest::of(b""),
        image: ManifestImage {
            name: "demo".parse().unwrap(),
            reference: None,
        },
        target: ManifestTarget {
            python: target.python,
            platform: target.platform,
            interpreter,
            bytecode: None,
        },
        packages: Vec::new(),
        data: Vec::new(),
        fallback: None,
        overrides: Vec::new(),
    };
    let tables = "tables".parse().unwrap();
    let tables = Part::data(&tables, container(&data, &data_pack)).unwrap();
    let contents = Contents {
        manifest: &manifest,
        head: Some(&head),
        mtime: Mtime::default(),
        packing: pannier_archive::tarball::Packing::default(),
        cache: None,
    };
    let outputs = tempfile::tempdir().unwrap();
    let image = manifest.image.name.clone();
    let output = Output {
        folder: outputs.path(),
        image: &image,
    };
    let parts = [package, Part::data_folder(), tables];
    let (written, _) = output
        .write(&contents, |tarball| {
            Ok::<_, Failed<_, Infallible>>(tarball.add(&parts)?)
        })
        .unwrap();
    fs::create_dir_all(folder).unwrap();
    let tar = Command::new("tar")
        .arg("-xzf")
        .arg(written.tarball)
        .arg("-C")
        .arg(folder)
        .output();
    finished_well(&tar.unwrap());
}

/// Activates twice, runs both programs, deactivates; every line that it prints is compared.
const JOB: &str = r#"
set -eu
old=$PATH
PYTHONHOME=/nowhere
export PYTHONHOME
. "$1"
. "$1"
echo "$VIRTUAL_ENV"
echo "$PANNIER_DATA"
echo "${PYTHONHOME-unset}"
if [ "$PATH" = "$VIRTUAL_ENV/bin:$old" ]; then echo first on PATH; fi
demo 'a b'
demo-script
cat "$PANNIER_DATA/tables/table.csv"
deactivate
if [ "$PATH" = "$old" ]; then echo restored; fi
echo "${VIRTUAL_ENV-unset} ${PANNIER_DATA-unset} $PYTHONHOME"
if command -v deactivate; then echo still there; fi
"#;

const FISH_JOB: &str = r#"
set -l old $PATH
set -gx PYTHONHOME /nowhere
source $argv[1]
source $argv[1]
echo $VIRTUAL_ENV
echo $PANNIER_DATA
set -q PYTHONHOME; or echo unset
test "$PATH" = "$VIRTUAL_ENV/bin:"(string join : $old); and echo first on PATH
demo 'a b'
demo-script
cat $PANNIER_DATA/tables/table.csv
deactivate
test "$PATH" = (string join : $old); and echo restored
set -q VIRTUAL_ENV; or set -l gone unset
set -q PANNIER_DATA; or set -a gone unset
echo $gone $PYTHONHOME
functions -q deactivate; and echo still there; or true
"#;

fn expected(root: &Path) -> String {
    let root = root.display();
    format!(
        "{root}/venv\n{root}/data\nunset\nfirst on PATH\nentry {root}/venv ['a b']\nscript {root}/venv\n1,2\nrestored\n\
         unset unset /nowhere\n"
    )
}

/// Runs the job; `None` when the shell is not installed.
fn run_job(
    shell: &[&str],
    job: &Path,
    activate: &Path,
    settings: (&Path, Option<&Path>),
) -> Option<Finished> {
    let (folder, root) = settings;
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .arg(job)
        .arg(activate)
        .current_dir(folder);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent");
    if let Some(root) = root {
        command.env("PANNIER_ROOT", root);
    }
    match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(
                !matches!(shell[0], "bash" | "sh"),
                "{} must be there",
                shell[0]
            );
            eprintln!(
                "{} is not installed: its activation is not tested",
                shell[0]
            );
            None
        }
        finished => Some(finished.unwrap()),
    }
}

fn job_succeeds(
    shell: &[&str],
    job: &Path,
    activate: &Path,
    settings: (&Path, Option<&Path>),
    root: &Path,
) {
    if let Some(finished) = run_job(shell, job, activate, settings) {
        finished_well(&finished);
        let text = String::from_utf8(finished.stdout).unwrap();
        assert_eq!(text, expected(root), "{shell:?} {}", activate.display());
    }
}

fn all_shells(root: &Path, jobs: &Path) {
    let (job, fish_job) = (jobs.join("job.sh"), jobs.join("job.fish"));
    fs::write(&job, JOB).unwrap();
    fs::write(&fish_job, FISH_JOB).unwrap();
    let away = (Path::new("/"), None);
    for shell in [&["bash"][..], &["bash", "--posix"], &["zsh"], &["ksh"]] {
        job_succeeds(shell, &job, &root.join("activate"), away, root);
        job_succeeds(shell, &job, &root.join("venv/bin/activate"), away, root);
        job_succeeds(shell, &job, Path::new("./activate"), (root, None), root);
        job_succeeds(
            shell,
            &job,
            Path::new("./activate"),
            (&root.join("venv/bin"), None),
            root,
        );
    }
    for shell in [&["sh"][..], &["dash"], &["busybox", "sh"]] {
        job_succeeds(shell, &job, Path::new("./activate"), (root, None), root);
        job_succeeds(
            shell,
            &job,
            Path::new("venv/bin/activate"),
            (root, None),
            root,
        );
        let told = (Path::new("/"), Some(root));
        job_succeeds(shell, &job, &root.join("activate"), told, root);
    }
    job_succeeds(
        &["fish"],
        &fish_job,
        &root.join("activate.fish"),
        away,
        root,
    );
    job_succeeds(
        &["fish"],
        &fish_job,
        Path::new("venv/bin/activate.fish"),
        (root, None),
        root,
    );
}

#[test]
fn a_venv_activates_in_every_shell_and_survives_a_move() {
    let temporary = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(temporary.path()).unwrap();
    let (first, second) = (top.join("first folder"), top.join("second 'folder' $HOME"));
    unpack(&first);
    all_shells(&first, &top);
    fs::rename(&first, &second).unwrap();
    all_shells(&second, &top);
}

#[test]
fn shells_that_cannot_find_the_folder_say_so_and_live_on() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().join("a b");
    unpack(&root);
    let job = temporary.path().join("job.sh");
    fs::write(
        &job,
        "PATH=/usr/bin:/bin\n. \"$1\" || echo \"refused $? ${VIRTUAL_ENV-unset} $PATH\"\n",
    )
    .unwrap();
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        for told in [None, Some(Path::new("/usr"))] {
            let settings = (Path::new("/"), told);
            let Some(finished) = run_job(shell, &job, &root.join("activate"), settings) else {
                continue;
            };
            assert_eq!(
                String::from_utf8(finished.stdout).unwrap(),
                "refused 1 unset /usr/bin:/bin\n"
            );
            let message = String::from_utf8(finished.stderr).unwrap();
            assert!(message.contains("PANNIER_ROOT"), "{message}");
        }
    }
}

#[test]
fn programs_run_through_links_and_metadata_is_right() {
    let temporary = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(temporary.path()).unwrap().join("a b");
    unpack(&root);
    let link = root.join("link to demo");
    symlink("venv/bin/demo", &link).unwrap();
    let text = stdout(&mut Command::new(&link));
    assert_eq!(text, format!("entry {}/venv []\n", root.display()));
    let code = "
import base64, hashlib, importlib.metadata as m
d = m.distribution('demo')
print(d.read_text('INSTALLER').strip(), d.read_text('REQUESTED') == '', d.read_text('direct_url.json'))
for file in sorted(d.files):
    content = file.locate().read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')
    right = file.hash is not None and file.hash.value == digest and file.size == len(content)
    print(file, right)
";
    let text = stdout(Command::new(root.join("venv/bin/python")).args(["-B", "-c", code]));
    let expected = "pannier True None
../../../bin/demo True
../../../bin/demo-script True
../../../share/demo, odd.txt True
demo/__init__.py True
demo/large.bin True
demo-1.0.dist-info/INSTALLER True
demo-1.0.dist-info/METADATA True
demo-1.0.dist-info/RECORD False
demo-1.0.dist-info/REQUESTED True
demo-1.0.dist-info/WHEEL True
demo-1.0.dist-info/entry_points.txt True
";
    assert_eq!(text, expected);
}
