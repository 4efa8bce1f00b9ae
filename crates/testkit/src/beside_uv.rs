//! A venv of Pannier compared with that of `uv pip install` for the same versions, file by file.
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
use std::path::{Path, PathBuf};

/// What differs between the two venvs against intention, a line each.
pub fn differences(ours: &Path, theirs: &Path) -> Vec<String> {
    let (ours, theirs) = (tree(ours), tree(theirs));
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
    differences
}

/// How many files of a venv are compared.
pub fn count(venv: &Path) -> usize {
    tree(venv).len()
}

/// What of a file has to be equal: whether it can be executed, and its content.
type Fingerprint = (bool, Vec<u8>);

/// The files of a venv without the intended differences, by path from the venv.
fn tree(venv: &Path) -> BTreeMap<String, Fingerprint> {
    let mut found = BTreeMap::new();
    for path in files(venv) {
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

/// Every regular file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}
