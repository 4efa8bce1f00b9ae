//! Child processes, and their environment: one allow-list for every program that runs, or may run, code that Pannier does not
//! know (uv and the build backends that it starts, interpreters).
//!
//! Refuses to hand on a credential: a name that is not listed does not pass, and proxies pass without user and password.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::str::FromStr;

use pannier_base::cancel::{Cancel, Hook};
use rustix::process::{Pid, Signal, kill_process_group};

/// The names that pass, by what they are for. `LC_*` passes too.
pub const PASSED: &[(&str, &[&str])] = &[
    (
        "user and machine",
        &[
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "LANG",
            "LANGUAGE",
            "TZ",
            "TMPDIR",
            "XDG_CACHE_HOME",
            "XDG_DATA_HOME",
            "LD_LIBRARY_PATH",
            "PYENV_ROOT",
            "PYENV_VERSION",
            "CI",
        ],
    ),
    (
        "certificates",
        &[
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "SSL_CLIENT_CERT",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
        ],
    ),
    ("proxies, without user and password", &PROXIES),
    (
        "compilers and linkers",
        &[
            "CC",
            "CXX",
            "CPP",
            "FC",
            "F77",
            "F90",
            "AR",
            "AS",
            "LD",
            "NM",
            "RANLIB",
            "STRIP",
            "CFLAGS",
            "CXXFLAGS",
            "CPPFLAGS",
            "FFLAGS",
            "FCFLAGS",
            "LDFLAGS",
            "ARFLAGS",
            "LDSHARED",
            "CPATH",
            "C_INCLUDE_PATH",
            "CPLUS_INCLUDE_PATH",
            "LIBRARY_PATH",
            "PKG_CONFIG",
            "PKG_CONFIG_PATH",
            "PKG_CONFIG_LIBDIR",
            "PKG_CONFIG_SYSROOT_DIR",
            "CMAKE_GENERATOR",
            "CMAKE_PREFIX_PATH",
            "CMAKE_BUILD_PARALLEL_LEVEL",
            "MAX_JOBS",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "GOROOT",
            "GOPATH",
            "GOCACHE",
            "JAVA_HOME",
            "CUDA_HOME",
            "CUDA_PATH",
        ],
    ),
    (
        "how uv reaches a server",
        &[
            "UV_KEYRING_PROVIDER",
            "UV_NATIVE_TLS",
            "UV_SYSTEM_CERTS",
            "UV_INSECURE_HOST",
            "UV_HTTP_TIMEOUT",
            "UV_HTTP_CONNECT_TIMEOUT",
            "UV_HTTP_RETRIES",
            "UV_REQUEST_TIMEOUT",
            "UV_CONCURRENT_DOWNLOADS",
            "UV_CONCURRENT_BUILDS",
            "UV_CREDENTIALS_DIR",
            "UV_PYTHON_INSTALL_DIR",
            "UV_LOCK_TIMEOUT",
            // How several indexes are weighed belongs to them: a private index is often useless without it.
            "UV_INDEX_STRATEGY",
        ],
    ),
];

/// Variables that name a proxy, which may hold a user name and a password.
const PROXIES: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Credentials that Pannier and GitLab know by name: no configuration may hand them to a build.
const CREDENTIALS: [&str; 15] = [
    "PANNIER_TOKEN",
    "GITLAB_TOKEN",
    "PRIVATE_TOKEN",
    "CI_JOB_TOKEN",
    "CI_BUILD_TOKEN",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V1",
    "CI_JOB_JWT_V2",
    // Holds the job's token.
    "CI_REPOSITORY_URL",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "RENOVATE_TOKEN",
    "NETRC",
    "GIT_ASKPASS",
];

/// Runs a child in a process group of its own and collects its output. When the run is cancelled, the whole group is killed: what the
/// child has started, too.
///
/// # Errors
/// When it cannot be started, or the run is cancelled before.
pub fn output(command: &mut Command, cancel: &Cancel) -> io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let (child, _hook) = start(command, cancel)?;
    child.wait_with_output()
}

