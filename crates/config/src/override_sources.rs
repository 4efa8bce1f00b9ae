//! Gathers the overrides that variables, flags and a file say, and refuses two for one name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::env;
use crate::inputs::Inputs;
use pannier_core::request::origin::Origin;
use pannier_core::request::overrides::{Override, OverrideError, OverrideName, OverrideValue};

/// A file of overrides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the key `overrides` and below it `name: value`"
)]
pub struct OverridesFile {
    /// Values by name, both as they were written.
    #[serde(default, deserialize_with = "each_once")]
    pub overrides: BTreeMap<String, Said>,
}

/// A value as it was written; a secret until it is known not to be one.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Said(pub String);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl OverridesFile {
    /// Reads the text of the file; `path` is for messages.
    ///
    /// # Errors
    /// [`OverrideError::File`] with line and column, without the text there.
    pub fn parse(text: &str, path: &Path) -> Result<Self, OverrideError> {
        let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.trim_start_matches('\u{feff}').lines().all(blank) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|error| OverrideError::File {
            file: path.display().to_string(),
            reason: match error.location() {
                Some(place) => format!(
                    "line {}, column {}: not a map `overrides:` of names to texts, each once",
                    place.line(),
                    place.column()
                ),
                None => "it is not a map `overrides:` of names to texts, each once".to_owned(),
            },
        })
    }
}

/// A map that refuses a name that appears twice.
fn each_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Said>, D::Error> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = BTreeMap<String, Said>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from names to texts")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, Said>()? {
                if names.insert(name, value).is_some() {
                    return Err(A::Error::custom("a name appears twice"));
                }
            }
            Ok(names)
        }
    }

    deserializer.deserialize_map(Names)
}

/// All overrides that were said, sorted by name.
pub(crate) fn gather(inputs: &Inputs<'_>) -> Result<Vec<Override>, OverrideError> {
    let mut said: Vec<(OverrideName, &str, Origin)> = Vec::new();
    for name in inputs.environment.0.keys() {
        if let Some(folded) = OverrideName::of_variable(name)
            && let Some(value) = inputs.environment.get(name)
        {
            said.push((folded, value, Origin::Variable(name.clone())));
        }
    }
    for pair in &inputs.flags.overrides {
        let origin = Origin::Flag("--override");
        let (name, value) = split_pair(pair).ok_or(OverrideError::Pair {
            origin: origin.clone(),
        })?;
        said.push((name, value, origin));
    }
    let file = read(inputs)?;
    if let Some((path, file)) = &file {
        for (name, value) in &file.overrides {
            let origin = Origin::File {
                file: path.as_str().into(),
                key: format!("overrides.{name}").into(),
            };
            let folded = name.parse().map_err(|source| OverrideError::Name {
                origin: Origin::File {
                    file: path.as_str().into(),
                    key: "overrides".into(),
                },
                source,
            })?;
            said.push((folded, value.0.trim(), origin));
        }
    }
    let mut found: BTreeMap<OverrideName, Override> = BTreeMap::new();
    for (name, value, origin) in said {
        if let Some(first) = found.get(&name) {
            return Err(OverrideError::Twice {
                name,
                first: first.origin.clone(),
                second: origin,
            });
        }
        let value: OverrideValue = value.parse().map_err(|source| OverrideError::Value {
            origin: origin.clone(),
            name: name.clone(),
            source,
        })?;
        let one = Override {
            name: name.clone(),
            value,
            origin,
            asked_by: asked_by(inputs),
        };
        found.insert(name, one);
    }
    Ok(found.into_values().collect())
}

/// `NAME=VALUE`. `numpy==1.2.3` is what it looks like, and so is `numpy===1.2.3`.
fn split_pair(pair: &str) -> Option<(OverrideName, &str)> {
    let (name, value) = pair.split_once('=')?;
    let name = name.parse().ok()?;
    let is_version = value.starts_with('=') && !value.starts_with("==");
    Some(match is_version {
        true => (name, &pair[pair.len() - value.len() - 1..]),
        false => (name, value.trim()),
    })
}

fn read(inputs: &Inputs<'_>) -> Result<Option<(String, OverridesFile)>, OverrideError> {
    let Some(path) = &inputs.flags.overrides_file else {
        return Ok(None);
    };
    let text = (inputs.read)(&inputs.seen_from_root(path));
    let text = text.map_err(|why| OverrideError::File {
        file: path.display().to_string(),
        reason: why.to_string(),
    })?;
    let file = OverridesFile::parse(&text, path)?;
    Ok(Some((path.display().to_string(), file)))
}

/// The login, where it is one: it gets into locks and tables.
fn asked_by(inputs: &Inputs<'_>) -> Option<String> {
    let login = inputs.environment.get(env::GITLAB_USER_LOGIN)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    (login.len() <= 255 && login.chars().all(plain)).then(|| login.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_them_each_once() {
        let parse = |text: &str| OverridesFile::parse(text, "o.yml".as_ref());
        let file = parse("overrides:\n  job-tools: https://h/x.git@a\n  numpy: ==1.2.3\n").unwrap();
        assert_eq!(file.overrides.len(), 2);
        assert_eq!(parse("# nothing\n").unwrap(), OverridesFile::default());
        for bad in [
            "overrides: [s3cr3t]",
            "overrides:\n  a: s3cr3t\n  a: s3cr3t",
            "s3cr3t: x",
            "overrides: {a: [s3cr3t]}",
        ] {
            let said = parse(bad).expect_err(bad).to_string();
            assert!(said.contains("o.yml") && !said.contains("s3cr3t"), "{said}");
        }
        assert!(!format!("{file:?}").contains("https"));
    }
}
