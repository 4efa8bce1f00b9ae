//! The unpacked venv beside what `uv pip install` lays down for the same versions, file by file.
//!
//! Intended differences, all of them:
//! - `INSTALLER` says `pannier`, and so its row in `RECORD` differs;
//! - `REQUESTED` is only where the request asked for the package; uv writes it for every package given to it;
//! - `RECORD` rows are compared as a set, without the two files above; it is never executable, whatever the wheel says of its own;
//! - scripts differ in their first lines: uv's name the venv's path or call `realpath --`, which BusyBox does not know;
//! - the programs of entry points import and call the same, and say it in Pannier's own words;
//! - uv's `_virtualenv.py`, `_virtualenv.pth` and its own `activate*`, `pydoc.bat` and `deactivate.bat` have no part in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::image::Image;
use crate::support::popular::POPULAR;
use crate::world::{World, answer, succeed, tool};

#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn for_popular_packages() {
    let (world, image) = (World::new(), Image::machine());
    world.write(
        "pannier.yml",
        &format!("requirements: {POPULAR:?}\nimages:\n{}", image.yaml()),
    );
    world.prepare(&[]);
    let unpacked = image.unpack(&world.tarball(image.name));
    let pins = pins(&unpacked.site_packages());
    assert!(pins.len() >= POPULAR.len(), "{pins:?}");

    let venv = world.path("uv");
    let mut make = Command::new(tool("uv"));
    make.args(["venv", "--quiet", "--relocatable", "--python", "3.11"])
        .arg(&venv);
    succeed(make);
    let mut install = Command::new(tool("uv"));
    install.args([
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--link-mode",
        "copy",
        "--python",
    ]);
    install.arg(venv.join("bin/python")).args(&pins);
    succeed(install);

    let theirs = tree(&venv);
    let ours = tree(&unpacked.path().join("venv"));
    let mut differences = Vec::new();
    for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let (ours, theirs) = (ours.get(path), theirs.get(path));
        if ours != theirs {
            differences.push(format!(
                "{path}: ours {}, theirs {}",
                shown(ours),
                shown(theirs)
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{}\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// `name==version` of what is installed.
fn pins(site_packages: &Path) -> Vec<String> {
    let script = "import importlib.metadata as m, sys
for d in m.distributions(path=sys.argv[1:]): print(d.metadata['Name'] + '==' + d.version)";
    answer(
        "python3.11",
        &["-c", script, site_packages.to_str().unwrap()],
    )
    .lines()
    .map(str::to_owned)
    .collect()
}

/// What of a file has to be equal: whether it can be executed, and its content.
type Fingerprint = (bool, Vec<u8>);

/// The files of a venv without the intended differences, by path from the venv.
fn tree(venv: &Path) -> BTreeMap<String, Fingerprint> {
    let mut found = BTreeMap::new();
    for path in crate::world::files(venv) {
        let name = path
            .strip_prefix(venv)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if is_of_the_tool(&name) {
            continue;
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        let executable = mode & 0o111 != 0 && !name.ends_with(".dist-info/RECORD");
        let content = fs::read(&path).unwrap();
        let content = match name.strip_prefix("bin/") {
            Some(_) => without_header(content),
            None if name.ends_with(".dist-info/RECORD") => sorted_rows(&content, venv),
            None => content,
        };
        found.insert(name, (executable, content));
    }
    found
}

fn is_of_the_tool(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let of_install = name.contains(".dist-info/") && ["INSTALLER", "REQUESTED"].contains(&file);
    let of_venv = !name.contains("/site-packages/")
        && !name.starts_with("bin/")
        && !name.starts_with("include/")
        && !name.starts_with("share/")
        && !name.starts_with("etc/");
    let of_uv = file.starts_with("_virtualenv.");
    let of_activation = name.strip_prefix("bin/").is_some_and(|file| {
        file.starts_with("activate")
            || ["deactivate.bat", "pydoc.bat"].contains(&file)
            || file.starts_with("pannier-")
    });
    of_install || of_venv || of_uv || of_activation
}

/// A Python script without the lines that find its interpreter, of a launcher what it imports and calls; other programs as
/// they are.
fn without_header(content: Vec<u8>) -> Vec<u8> {
    let Ok(text) = str::from_utf8(&content) else {
        return content;
    };
    let relocatable = text.strip_prefix("#!/bin/sh\n'''exec'");
    let body = match relocatable.and_then(|rest| rest.split_once("\n' '''\n")) {
        Some((_, body)) => body,
        None => match text.split_once('\n') {
            Some((first, body)) if first.starts_with("#!") && first.contains("python") => body,
            _ => return content,
        },
    };
    launcher(body)
        .unwrap_or_else(|| body.to_owned())
        .into_bytes()
}

/// What the program of an entry point imports and calls, if this is one: nothing but lines that installers write.
fn launcher(body: &str) -> Option<String> {
    let lines = || {
        body.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    let import = lines().nth(1).filter(|line| line.starts_with("from "))?;
    let call = lines()
        .next_back()
        .filter(|line| line.starts_with("sys.exit("))?;
    let known = [
        "import sys",
        import,
        call,
        "if __name__ ==",
        "if sys.argv[0]",
        "elif sys.argv[0]",
        "sys.argv[0] =",
    ];
    lines()
        .all(|line| known.iter().any(|known| line.starts_with(known)))
        .then(|| format!("{import}\n{call}\n"))
}

/// The rows of a `RECORD`, sorted; of scripts only the path, since their headers differ.
fn sorted_rows(content: &[u8], venv: &Path) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let rows: BTreeSet<String> = text
        .lines()
        .filter(|row| {
            !row.contains(".dist-info/INSTALLER,") && !row.contains(".dist-info/REQUESTED,")
        })
        .map(|row| match row.split_once(',') {
            Some((path, _))
                if path.starts_with("../../../bin/") && is_script(&venv.join(&path[9..])) =>
            {
                path.to_owned()
            }
            _ => row.to_owned(),
        })
        .collect();
    rows.into_iter().collect::<Vec<_>>().join("\n").into_bytes()
}

fn is_script(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!"))
}

fn shown(side: Option<&Fingerprint>) -> String {
    side.map_or_else(
        || "absent".to_owned(),
        |(executable, content)| {
            let text = String::from_utf8_lossy(&content[..content.len().min(200)]).into_owned();
            format!("{} bytes, executable {executable}: {text:?}", content.len())
        },
    )
}
