//! An image that jobs run in: this machine, or a root file system entered by `chroot`; and the checks that a job's day consists of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::e2e::world::{answer, succeed, tool};

/// Where jobs run.
pub struct Image {
    /// Its key in `images:`.
    pub name: &'static str,
    root: Option<PathBuf>,
}

/// A tarball unpacked in an image.
pub struct Unpacked<'a> {
    image: &'a Image,
    /// Holds everything; outside of the image it is seen at this path.
    area: TempDir,
    folder: String,
}

impl Image {
    /// This machine with its Python 3.11.
    pub fn machine() -> Self {
        Self {
            name: "machine",
            root: None,
        }
    }

    /// The root file system of this name, from `.ci/roots`.
    pub fn root(name: &'static str) -> Self {
        let folder = std::env::var_os("PANNIER_E2E_ROOTS").expect(
            "PANNIER_E2E_ROOTS names the folder with root file systems; `.ci/roots` makes them",
        );
        let root = PathBuf::from(folder).join(name);
        assert!(
            root.is_dir(),
            "{} is missing; run .ci/roots",
            root.display()
        );
        Self {
            name,
            root: Some(root),
        }
    }

    /// Its block below `images:`.
    pub fn yaml(&self) -> String {
        let said = match &self.root {
            None => answer("python3.11", &["-c", DESCRIBE]),
            Some(root) => answer(
                "chroot",
                &[root.to_str().unwrap(), "/usr/bin/python3", "-c", DESCRIBE],
            ),
        };
        let fields: Vec<_> = said.split('|').collect();
        format!(
            "  {}:\n    python: \"{}\"\n    platform: {}\n    interpreter: {}\n",
            self.name, fields[0], fields[1], fields[2]
        )
    }

    /// Unpacks with the image's own GNU tar into a folder with a space in its name.
    pub fn unpack(&self, tarball: &Path) -> Unpacked<'_> {
        let parent = self
            .root
            .as_ref()
            .map_or_else(std::env::temp_dir, |root| root.join("tmp"));
        let area = tempfile::Builder::new()
            .prefix("pannier-e2e-")
            .tempdir_in(parent)
            .unwrap();
        fs::copy(tarball, area.path().join("image.tar.gz")).unwrap();
        fs::write(area.path().join("check.py"), include_str!("check.py")).unwrap();
        let unpacked = Unpacked {
            image: self,
            area,
            folder: "a folder".to_owned(),
        };
        unpacked.run("sh", "mkdir \"$0\" && cd \"$0\" && tar xzf ../image.tar.gz");
        unpacked
    }
}

/// Prints `3.11|x86_64-manylinux_2_36|/usr/bin/python3.11` for the interpreter that runs it.
const DESCRIBE: &str = "
import os, platform, sys
minor = platform.libc_ver()[1].split('.')[1]
print('%d.%d' % sys.version_info[:2], '%s-manylinux_2_%s' % (platform.machine(), minor),
      os.path.realpath(sys.executable), sep='|')
";

impl Unpacked<'_> {
    /// The unpacked folder, as this machine sees it.
    pub fn path(&self) -> PathBuf {
        self.area.path().join(&self.folder)
    }

    /// As the image sees it.
    fn inside(&self) -> String {
        let path = self.path();
        let inside = match &self.image.root {
            None => path,
            Some(root) => Path::new("/").join(path.strip_prefix(root).unwrap()),
        };
        inside.to_str().unwrap().to_owned()
    }

    /// Site-packages, as this machine sees it.
    pub fn site_packages(&self) -> PathBuf {
        let lib = self.path().join("venv/lib");
        let python = fs::read_dir(lib).unwrap().next().unwrap().unwrap();
        python.path().join("site-packages")
    }

    /// Runs a script in the image, from the folder above the unpacked one; `$0` is the unpacked folder. Must succeed.
    #[track_caller]
    pub fn run(&self, shell: &str, script: &str) -> Output {
        let inside = self.inside();
        let above = Path::new(&inside).parent().unwrap();
        let script = format!("set -eu; cd '{}'; {script}", above.display());
        let (shell, applet) = shell
            .split_once(' ')
            .map_or((shell, None), |(a, b)| (a, Some(b)));
        let mut command = match &self.image.root {
            None => Command::new(shell),
            Some(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg(shell);
                if let Ok(options) = fs::read_to_string(root.join(".tar-options")) {
                    command.env("TAR_OPTIONS", options.trim_end());
                }
                command
            }
        };
        command
            .args(applet)
            .args(["-c", &script, &inside])
            .stdin(Stdio::null());
        for name in ["VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PANNIER_ROOT"] {
            command.env_remove(name);
        }
        if self.image.root.is_some() {
            command
                .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin")
                .env("HOME", "/tmp");
        }
        succeed(command)
    }

    /// A job's day: `activate` sourced by bash from elsewhere and by plain sh in the folder; every module imports, every
    /// script answers.
    #[track_caller]
    pub fn check(&self) {
        self.run("bash", ". \"$0/activate\"; python check.py");
        self.run(
            "sh",
            "cd \"$0\"; . ./activate; python ../check.py --imports-only",
        );
        let sourced = self.run(
            "bash",
            ". \"$0/activate\"; printf '%s\\n' \"$VIRTUAL_ENV\" \"$PANNIER_DATA\" \"$(command -v python)\"",
        );
        let inside = self.inside();
        assert_eq!(
            String::from_utf8(sourced.stdout).unwrap(),
            format!("{inside}/venv\n{inside}/data\n{inside}/venv/bin/python\n")
        );
    }

    /// `pip ARGUMENTS` by the venv's Python, with a pip that is not installed in it.
    #[track_caller]
    pub fn pip(&self, arguments: &str) -> Output {
        let wheel = self.area.path().join("pip.whl");
        if !wheel.exists() {
            fs::copy(tool("../pip.whl"), &wheel).unwrap();
        }
        self.run(
            "bash",
            &format!(
                ". \"$0/activate\"; python pip.whl/pip --disable-pip-version-check {arguments}"
            ),
        )
    }

    /// Moves the folder to another name.
    pub fn moved(&mut self) {
        let to = "elsewhere/another folder";
        fs::create_dir_all(self.area.path().join("elsewhere")).unwrap();
        fs::rename(self.path(), self.area.path().join(to)).unwrap();
        self.folder = to.to_owned();
        for name in ["check.py", "pip.whl"] {
            let from = self.area.path().join(name);
            if from.exists() {
                fs::copy(from, self.area.path().join("elsewhere").join(name)).unwrap();
            }
        }
    }
}
