//! What GitLab's error bodies say. They come in several shapes, from GitLab and from what stands before it; see
//! "REST API troubleshooting" in GitLab's documentation for the common ones.

use serde_json::Value;

use pannier_base::secret::scrub;

/// Longest message that is shown, in characters.
const LONGEST: usize = 500;

/// The message in the body of an error, in one line; empty when there is none that a person could use.
#[must_use]
pub(super) fn of_body(body: &[u8]) -> String {
    shown(&words(body))
}

/// A text of GitLab's in one line. Cut to its length last: a secret that is cut is not found.
pub(super) fn shown(text: &str) -> String {
    let text = scrub(text);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    scrub(&clean).chars().take(LONGEST).collect()
}

fn words(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_json(&value),
        Err(_) => plain(body),
    }
}

fn of_json(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return flat(value);
    };
    let field = |name| fields.get(name).map(flat).filter(|text| !text.is_empty());
    match (field("message"), field("error"), field("error_description")) {
        (Some(message), _, _) => message,
        (None, Some(error), Some(description)) => format!("{error}: {description}"),
        (None, Some(error), None) => error,
        (None, None, _) => String::new(),
    }
}

/// `{"base": ["a", "b"], "ref": ["c"]}` is `a; b; ref: c`.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match name.as_str() {
                "base" | "error" => flat(value),
                name => format!("{name}: {}", flat(value)),
            })
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

/// A short plain text is a message; a page of a proxy is not.
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.trim_start().starts_with('<') || text.len() > LONGEST {
        true => String::new(),
        false => text.into_owned(),
    }
}
