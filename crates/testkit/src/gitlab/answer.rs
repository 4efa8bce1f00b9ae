//! Answers in GitLab's shapes: results, and errors as `message` or `error`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::loopback::Answer;

/// What a handler gives: an answer, or the answer that says why not.
pub type Reply<T = Answer> = Result<T, Answer>;

pub fn ok(value: &Value) -> Answer {
    body(200, value)
}

pub fn created(value: &Value) -> Answer {
    body(201, value)
}

pub fn no_content() -> Answer {
    Answer::new(204, "")
}

pub fn text(content: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200, content).with("content-type", "text/plain")
}

pub fn body(status: u16, value: &Value) -> Answer {
    Answer::new(status, value.to_string()).with("content-type", "application/json")
}

/// An error of any shape.
pub fn error(status: u16, value: Value) -> Answer {
    body(status, &value)
}

/// `{"message": …}`
pub fn message(status: u16, message: &str) -> Answer {
    error(status, json!({ "message": message }))
}

/// What is not there, or hidden.
pub fn not_found(what: &str) -> Answer {
    message(
        404,
        format!("404 {what} Not Found")
            .replace("  ", " ")
            .trim_end(),
    )
}

pub fn forbidden() -> Answer {
    message(403, "403 Forbidden")
}

/// A parameter that has to be there.
pub fn missing(name: &str) -> Answer {
    error(400, json!({ "error": format!("{name} is missing") }))
}

/// A parameter out of its set of values.
pub fn invalid(name: &str) -> Answer {
    error(
        400,
        json!({ "error": format!("{name} does not have a valid value") }),
    )
}

/// A reason of a model's validation that belongs to no field.
pub fn base(reason: &str) -> Answer {
    error(400, json!({ "message": { "base": [reason] } }))
}

/// A time as GitLab's API writes it.
pub fn time(at: Timestamp) -> Value {
    json!(format!("{at:.3}"))
}

pub fn maybe(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, time)
}
