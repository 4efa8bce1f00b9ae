//! Notes on merge requests.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, forbidden, no_content, ok, time};
use super::super::call::Call;
use super::super::router::{Door, Route, owned};
use super::super::state::{Id, Note, Role, State};
use super::{merge_requests, users};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/merge_requests/:iid/notes",
        Door::Project(Role::Guest),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/merge_requests/:iid/notes",
        Door::Project(Role::Reporter),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/merge_requests/:iid/notes/:note",
        Door::Project(Role::Guest),
        get,
    )
    .jobs(),
    Route::new(
        "PUT",
        "projects/:id/merge_requests/:iid/notes/:note",
        Door::Project(Role::Guest),
        update,
    ),
    Route::new(
        "DELETE",
        "projects/:id/merge_requests/:iid/notes/:note",
        Door::Project(Role::Guest),
        delete,
    ),
];

/// Characters of a note, at most.
const LONGEST: usize = 1_000_000;

fn show(state: &State, note: &Note) -> Value {
    json!({
        "id": note.id,
        "type": null,
        "body": note.body,
        "author": users::show(state, note.author),
        "created_at": time(note.created_at),
        "updated_at": time(note.updated_at),
        "system": note.system,
        "internal": note.internal,
        "confidential": note.internal,
        "noteable_id": note.merge_request,
        "noteable_type": "MergeRequest",
        "noteable_iid": state.merge_requests[&note.merge_request].iid,
        "project_id": note.project,
        "resolvable": false,
    })
}

/// The note of the path; internal ones are hidden from guests.
fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a Note> {
    let merge_request = merge_requests::id_of(state, call)?;
    let note = state.notes.get(&call.id(1)?);
    let note = note.filter(|note| !note.internal || call.role >= Role::Reporter);
    owned(note, merge_request, |note| note.merge_request, "")
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let merge_request = merge_requests::id_of(state, call)?;
    let order = call
        .params
        .word("order_by", &["created_at", "updated_at"])?;
    let sort = call.params.word("sort", &["asc", "desc"])?;
    let filters = ["all_notes", "only_comments", "only_activity"];
    let filter = call.params.word("activity_filter", &filters)?;
    let mut notes: Vec<_> = state
        .notes
        .values()
        .filter(|note| note.merge_request == merge_request)
        .filter(|note| !note.internal || call.role >= Role::Reporter)
        .filter(|note| match filter.as_deref() {
            Some("only_comments") => !note.system,
            Some("only_activity") => note.system,
            _ => true,
        })
        .collect();
    match order.as_deref() {
        Some("updated_at") => notes.sort_by_key(|note| (note.updated_at, note.id)),
        _ => notes.sort_by_key(|note| (note.created_at, note.id)),
    }
    if sort.as_deref() != Some("asc") {
        notes.reverse();
    }
    Ok(call.page(notes.into_iter().map(|note| show(state, note)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show(state, find(state, call)?)))
}

/// The text of a note, when it is one.
fn body_of(call: &Call<'_>) -> Reply<String> {
    let body = call.params.need("body")?;
    let refused = |reason: &str| error(400, json!({ "message": { "note": [reason] } }));
    if body.trim().is_empty() {
        return Err(refused("can't be blank"));
    }
    if body.chars().count() > LONGEST {
        return Err(refused("is too long (maximum is 1000000 characters)"));
    }
    Ok(body)
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let merge_request = merge_requests::id_of(state, call)?;
    let body = body_of(call)?;
    // Quick actions are carried out, and leave no note when there is nothing else.
    if body
        .lines()
        .all(|line| line.trim().is_empty() || is_command(line))
    {
        let summary: Vec<_> = body.lines().filter(|line| is_command(line)).collect();
        let shown = json!({ "commands_changes": {}, "summary": summary });
        return Ok(super::super::answer::body(202, &shown));
    }
    let internal = call.params.flag("internal")?.unwrap_or(false);
    let id = state.add_note(merge_request, call.user(), &body, internal);
    Ok(created(&show(state, &state.notes[&id])))
}

fn is_command(line: &str) -> bool {
    let known = [
        "/merge", "/close", "/reopen", "/approve", "/label", "/title", "/draft", "/assign",
    ];
    known.contains(&line.split_whitespace().next().unwrap_or_default())
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let (id, author) = find(state, call).map(|note| (note.id, note.author))?;
    if author != call.user() {
        return Err(forbidden());
    }
    let body = body_of(call)?;
    let now = state.now();
    let note = state.notes.get_mut(&id).expect("just found");
    note.body = body;
    note.updated_at = now;
    state.note_hook(id, "update");
    Ok(ok(&show(state, &state.notes[&id])))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let (id, author) = find(state, call).map(|note| (note.id, note.author))?;
    if author != call.user() && call.role < Role::Maintainer {
        return Err(forbidden());
    }
    state.notes.remove(&id);
    Ok(no_content())
}

impl State {
    pub fn add_note(&mut self, merge_request: Id, author: Id, body: &str, internal: bool) -> Id {
        let (id, now) = (self.next("note"), self.now());
        let note = Note {
            id,
            project: self.merge_requests[&merge_request].project,
            merge_request,
            body: body.to_owned(),
            author,
            system: false,
            internal,
            created_at: now,
            updated_at: now,
        };
        self.notes.insert(id, note);
        self.note_hook(id, "create");
        id
    }
}
