//! Events of a project: pushes alone, which is what `action=pushed` asks for.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::answer::{Reply, invalid, time};
use super::super::call::Call;
use super::super::push::Push;
use super::super::router::{Door, Route};
use super::super::state::{Role, State};
use super::users;

pub const ROUTES: &[Route] = &[Route::new(
    "GET",
    "projects/:id/events",
    Door::Project(Role::Reporter),
    list,
)];

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let action = call.params.text("action");
    let sort = call.params.word("sort", &["asc", "desc"])?;
    // Both are days, and neither day is in the list.
    let after = day(call, "after")?.map(|day| day + SignedDuration::from_hours(24));
    let before = day(call, "before")?;
    let mut rows: Vec<Value> = state
        .pushes
        .iter()
        .filter(|push| push.project == call.project())
        .filter(|_| action.as_deref().is_none_or(|word| word == "pushed"))
        .filter(|push| after.is_none_or(|at| push.at >= at))
        .filter(|push| before.is_none_or(|at| push.at < at))
        .filter_map(|push| show(state, push))
        .collect();
    if sort.as_deref() != Some("asc") {
        rows.reverse();
    }
    Ok(call.page(rows))
}

/// When a day begins.
fn day(call: &Call<'_>, name: &str) -> Reply<Option<Timestamp>> {
    let text = call.params.text(name);
    let begins = |text: String| {
        let begins = format!("{text}T00:00:00Z").parse();
        begins.map_err(|_| invalid(name))
    };
    text.map(begins).transpose()
}

fn show(state: &State, push: &Push) -> Option<Value> {
    let name = &push.update.name;
    let branch = name
        .strip_prefix("refs/heads/")
        .map(|name| ("branch", name));
    let tag = || name.strip_prefix("refs/tags/").map(|name| ("tag", name));
    let (kind, name) = branch.or_else(tag)?;
    let (action, word) = match (push.update.old, push.update.new) {
        (None, _) => ("created", "pushed new"),
        (_, None) => ("removed", "deleted"),
        _ => ("pushed", "pushed to"),
    };
    let user = users::show(state, push.user);
    Some(json!({
        "id": push.id,
        "project_id": push.project,
        "action_name": word,
        "target_id": null,
        "target_iid": null,
        "target_type": null,
        "author_id": push.user,
        "target_title": null,
        "created_at": time(push.at),
        "author": user,
        "imported": false,
        "imported_from": "none",
        "push_data": {
            "commit_count": 1,
            "action": action,
            "ref_type": kind,
            "commit_from": push.update.old.map(|id| id.to_string()),
            "commit_to": push.update.new.map(|id| id.to_string()),
            "ref": name,
            "commit_title": null,
            "ref_count": null,
        },
        "author_username": user["username"],
    }))
}
