//! The surroundings in which uv runs: the exact environment of the child, made from values.
//!
//! Refuses to let settings of the user's own uv, pip or Python decide a resolution: what decides it is in the request.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::url::SafeUrl;

/// Variables of uv's that say how to reach a server, and nothing about which versions are chosen.
const KEPT: [&str; 14] = [
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
];

/// Variables that tie git to one repository (`git rev-parse --local-env-vars`): git sets them for its hooks, and version
/// files would then be made from that repository in place of the one that is built.
const OF_ONE_REPOSITORY: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The surroundings in which uv runs: nothing else of the environment reaches it.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Environment variables, complete (captured at the rim, filtered here).
    pub variables: BTreeMap<String, String>,
    /// uv's cache folder.
    pub cache: PathBuf,
    /// Where packages come from.
    pub index: Indexes,
    /// Whether the network must not be used.
    pub offline: bool,
}

/// Where index packages come from. Credentials may stand in the URLs; they are never shown or stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indexes {
    /// The index that is asked last; `None` means uv's own default.
    pub url: Option<SafeUrl>,
    /// Indexes that are asked before it, in this order.
    pub extra: Vec<SafeUrl>,
}

impl Indexes {
    /// All configured indexes in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &SafeUrl> {
        self.extra.iter().chain(&self.url)
    }
}

impl Surroundings {
    /// The environment of the child, complete: what was given without the settings of uv, pip and Python, then what
    /// Pannier sets. Index URLs are in it, with their credentials, so that no list of processes shows them.
    #[must_use]
    pub fn child_environment(&self) -> BTreeMap<String, String> {
        let given = self.variables.iter().filter(|(name, _)| passes(name));
        let mut child: BTreeMap<_, _> = given.map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut set = |name: &str, value: String| child.insert(name.to_owned(), value);
        if !self.cache.as_os_str().is_empty() {
            set("UV_CACHE_DIR", self.cache.to_string_lossy().into_owned());
        }
        if let Some(url) = &self.index.url {
            set("UV_DEFAULT_INDEX", url.expose().to_string());
        }
        if !self.index.extra.is_empty() {
            let urls = self.index.extra.iter().map(|url| url.expose().to_string());
            set("UV_INDEX", urls.collect::<Vec<_>>().join(" "));
        }
        if self.offline {
            set("UV_OFFLINE", "1".to_owned());
        }
        for (name, value) in [
            ("UV_NO_SYSTEM_CONFIG", "1"),
            ("UV_NO_PROGRESS", "1"),
            ("UV_NO_ENV_FILE", "1"),
            ("UV_NO_WRAP", "1"),
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("NO_COLOR", "1"),
            ("LC_ALL", "C.UTF-8"),
        ] {
            set(name, value.to_owned());
        }
        child
    }
}

fn passes(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("UV_INDEX_")
        && (rest.ends_with("_USERNAME") || rest.ends_with("_PASSWORD"))
    {
        return true;
    }
    KEPT.contains(&name)
        || !(["UV_", "PIP_", "PYTHON", "CLICOLOR", "FORCE_COLOR"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || OF_ONE_REPOSITORY.contains(&name)
            || matches!(name, "VIRTUAL_ENV" | "CONDA_PREFIX" | "XDG_CONFIG_HOME"))
}

/// Shows names only: values may be tokens.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("cache", &self.cache)
            .field("index", &self.index)
            .field("offline", &self.offline)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(names: &[&str]) -> Surroundings {
        let variables = names.iter().map(|name| ((*name).into(), "given".into()));
        Surroundings {
            variables: variables.collect(),
            cache: "/store/uv-cache".into(),
            index: Indexes {
                url: Some("https://u:secret@example.org/simple".parse().unwrap()),
                extra: vec![
                    "https://one.example.org/".parse().unwrap(),
                    "https://two.example.org/".parse().unwrap(),
                ],
            },
            offline: true,
        }
    }

    #[test]
    fn settings_of_the_user_do_not_decide() {
        let names = [
            "UV_EXCLUDE_NEWER",
            "UV_CONSTRAINT",
            "PIP_INDEX_URL",
            "VIRTUAL_ENV",
            "PYTHONPATH",
            "GIT_DIR",
            "GIT_INDEX_FILE",
        ];
        let child = around(&names).child_environment();
        assert!(names.iter().all(|name| !child.contains_key(*name)));
    }

    #[test]
    fn ways_to_reach_a_server_pass() {
        let names = [
            "PATH",
            "HOME",
            "NETRC",
            "HTTPS_PROXY",
            "SSL_CERT_FILE",
            "UV_INDEX_INTERNAL_PASSWORD",
            "UV_KEYRING_PROVIDER",
            "UV_HTTP_TIMEOUT",
            "GIT_ASKPASS",
        ];
        let child = around(&names).child_environment();
        assert!(names.iter().all(|name| child[*name] == "given"));
    }

    #[test]
    fn what_pannier_knows_is_set_over_what_was_given() {
        let child =
            around(&["UV_OFFLINE", "UV_CACHE_DIR", "UV_INDEX", "NO_COLOR"]).child_environment();
        assert_eq!(child["UV_CACHE_DIR"], "/store/uv-cache");
        assert_eq!(
            child["UV_DEFAULT_INDEX"],
            "https://u:secret@example.org/simple"
        );
        assert_eq!(
            child["UV_INDEX"],
            "https://one.example.org/ https://two.example.org/"
        );
        assert_eq!(
            (child["UV_OFFLINE"].as_str(), child["NO_COLOR"].as_str()),
            ("1", "1")
        );
        assert_eq!(child["UV_PYTHON_DOWNLOADS"], "never");
        let online = Surroundings::default().child_environment();
        assert!(!online.contains_key("UV_OFFLINE") && !online.contains_key("UV_DEFAULT_INDEX"));
    }

    #[test]
    fn debug_shows_no_values() {
        let mut around = around(&[]);
        around.variables.insert("TOKEN".into(), "glpat-1".into());
        let shown = format!("{around:?}");
        assert!(
            shown.contains("TOKEN") && !shown.contains("glpat-1") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
