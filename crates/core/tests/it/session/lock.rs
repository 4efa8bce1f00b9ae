//! Locking through a session.

use pannier_base::class::{Class, Classify};
use pannier_core::resolve::Upgrade;
use pannier_core::resolve::overridden::Movement;
use pannier_core::resolve::update::Mode;
use pannier_core::session::{LockOptions, LockReport, RequestError};

use super::world::World;

fn lock(world: &World, requirements: &[&str], mode: Mode) -> Result<LockReport, RequestError> {
    let request = world.request(requirements);
    world.session().lock(&LockOptions {
        request: &request,
        mode,
        movement: Movement::Told,
    })
}

#[test]
fn a_report_says_what_happened_to_the_file() {
    let world = World::new();
    world.upload("lib", "1.0");
    let update = || Mode::Update(Upgrade::None);
    let made = lock(&world, &["lib"], update()).unwrap();
    assert_eq!((made.changed, made.is_new, made.packages), (true, true, 1));
    let fits = lock(&world, &["lib"], Mode::Check).unwrap();
    assert_eq!((fits.changed, &fits.digest), (false, &made.digest));
    world.upload("lib", "1.1");
    let renewed = lock(&world, &["lib"], Mode::Update(Upgrade::All)).unwrap();
    let place = world.path("");
    let shown = |report: &LockReport| report.to_string().replace(place.to_str().unwrap(), "");
    insta::assert_snapshot!(shown(&made) + &shown(&fits) + &shown(&renewed), @r"
    wrote pylock.toml (1 package)
    pylock.toml matches the request (1 package)
    wrote pylock.toml (1 package)
      raised lib 1.0 -> 1.1
    ");
    let json = serde_json::to_value(&renewed).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["changed", "changes", "digest", "forks", "lock"]);
    assert_eq!(json["digest"], renewed.digest.to_string());
}

#[test]
fn a_lock_that_does_not_fit_or_is_not_there_is_stale() {
    let world = World::new();
    world.upload("lib", "1.0");
    world.upload("more", "1.0");
    let missing = lock(&world, &["lib"], Mode::Check).unwrap_err();
    assert_eq!(missing.class(), Class::Stale, "{missing}");
    lock(&world, &["lib"], Mode::Update(Upgrade::None)).unwrap();
    let stale = lock(&world, &["lib", "more"], Mode::Check).unwrap_err();
    assert_eq!(stale.class(), Class::Stale, "{stale}");
}
