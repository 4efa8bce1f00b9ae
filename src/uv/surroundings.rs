//! The surroundings in which uv runs: the exact environment of the child, made from values.
//!
//! Refuses to let settings of the user's own uv, pip or Python decide a resolution: what decides it is in the request.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::child::ChildEnvironment;
use crate::url::SafeUrl;

/// The surroundings in which uv runs: nothing else of the environment reaches it.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// What child processes get of the environment.
    pub variables: ChildEnvironment,
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
        let mut child = self.variables.variables().clone();
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

/// Shows names only: values may be tokens.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables)
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
            variables: ChildEnvironment::new(&variables.collect(), &[]),
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
        let names = ["UV_EXCLUDE_NEWER", "PIP_INDEX_URL", "PYTHONPATH", "GIT_DIR"];
        let child = around(&names).child_environment();
        assert!(names.iter().all(|name| !child.contains_key(*name)));
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
        let shown = format!("{:?}", around(&["PATH"]));
        assert!(
            shown.contains("PATH") && !shown.contains("given") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
