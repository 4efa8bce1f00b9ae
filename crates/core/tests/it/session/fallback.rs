//! Preparing through a session: the channel's release when an index or a package is broken, the failure when it is the run's own.

use pannier_base::class::{Class, Classify};
use pannier_core::session::PrepareOptions;

use super::world::World;

/// `lib` 1.0 is in production.
fn world() -> World {
    let world = World::new();
    world.upload("lib", "1.0");
    let request = world.request(&["lib"]);
    let options = world.options(&request);
    let before = world.git_requests();
    let report = world.session().prepare(&options).unwrap();
    assert!(report.fallback.is_none());
    assert_eq!(report.images[0].packages, 1);
    assert_eq!(
        world.git_requests(),
        before,
        "a success reads no release log"
    );
    assert_eq!(world.events.take(), ["locked: 1"]);
    world.release();
    world
}

#[test]
fn a_broken_package_is_replaced_by_the_release() {
    let world = world();
    world.upload_broken("lib", "1.1");
    let request = world.request(&["lib"]);
    let report = world.session().prepare(&world.options(&request)).unwrap();
    let instead = report.fallback.unwrap();
    assert_eq!(instead.channel.to_string(), "production");
    assert!(report.lock.to_string_lossy().contains("releases/"));
    let events = world.events.take();
    let starts = ["locked: ", "failed: ", "warning: NOT what was requested"];
    assert_eq!(events.len(), starts.len(), "{events:?}");
    for (event, start) in events.iter().zip(starts) {
        assert!(event.starts_with(start), "{event}");
    }
    // Without a fallback the same failure is a refusal.
    let plain = PrepareOptions {
        fallback: None,
        ..world.options(&request)
    };
    let error = world.session().prepare(&plain).unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
}

#[test]
fn an_index_that_is_gone_is_replaced_by_the_release() {
    let world = world();
    let mut request = world.request(&["lib"]);
    request.index.url = Some("http://127.0.0.1:9/simple/".parse().unwrap());
    let mut session = world.session();
    session.around.index = request.index.clone();
    let report = session.prepare(&world.options(&request)).unwrap();
    assert_eq!(report.fallback.unwrap().changed, ["index changed"]);
}

#[test]
fn a_fault_of_the_run_itself_is_no_reason() {
    let world = world();
    world.upload_broken("lib", "1.1");
    // A package that the release does not have.
    world.upload("new", "1.0");
    let request = world.request(&["lib", "new"]);
    let error = world.session().prepare(&world.options(&request));
    assert_eq!(error.unwrap_err().class(), Class::Refused);
    let events = world.events.take();
    let warning = events.last().unwrap();
    assert!(warning.contains("requests `new`"), "{events:?}");
    // A lock that must fit the request, and does not.
    let request = world.request(&["lib"]);
    std::fs::remove_file(world.path("pylock.toml")).unwrap();
    let locked = PrepareOptions {
        locked: true,
        ..world.options(&request)
    };
    let error = world.session().prepare(&locked).unwrap_err();
    assert_eq!(error.class(), Class::Stale, "{error}");
    let events = world.events.take();
    assert!(
        events[0].starts_with("warning: nothing is prepared from `production` instead"),
        "{events:?}"
    );
}
