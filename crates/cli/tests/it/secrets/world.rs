//! Secrets, their forms, and a job that knows them all, in front of a server that repeats what it is told to.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tempfile::TempDir;

use pannier_testkit::loopback::{Answer, Loopback, Request};

/// A secret of each kind: where it is known from, and its value.
pub const SECRETS: [(&str, &str); 9] = [
    ("PANNIER_TOKEN", "glpat-AbCd_1234.xyz"),
    ("PRIVATE_TOKEN", "glpat+of/a&guard=1"),
    ("CI_JOB_TOKEN", "glcbt-64_job~token"),
    ("CI_REGISTRY_PASSWORD", "Reg'istry <1>&2"),
    ("CI_JOB_JWT_V2", "eyJhbGciOi.eyJzdWIi.c2ln"),
    ("PIP_EXTRA_INDEX_URL", "in/dex p@ss:1"),
    ("HTTPS_PROXY", "proxy\\pass\"1"),
    ("netrc", "net rc#pass"),
    ("pannier.yml", "conf?file/pass"),
];

/// The value with every byte that is no letter or digit percent-encoded.
pub fn percent(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = match (byte.is_ascii_alphanumeric(), upper) {
            (true, _) => write!(encoded, "{}", char::from(byte)),
            (false, true) => write!(encoded, "%{byte:02X}"),
            (false, false) => write!(encoded, "%{byte:02x}"),
        };
        encoded
    })
}

/// The forms in which others repeat a value.
pub fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let mut forms = vec![
        value.to_owned(),
        percent(value, true),
        percent(value, false),
        percent(value, true).replace("%20", "+"),
        percent(&percent(value, true), true),
        json[1..json.len() - 1].to_owned(),
        URL_SAFE_NO_PAD.encode(format!("gitlab-ci-token:{value}")),
        STANDARD.encode(value),
    ];
    for user in ["oauth2", "gitlab-ci-token", "__token__", "me"] {
        forms.push(STANDARD.encode(format!("{user}:{value}")));
    }
    forms
}

/// All forms of a value, as one text.
pub fn echo(value: &str) -> String {
    forms(value).join(" | ")
}

pub struct World {
    pub server: Loopback,
    pub folder: TempDir,
    /// What the server and uv repeat.
    said: Arc<Mutex<String>>,
}

impl World {
    pub fn new(handler: impl Fn(&Request, &str) -> Answer + Send + Sync + 'static) -> Self {
        let said = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&said);
        let server = Loopback::start(move |request| handler(request, &shared.lock().unwrap()));
        let world = Self {
            server,
            folder: TempDir::new().unwrap(),
            said,
        };
        let password = SECRETS[7].1;
        world.write(
            ".netrc",
            &format!("machine 127.0.0.2 login me password \"{password}\"\n"),
        );
        let uv = "#!/bin/sh\ncase \"$1\" in\n--version) echo 'uv 99.0.0' ;;\n*) /bin/cat \"${0%/*}/said\" >&2; exit 2 ;;\nesac\n";
        world.write("uv", uv);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(world.path("uv"), mode).unwrap();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// From now on this is repeated.
    pub fn say(&self, text: &str) {
        text.clone_into(&mut self.said.lock().unwrap());
        self.write("said", &format!("error: {text}\n"));
    }

    /// `pannier.yml` with a password in its `git_base`, and these lines.
    pub fn config(&self, lines: &str) {
        let login = format!("me:{}", percent(SECRETS[8].1, true));
        let base = self.server.url_as(&login, "/git");
        self.write(
            "pannier.yml",
            &format!("git_base: {base}\nimages: {{a: {{python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3}}}}\n{lines}\n"),
        );
    }

    /// The program in a job that knows every secret.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("PANNIER_STORE", self.path("store"))
            .env("PANNIER_UV", self.path("uv"))
            .current_dir(self.folder.path())
            .args(arguments);
        for (name, value) in SECRETS {
            match name {
                "PIP_EXTRA_INDEX_URL" | "HTTPS_PROXY" => {
                    let url = format!("http://me:{}@127.0.0.1:9/simple", percent(value, true));
                    command.env(name, url);
                }
                "netrc" | "pannier.yml" => {}
                name => {
                    command.env(name, value);
                }
            }
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

/// Both outputs of a run.
pub fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Fails when a text holds any form of a secret.
pub fn check(text: &str, channel: &str, (name, value): (&str, &str)) {
    for form in forms(value) {
        assert!(
            !text.contains(&form),
            "{channel} shows {name} as `{form}`:\n{text}"
        );
    }
}

/// All files below a folder that a run may have written, as one text.
pub fn files(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &files(&path);
        } else {
            text += &format!("{}\n", path.display());
            text += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
        }
    }
    text
}