/// Starts a child in a process group of its own, which is killed when the run is cancelled, until the hook is dropped: drop it after
/// the child was waited for.
///
/// # Errors
/// When it cannot be started, or the run is cancelled before.
pub fn start(command: &mut Command, cancel: &Cancel) -> io::Result<(Child, Hook)> {
    cancel.check().map_err(io::Error::other)?;
    let child = command.process_group(0).spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let hook = cancel.on_cancel(move || {
        if let Some(group) = group {
            // One that has just ended needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
    });
    Ok((child, hook))
}

/// The environment that child processes get. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct ChildEnvironment {
    passed: BTreeMap<String, String>,
    named: Vec<VariableName>,
    of_pip: BTreeMap<String, String>,
    hides_proxy_login: bool,
    cancel: Cancel,
}

impl ChildEnvironment {
    /// Takes from `variables` what is on the list, and those that are `named` by the configuration.
    #[must_use]
    pub fn new(variables: &BTreeMap<String, String>, named: &[VariableName]) -> Self {
        let mut made = Self {
            named: named.to_vec(),
            ..Self::default()
        };
        for (name, value) in variables {
            let is_named = named.iter().any(|one| one.0 == *name);
            if is_named || is_passed(name) {
                let shown = match PROXIES.contains(&name.as_str()) {
                    true => without_login(value),
                    false => value.clone(),
                };
                made.hides_proxy_login |= shown != *value;
                made.passed.insert(name.clone(), shown);
            }
            if name.starts_with("PIP_") || name == "NETRC" || PROXIES.contains(&name.as_str()) {
                made.of_pip.insert(name.clone(), value.clone());
            }
        }
        made
    }

    /// The same for children that end when the run is cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// What ends the children.
    #[must_use]
    pub const fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// All variables, by name.
    #[must_use]
    pub const fn variables(&self) -> &BTreeMap<String, String> {
        &self.passed
    }

    /// The value of a variable that passes.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.passed.get(name).map(String::as_str)
    }

    /// Name and value of those that the configuration names and that are set, sorted: a build may depend on them.
    pub fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = |name: &str| self.named.iter().any(|one| one.0 == name);
        let passed = self.passed.iter();
        passed
            .filter(move |(name, _)| named(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The environment of pip where it fetches a file itself and builds nothing: its settings and its credentials too.
    #[must_use]
    pub fn of_pip(&self) -> BTreeMap<String, String> {
        let mut all = self.passed.clone();
        all.extend(self.of_pip.clone());
        all
    }

    /// Whether a proxy's user name and password were taken away.
    #[must_use]
    pub const fn hides_proxy_login(&self) -> bool {
        self.hides_proxy_login
    }
}

impl fmt::Debug for ChildEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.passed.keys()).finish()
    }
}

fn is_passed(name: &str) -> bool {
    name.starts_with("LC_") || PASSED.iter().any(|(_, names)| names.contains(&name))
}

/// A proxy's URL without user and password. The scheme may be missing, and a password may hold anything that is not encoded.
fn without_login(proxy: &str) -> String {
    let (scheme, rest) = match proxy.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), proxy),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => scheme + host,
        None => proxy.to_owned(),
    }
}

/// The name of a variable that a configuration may hand to builds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableName(String);

impl VariableName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why builds cannot get a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableNameError {
    /// It cannot be the name of a variable.
    #[error("`{0}` is not the name of a variable: set one exact name, without its value")]
    Malformed(String),
    /// It holds a credential.
    #[error("`{0}` contains a credential, and builds get none; remove it from the list")]
    Credential(String),
    /// It is a setting of a program that Pannier runs.
    #[error("`{0}` would change how Pannier and uv work; set it in pannier.yml or with a flag")]
    Setting(String),
}

impl FromStr for VariableName {
    type Err = VariableNameError;

