//! Users, and who the caller is: `/user`, `/users`, `/personal_access_tokens/self`, `/job`, `/version`.

use serde_json::{Value, json};

use super::super::answer::{Reply, not_found, ok};
use super::super::call::Call;
use super::super::router::{Door, Route};
use super::super::state::{Id, State};
use super::super::tokens::Caller;

pub const ROUTES: &[Route] = &[
    Route::new("GET", "user", Door::SignedIn, me),
    Route::new("GET", "users", Door::SignedIn, list),
    Route::new("GET", "users/:id", Door::SignedIn, get),
    Route::new(
        "GET",
        "personal_access_tokens/self",
        Door::SignedIn,
        own_token,
    ),
    Route::new("GET", "job", Door::SignedIn, job).jobs(),
    Route::new("GET", "version", Door::SignedIn, version),
];

/// A user as others see one.
pub fn show(state: &State, user: Id) -> Value {
    let Some(user) = state.users.get(&user) else {
        return Value::Null;
    };
    json!({
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": if user.active { "active" } else { "blocked" },
        "bot": user.bot,
        "locked": false,
        "avatar_url": null,
        "web_url": format!("{}/{}", state.base, user.username),
    })
}

fn me(state: &mut State, call: &Call<'_>) -> Reply {
    let mut user = show(state, call.user());
    user["email"] = json!(format!(
        "{}@example.org",
        user["username"].as_str().unwrap_or_default()
    ));
    user["is_admin"] = json!(false);
    Ok(ok(&user))
}

/// What the token that asks may do.
fn own_token(_: &mut State, call: &Call<'_>) -> Reply {
    match &call.caller {
        Caller::User { user, scopes } => {
            let scopes: Vec<_> = scopes.iter().map(|scope| scope.word()).collect();
            Ok(ok(&json!({
                "name": "token", "revoked": false, "active": true, "user_id": user, "scopes": scopes,
            })))
        }
        _ => Err(not_found("")),
    }
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let name = call.params.text("username");
    let users = state
        .users
        .values()
        .filter(|user| name.as_ref().is_none_or(|name| *name == user.username));
    Ok(call.page(users.map(|user| show(state, user.id)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let id = call.id(0)?;
    match show(state, id) {
        Value::Null => Err(not_found("User")),
        user => Ok(ok(&user)),
    }
}

fn job(state: &mut State, call: &Call<'_>) -> Reply {
    match call.caller {
        Caller::Job { job, .. } => Ok(ok(&super::jobs::show(state, job))),
        _ => Err(not_found("Job")),
    }
}

fn version(_: &mut State, _: &Call<'_>) -> Reply {
    Ok(ok(
        &json!({ "version": "19.3.0-ee", "revision": "5tand1n" }),
    ))
}
