//! The surroundings in which uv runs: the exact environment of the child, made from values.
//!
//! Refuses to let settings of the user's own uv, pip or Python decide a resolution: what decides it is in the request.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::child::ChildEnvironment;
use pannier_base::url::SafeUrl;

use super::{Relay, UvError};

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
    /// Stands between uv and servers that need credentials; without one, uv asks them without credentials.
    pub relay: Option<Relay>,
}

/// Where index packages come from. Credentials may stand in the URLs; they are never shown or stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indexes {
    /// The index with the lowest priority; `None` means uv's own default.
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
    /// The environment of uv, complete: what passes, then what Pannier sets. Index URLs are in it without their credentials:
    /// those that need some are the relay's.
    ///
    /// # Errors
    /// [`UvError::Relay`].
    pub(super) fn child_environment(&self) -> Result<BTreeMap<String, String>, UvError> {
        let mut child = self.variables.variables().clone();
        let mut set = |name: &str, value: String| child.insert(name.to_owned(), value);
        if !self.cache.as_os_str().is_empty() {
            set("UV_CACHE_DIR", self.cache.to_string_lossy().into_owned());
        }
        if let Some(url) = &self.index.url {
            set("UV_DEFAULT_INDEX", self.index_url(url)?);
        }
        if !self.index.extra.is_empty() {
            let urls = self.index.extra.iter().map(|url| self.index_url(url));
            set("UV_INDEX", urls.collect::<Result<Vec<_>, _>>()?.join(" "));
        }
        if self.relay.is_some() {
            // The relay is on this machine, which no proxy reaches.
            let given = self.variables.get("NO_PROXY");
            let given = given.or_else(|| self.variables.get("no_proxy"));
            let all = given.map_or_else(|| LOOPBACK.to_owned(), |it| format!("{it},{LOOPBACK}"));
            if given != Some("*") {
                set("NO_PROXY", all.clone());
                set("no_proxy", all);
            }
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
        Ok(child)
    }

    /// Whether uv's own index, which is used where none is configured, is to be asked through the relay too.
    pub(super) fn hides_own_index(&self) -> bool {
        let proxied = self.variables.hides_proxy_login();
        proxied && self.relay.is_some() && self.index.url.is_none()
    }

    /// The URL of an index as uv gets it.
    pub(super) fn index_url(&self, url: &SafeUrl) -> Result<String, UvError> {
        match self.relay_for(url) {
            Some(relay) => relay.index(url),
            None => Ok(self.without_password(url)),
        }
    }

    /// Requirement lines as uv gets them: the URL of a file that needs credentials is the relay's.
    pub(super) fn lines(&self, lines: &[String]) -> Result<String, UvError> {
        let mut text = String::new();
        for line in lines {
            let (before, url, behind) = split_url(line);
            text.push_str(before);
            match url.parse::<SafeUrl>() {
                // The relay speaks no git.
                Ok(url) => match self.relay_for(&url).filter(|_| !before.ends_with("git+")) {
                    Some(relay) => text.push_str(&relay.file(&url)?),
                    None => text.push_str(&self.without_password(&url)),
                },
                Err(_) => text.push_str(url),
            }
            text.push_str(behind);
            text.push('\n');
        }
        Ok(text)
    }

    /// The relay, where `url` is to be asked through it: for its credentials, or for those of the proxy on the way.
    fn relay_for(&self, url: &SafeUrl) -> Option<&Relay> {
        let relay = self.relay.as_ref()?;
        let web = matches!(url.expose().scheme(), "http" | "https");
        let needs = relay.knows_login(url) || self.variables.hides_proxy_login();
        (web && needs && !self.asks_keyring(url)).then_some(relay)
    }

    /// Whether uv asks a keyring for the password to a user name that the URL holds.
    fn asks_keyring(&self, url: &SafeUrl) -> bool {
        let provider = self.variables.get("UV_KEYRING_PROVIDER");
        provider.is_some_and(|provider| provider != "disabled")
            && url
                .credentials()
                .is_some_and(|(_, password)| password.is_empty())
    }

    fn without_password(&self, url: &SafeUrl) -> String {
        match self.asks_keyring(url) {
            true => url.expose().to_string(),
            false => url.without_credentials().to_string(),
        }
    }

    /// What uv wrote, with the real URLs of servers.
    pub(super) fn restored(&self, text: &str) -> String {
        match &self.relay {
            Some(relay) => relay.restore(text),
            None => text.to_owned(),
        }
    }
}

/// The host of the relay, for `NO_PROXY`.
const LOOPBACK: &str = "127.0.0.1";