    fn from_str(text: &str) -> Result<Self, VariableNameError> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !starts || !text.chars().all(plain) {
            return Err(VariableNameError::Malformed(text.to_owned()));
        }
        let of_index = text.starts_with("UV_INDEX_")
            && (text.ends_with("_USERNAME") || text.ends_with("_PASSWORD"));
        if CREDENTIALS.contains(&text) || of_index {
            return Err(VariableNameError::Credential(text.to_owned()));
        }
        let setting = ["PANNIER_", "UV_", "PIP_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if setting && !is_passed(text) {
            return Err(VariableNameError::Setting(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(pairs: &[(&str, &str)], named: &[&str]) -> ChildEnvironment {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let named: Vec<_> = named.iter().map(|name| name.parse().unwrap()).collect();
        ChildEnvironment::new(&pairs.collect(), &named)
    }

    #[test]
    fn only_what_is_listed_or_named_passes() {
        let pairs = [
            ("PATH", "/bin"),
            ("LC_TIME", "C"),
            ("CFLAGS", "-O2"),
            ("UV_HTTP_TIMEOUT", "9"),
            ("TEAM_TOKEN", "secret"),
            ("PANNIER_TOKEN", "secret"),
            ("GITLAB_TOKEN", "secret"),
            ("PRIVATE_TOKEN", "secret"),
            ("CI_JOB_TOKEN", "secret"),
            ("UV_INDEX_TEAM_PASSWORD", "secret"),
            ("UV_DEFAULT_INDEX", "https://u:secret@example.org/"),
            ("PIP_INDEX_URL", "https://u:secret@example.org/"),
            ("NETRC", "/secret"),
            ("GIT_ASKPASS", "/secret"),
            ("GIT_CONFIG_VALUE_0", "secret"),
            ("SETUPTOOLS_SCM_PRETEND_VERSION", "7"),
        ];
        let child = child(&pairs, &["SETUPTOOLS_SCM_PRETEND_VERSION", "NOT_SET"]);
        let names: Vec<_> = child.variables().keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "CFLAGS",
                "LC_TIME",
                "PATH",
                "SETUPTOOLS_SCM_PRETEND_VERSION",
                "UV_HTTP_TIMEOUT"
            ]
        );
        let named: Vec<_> = child.named().collect();
        assert_eq!(named, [("SETUPTOOLS_SCM_PRETEND_VERSION", "7")]);
        assert!(!format!("{child:?}").contains("/bin"));
    }

    #[test]
    fn the_documentation_lists_what_passes() {
        let page = include_str!("../../../docs/builds.md");
        for (purpose, names) in PASSED {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let row = format!("| {purpose} | {} |", names.join(", "));
            assert!(page.contains(&row), "docs/builds.md lacks: {row}");
        }
    }

    #[test]
    fn proxies_pass_without_their_login() {
        for (given, passed) in [
            (
                "http://u:p@proxy.example.org:3128",
                "http://proxy.example.org:3128",
            ),
            ("u:p@proxy.example.org:3128", "proxy.example.org:3128"),
            (
                "http://u:p/w@rd@proxy.example.org",
                "http://proxy.example.org",
            ),
            ("socks5h://proxy.example.org", "socks5h://proxy.example.org"),
            ("proxy.example.org:3128", "proxy.example.org:3128"),
        ] {
            for name in ["HTTPS_PROXY", "all_proxy"] {
                let child = child(&[(name, given)], &[name]);
                assert_eq!(child.get(name), Some(passed));
                assert_eq!(child.hides_proxy_login(), given != passed);
                assert_eq!(child.of_pip()[name], given);
            }
        }
    }

    #[test]
    fn pip_gets_its_settings_and_no_token() {
        let pairs = [("PIP_CONFIG_FILE", "/pip.conf"), ("CI_JOB_TOKEN", "secret")];
        let child = child(&pairs, &[]);
        assert!(child.variables().is_empty());
        assert_eq!(
            child.of_pip().into_keys().collect::<Vec<_>>(),
            ["PIP_CONFIG_FILE"]
        );
    }

    #[test]
    fn credentials_and_settings_cannot_be_named() {
        let error = |text: &str| text.parse::<VariableName>().unwrap_err();
        for name in CREDENTIALS.iter().chain(&["UV_INDEX_TEAM_PASSWORD"]) {
            assert!(
                matches!(error(name), VariableNameError::Credential(_)),
                "{name}"
            );
        }
        for name in ["UV_INDEX", "PIP_INDEX_URL", "PANNIER_GIT_BASE"] {
            assert!(
                matches!(error(name), VariableNameError::Setting(_)),
                "{name}"
            );
        }
        for name in ["", "A=b", "LC_*", "1A", "A B", "Ä"] {
            assert!(
                matches!(error(name), VariableNameError::Malformed(_)),
                "{name}"
            );
        }
        assert!("UV_HTTP_TIMEOUT".parse::<VariableName>().is_ok());
    }
}
