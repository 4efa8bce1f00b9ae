//! Parameters of a call: query, form and JSON body in one map, with names like `refs[]` and `variables[][key]` unfolded.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Reply, invalid, missing};
use super::loopback::Request;

/// The parameters; what the query says is beaten by the body.
#[derive(Debug, Default)]
pub struct Params(Map<String, Value>);

impl Params {
    pub fn of(request: &Request) -> Self {
        let mut map = Map::new();
        pairs(&mut map, request.query.as_bytes());
        let kind = request.header("content-type").unwrap_or_default();
        if kind.starts_with("application/json") {
            if let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) {
                map.extend(body);
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            pairs(&mut map, &request.body);
        }
        Self(map)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(plain)
    }

    pub fn need(&self, name: &str) -> Reply<String> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// A boolean as Grape reads it.
    pub fn flag(&self, name: &str) -> Reply<Option<bool>> {
        self.text(name)
            .map_or(Ok(None), |text| match text.to_lowercase().as_str() {
                "true" | "1" | "t" | "on" | "y" | "yes" => Ok(Some(true)),
                "false" | "0" | "f" | "off" | "n" | "no" | "" => Ok(Some(false)),
                _ => Err(invalid(name)),
            })
    }

    pub fn number(&self, name: &str) -> Reply<Option<i64>> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| invalid(name)))
            .transpose()
    }

    pub fn time(&self, name: &str) -> Reply<Option<Timestamp>> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| invalid(name)))
            .transpose()
    }

    /// One of several words.
    pub fn word(&self, name: &str, known: &[&str]) -> Reply<Option<String>> {
        match self.text(name) {
            Some(text) if !known.contains(&text.as_str()) => Err(invalid(name)),
            text => Ok(text),
        }
    }

    /// A list: an array, one value, or words with commas between them.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(values)) => values.iter().map(plain).collect(),
            Some(value) => plain(value).split(',').map(str::to_owned).collect(),
            None => Vec::new(),
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn pairs(map: &mut Map<String, Value>, text: &[u8]) {
    for (name, value) in url::form_urlencoded::parse(text) {
        let (first, keys) = name.split_once('[').unwrap_or((&name, ""));
        let keys: Vec<_> = keys
            .split('[')
            .map(|key| key.trim_end_matches(']'))
            .collect();
        let keys = if name.contains('[') { &keys[..] } else { &[] };
        insert(map.entry(first).or_insert(Value::Null), keys, &value);
    }
}

/// Puts a value below keys of which an empty one means a list, as Rack does: `a[][k]` opens a new entry when the last one has
/// a `k` already.
fn insert(place: &mut Value, keys: &[&str], value: &str) {
    match keys {
        [] => *place = Value::String(value.to_owned()),
        ["", rest @ ..] => {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            let list = place.as_array_mut().expect("just made");
            let full = match (list.last(), rest) {
                (Some(Value::Object(last)), [key, ..]) => last.contains_key(*key),
                _ => true,
            };
            if full {
                list.push(Value::Null);
            }
            insert(list.last_mut().expect("just made"), rest, value);
        }
        [key, rest @ ..] => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            let map = place.as_object_mut().expect("just made");
            insert(map.entry(*key).or_insert(Value::Null), rest, value);
        }
    }
}

/// Undoes percent-encoding in a path, where `+` is itself.
pub fn decode(segment: &str) -> String {
    let text = format!("v={}", segment.replace('+', "%2B").replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(text.as_bytes()).next();
    decoded
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
