//! Small files of a venv that come from no wheel: `pyvenv.cfg`, `activate`, `direct_url.json`, and the links.
//!
//! Nothing in them tells where or when the venv was made.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::error::LayoutError;
use super::model::{DirectUrl, FORMAT, Item, ItemKind, PythonLink, VenvOptions};
use pannier_base::paths::{INTERPRETER, target_fault};
use pannier_base::platform::Arch;

const ACTIVATE: &str = include_str!("activate.sh");
const ACTIVATE_FISH: &str = include_str!("activate.fish");
const PANNIER_LINK: &str = include_str!("pannier-link.sh");

impl DirectUrl {
    /// The file's content.
    pub(super) fn render(&self) -> Vec<u8> {
        let value = match self {
            Self::Git {
                url,
                commit,
                requested_revision,
                subdirectory,
            } => {
                let mut vcs = Map::new();
                vcs.insert("vcs".into(), "git".into());
                vcs.insert("commit_id".into(), commit.as_str().into());
                if let Some(revision) = requested_revision {
                    vcs.insert("requested_revision".into(), revision.as_str().into());
                }
                let mut value = json!({"url": url, "vcs_info": Value::Object(vcs)});
                if let Some(folder) = subdirectory {
                    value["subdirectory"] = folder.as_str().into();
                }
                value
            }
            Self::Archive { url, sha256 } => {
                json!({"url": url, "archive_info": {"hashes": {"sha256": sha256}}})
            }
            // The standard asks for a URL; the root is the one folder that tells nothing.
            Self::Directory => json!({"url": "file:///", "dir_info": {}}),
        };
        value.to_string().into_bytes()
    }
}

/// Everything in the venv that comes from no wheel, folders aside: `pyvenv.cfg`, links, ways to activate it.
pub(super) fn own_items(options: &VenvOptions) -> Result<Vec<Item>, LayoutError> {
    let (interpreter, home) = interpreter(&options.interpreter)?;
    let python = options.target.python;
    let mut items = vec![own("venv/pyvenv.cfg", pyvenv_cfg(options, home))];
    items.push(match options.python_link {
        PythonLink::Absolute => link(INTERPRETER, interpreter),
        PythonLink::None => pannier_link(interpreter),
    });
    items.push(link("venv/bin/python3", "python"));
    items.push(link(
        &format!("venv/bin/python{}", python.short()),
        "python",
    ));
    if python.free_threaded {
        items.push(link(&format!("venv/bin/{}", python.lib_dir()), "python"));
    }
    // Python looks into lib64 on 64-bit systems only, and `venv` makes the link there.
    if !matches!(options.target.platform.arch, Arch::Armv7l | Arch::I686) {
        items.push(link("venv/lib64", "lib"));
    }
    let to_venv = |script: &str, way: &str| script.replace("@TO_VENV@", way);
    items.push(own("activate", to_venv(ACTIVATE, "venv")));
    items.push(own("activate.fish", to_venv(ACTIVATE_FISH, "venv")));
    items.push(own("venv/bin/activate", to_venv(ACTIVATE, "..")));
    items.push(own("venv/bin/activate.fish", to_venv(ACTIVATE_FISH, "..")));
    Ok(items)
}

/// `home` is right and absolute: Pythons 3.11 to 3.13 take their standard library from there, a foreign one too.
fn pyvenv_cfg(options: &VenvOptions, home: &str) -> String {
    let python = options.target.python;
    let version = if python.patch.is_some() {
        python.full()
    } else {
        python.short()
    };
    format!(
        "home = {home}\n\
         include-system-site-packages = false\n\
         version_info = {version}\n\
         implementation = CPython\n\
         relocatable = true\n\
         pannier = {FORMAT}\n"
    )
}

/// The interpreter and its folder, as text.
fn interpreter(path: &Path) -> Result<(&str, &str), LayoutError> {
    let fail = |rule| LayoutError::Interpreter {
        path: path.to_owned(),
        rule,
    };
    let text = path.to_str().ok_or_else(|| fail("it is not UTF-8"))?;
    if !path.is_absolute() {
        return Err(fail("it is not absolute"));
    }
    if text.chars().any(char::is_control) {
        return Err(fail("it contains control characters"));
    }
    if text.split('/').any(|component| component == "..") {
        return Err(fail("it has a `..` component"));
    }
    if let Some(fault) = target_fault(text) {
        return Err(fail(fault));
    }
    match text.rsplit_once('/') {
        Some(("", name)) if !name.is_empty() => Ok((text, "/")),
        Some((home, name)) if !name.is_empty() => Ok((text, home)),
        _ => Err(fail("it names a folder")),
    }
}

