//! The indexes that hold: flags, uv's and pip's variables, the file; with the credentials that uv's variables name.

use crate::env;
use crate::error::ConfigError;
use crate::inputs::Inputs;
use pannier_base::secret;
use pannier_base::url::SafeUrl;
use pannier_core::request::origin::{Effective, Origin};

/// The index URL, if anyone said one.
pub(super) fn url(inputs: &Inputs<'_>) -> Result<Option<Effective<SafeUrl>>, ConfigError> {
    if let Some(text) = &inputs.flags.index_url {
        return parse(text, Origin::Flag("--index-url")).map(Some);
    }
    let names = [env::UV_DEFAULT_INDEX, env::UV_INDEX_URL, env::PIP_INDEX_URL];
    if let Some((name, text)) = inputs.environment.first(&names) {
        let origin = Origin::Variable(name.to_owned());
        return named(inputs, text, origin).map(Some);
    }
    let index = inputs.file().index.as_ref();
    let url = index.and_then(|index| index.url.as_ref());
    Ok(url.map(|url| Effective::new(url.0.clone(), inputs.key("index.url"))))
}

/// The extra indexes; empty with [`Origin::Default`] where nobody said any.
pub(super) fn extra(inputs: &Inputs<'_>) -> Result<Effective<Vec<SafeUrl>>, ConfigError> {
    let flags = &inputs.flags.extra_index_urls;
    if !flags.is_empty() {
        let origin = Origin::Flag("--extra-index-url");
        let urls = flags.iter().map(|text| value(text, &origin));
        return Ok(Effective::new(urls.collect::<Result<_, _>>()?, origin));
    }
    if let Some(found) = extra_of_environment(inputs)? {
        return Ok(found);
    }
    let index = inputs.file().index.as_ref();
    match index.and_then(|index| index.extra.as_ref()) {
        Some(extra) => {
            let urls = extra.iter().map(|url| url.0.clone()).collect();
            Ok(Effective::new(urls, inputs.key("index.extra")))
        }
        None => Ok(Effective::new(Vec::new(), Origin::Default)),
    }
}

fn extra_of_environment(
    inputs: &Inputs<'_>,
) -> Result<Option<Effective<Vec<SafeUrl>>>, ConfigError> {
    let set = |names: &[&'static str]| -> Vec<(&'static str, String)> {
        names
            .iter()
            .filter_map(|name| Some((*name, inputs.environment.get(name)?.to_owned())))
            .collect()
    };
    let mut found = set(&[env::UV_INDEX, env::UV_EXTRA_INDEX_URL]);
    if found.is_empty() {
        found = set(&[env::PIP_EXTRA_INDEX_URL]);
    }
    let Some((first, _)) = found.first() else {
        return Ok(None);
    };
    let origin = Origin::Variable((*first).to_owned());
    let mut urls = Vec::new();
    for (name, list) in &found {
        for text in list.split_whitespace() {
            let origin = Origin::Variable((*name).to_owned());
            urls.push(named(inputs, text, origin)?.value);
        }
    }
    Ok(Some(Effective::new(urls, origin)))
}

/// `name=URL` or `URL`; the name brings user name and password from `UV_INDEX_<NAME>_…`.
fn named(
    inputs: &Inputs<'_>,
    text: &str,
    origin: Origin,
) -> Result<Effective<SafeUrl>, ConfigError> {
    let name = text
        .split_once('=')
        .filter(|(name, _)| !name.contains([':', '/']));
    let Some((name, url)) = name else {
        return parse(text, origin);
    };
    let url = parse(url, origin)?;
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let of = |what: &str| inputs.environment.get(&format!("UV_INDEX_{name}_{what}"));
    let (user, password) = (of("USERNAME"), of("PASSWORD"));
    if user.is_none() && password.is_none() {
        return Ok(url);
    }
    secret::know_url_login(user.unwrap_or(""), password.unwrap_or(""));
    let known = url
        .value
        .with_credentials(user.unwrap_or(""), password.unwrap_or(""));
    Ok(Effective::new(known, url.origin))
}

fn parse(text: &str, origin: Origin) -> Result<Effective<SafeUrl>, ConfigError> {
    value(text, &origin).map(|url| Effective::new(url, origin))
}

fn value(text: &str, origin: &Origin) -> Result<SafeUrl, ConfigError> {
    text.trim().parse().map_err(|source| ConfigError::Url {
        origin: origin.clone(),
        source,
    })
}