/// A requirement line as what is before its web URL, the URL, and what is behind it.
fn split_url(line: &str) -> (&str, &str, &str) {
    let starts = ["http://", "https://"].map(|scheme| line.find(scheme));
    let Some(start) = starts.into_iter().flatten().min() else {
        return (line, "", "");
    };
    let length = line[start..].find(char::is_whitespace);
    let end = length.map_or(line.len(), |length| start + length);
    (&line[..start], &line[start..end], &line[end..])
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
            relay: None,
        }
    }

    #[test]
    fn settings_of_the_user_do_not_decide() {
        let names = ["UV_EXCLUDE_NEWER", "PIP_INDEX_URL", "PYTHONPATH", "GIT_DIR"];
        let child = around(&names).child_environment().unwrap();
        assert!(names.iter().all(|name| !child.contains_key(*name)));
    }

    #[test]
    fn what_pannier_knows_is_set_over_what_was_given() {
        let around = around(&["UV_OFFLINE", "UV_CACHE_DIR", "UV_INDEX", "NO_COLOR"]);
        let child = around.child_environment().unwrap();
        assert_eq!(child["UV_CACHE_DIR"], "/store/uv-cache");
        assert_eq!(child["UV_DEFAULT_INDEX"], "https://example.org/simple");
        assert_eq!(
            child["UV_INDEX"],
            "https://one.example.org/ https://two.example.org/"
        );
        assert_eq!(
            (child["UV_OFFLINE"].as_str(), child["NO_COLOR"].as_str()),
            ("1", "1")
        );
        assert_eq!(child["UV_PYTHON_DOWNLOADS"], "never");
        let online = Surroundings::default().child_environment().unwrap();
        assert!(!online.contains_key("UV_OFFLINE") && !online.contains_key("UV_DEFAULT_INDEX"));
    }

    /// Surroundings with a relay, whose client has a password for 127.0.0.1 from netrc, and these variables.
    fn relayed(folder: &std::path::Path, pairs: &[(&str, &str)]) -> Surroundings {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let credentials = crate::http::Credentials::default()
            .with_netrc("machine private.example.org login n password secret");
        Surroundings {
            variables: ChildEnvironment::new(&pairs.collect(), &[]),
            relay: Some(Relay::new(
                crate::http::Client::new(credentials),
                folder.join("relay"),
            )),
            ..around(&[])
        }
    }

    #[test]
    fn only_what_needs_credentials_goes_through_the_relay() {
        let folder = tempfile::tempdir().unwrap();
        let relay = "http://127.0.0.1:";
        let through = |around: &Surroundings| {
            let child = around.child_environment().unwrap();
            let urls = [&child["UV_DEFAULT_INDEX"], &child["UV_INDEX"]];
            urls.map(|url| url.starts_with(relay))
        };
        assert_eq!(through(&relayed(folder.path(), &[])), [true, false]);
        let proxy = [("HTTPS_PROXY", "http://u:p@proxy.example.org")];
        assert_eq!(through(&relayed(folder.path(), &proxy)), [true, true]);
        let mut keyring = relayed(folder.path(), &[("UV_KEYRING_PROVIDER", "subprocess")]);
        keyring.index.url = Some("https://user@example.org/simple".parse().unwrap());
        let child = keyring.child_environment().unwrap();
        assert_eq!(child["UV_DEFAULT_INDEX"], "https://user@example.org/simple");
    }

    #[test]
    fn the_relay_is_reached_without_a_proxy() {
        let folder = tempfile::tempdir().unwrap();
        for (given, set) in [
            (None, "127.0.0.1"),
            (Some("example.org"), "example.org,127.0.0.1"),
            (Some("*"), "*"),
        ] {
            let pairs: Vec<_> = given.iter().map(|value| ("NO_PROXY", *value)).collect();
            let around = relayed(folder.path(), &pairs);
            assert_eq!(around.child_environment().unwrap()["NO_PROXY"], set);
        }
    }

    #[test]
    fn urls_of_requirements_lose_their_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let lines = [
            "a==1",
            "b @ https://u:secret@example.org/b-1.tar.gz ; python_version > '3'",
            "c @ https://private.example.org/c-1.tar.gz",
            "d@https://public.example.org/d-1.tar.gz#sha256=00",
            "e @ git+https://u:secret@example.org/e.git",
            "f @ file:///srv/f-1-py3-none-any.whl",
        ]
        .map(str::to_owned);
        let around = relayed(folder.path(), &[]);
        let text = around.lines(&lines).unwrap();
        let shown: Vec<_> = text
            .lines()
            .map(|line| line.contains("127.0.0.1"))
            .collect();
        assert_eq!(shown, [false, true, true, false, false, false]);
        assert!(!text.contains("secret"), "{text}");
        let back = around.restored(&text);
        assert_eq!(back.trim_end(), lines.join("\n").replace("u:secret@", ""));
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
