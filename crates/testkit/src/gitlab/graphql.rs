//! GraphQL: the one question that the REST API has no call for, which statuses a pipeline can have.

use serde_json::json;

use super::answer::ok;
use super::loopback::{Answer, Request};
use super::params::Params;
use super::status::Status;

pub fn answer(request: &Request) -> Answer {
    let query = Params::of(request).text("query").unwrap_or_default();
    if query != r#"{__type(name:"PipelineStatusEnum"){enumValues{name}}}"# {
        return ok(&json!({ "errors": [{ "message": "Unexpected end of document" }] }));
    }
    let words = Status::ALL.map(|status| json!({ "name": status.word().to_uppercase() }));
    ok(&json!({ "data": { "__type": { "enumValues": words } } }))
}