/// The script that makes the link which the tarball leaves out.
fn pannier_link(interpreter: &str) -> Item {
    let quoted = format!("'{}'", interpreter.replace('\'', "'\\''"));
    // Quoted as a whole inside `${1:-…}`, which takes quotes as any other word does.
    let text = PANNIER_LINK.replace("@INTERPRETER@", &quoted);
    Item {
        path: "venv/bin/pannier-link".to_owned(),
        kind: ItemKind::Bytes {
            bytes: text.into_bytes(),
            executable: true,
        },
    }
}

fn own(path: &str, text: String) -> Item {
    Item {
        path: path.to_owned(),
        kind: ItemKind::Bytes {
            bytes: text.into_bytes(),
            executable: false,
        },
    }
}

fn link(path: &str, target: &str) -> Item {
    Item {
        path: path.to_owned(),
        kind: ItemKind::Symlink {
            target: target.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_urls_are_as_the_standard_has_them() {
        let git = DirectUrl::Git {
            url: "https://git.example.org/x.git".into(),
            commit: "a".repeat(40),
            requested_revision: Some("production".into()),
            subdirectory: Some("py".into()),
        };
        let value: Value = serde_json::from_slice(&git.render()).unwrap();
        assert_eq!(value["url"], "https://git.example.org/x.git");
        assert_eq!(value["vcs_info"]["vcs"], "git");
        assert_eq!(value["vcs_info"]["commit_id"], "a".repeat(40));
        assert_eq!(value["vcs_info"]["requested_revision"], "production");
        assert_eq!(value["subdirectory"], "py");
        let directory: Value = serde_json::from_slice(&DirectUrl::Directory.render()).unwrap();
        assert_eq!(directory, json!({"url": "file:///", "dir_info": {}}));
    }

    #[test]
    fn interpreters_are_absolute_files() {
        let home = |text: &str| interpreter(Path::new(text)).map(|(_, home)| home.to_owned());
        assert_eq!(home("/usr/bin/python3").unwrap(), "/usr/bin");
        assert_eq!(home("/python3").unwrap(), "/");
        for text in [
            "python3",
            "./python3",
            "/usr/bin/",
            "/usr/bin/py\nthon",
            "/usr/../bin/python3",
            &format!("/{}", "p".repeat(256)),
            "",
        ] {
            assert!(home(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_venv_without_its_link_brings_a_script_that_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let interpreter = folder.path().join("it's a }\"python\"/bin/python3");
        std::fs::create_dir_all(interpreter.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/bin/sh", &interpreter).unwrap();
        let mut options = crate::venv::testing::options(interpreter.to_str().unwrap());
        options.python_link = PythonLink::None;
        let items = own_items(&options).unwrap();
        assert!(items.iter().all(|item| item.path != "venv/bin/python"));
        let bin = folder.path().join("a b/venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        for item in &items {
            if let ItemKind::Bytes { bytes, .. } = &item.kind {
                std::fs::write(folder.path().join("a b").join(&item.path), bytes).unwrap();
            }
        }
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new("sh");
            command.arg(bin.join("pannier-link")).args(arguments);
            command.output().unwrap().status.code()
        };
        let config = || std::fs::read_to_string(bin.join("../pyvenv.cfg")).unwrap();
        let before = config();
        assert_eq!(run(&[]), Some(0));
        assert_eq!(std::fs::read_link(bin.join("python")).unwrap(), interpreter);
        assert_eq!(config(), before);
        assert_eq!(run(&["/bin/sh"]), Some(0));
        assert_eq!(
            std::fs::read_link(bin.join("python")).unwrap(),
            Path::new("/bin/sh")
        );
        assert!(config().starts_with("home = /bin\ninclude-system"));
        assert_eq!(run(&["sh"]), Some(2));
        assert_eq!(run(&["/missing"]), Some(1));
    }
}
