//! Two who deploy at once, and networks that break between the plan and the push or in the middle of one.

use std::sync::Barrier;

use pannier_core::deploy::Ending;
use pannier_core::deploy::Outcome;
use pannier_core::deploy::Rules;
use pannier_core::deploy::Stands;

use super::proxy::{Cut, Proxy};
use super::world::{BRANCH, Hands, World, rollback};
use pannier_testkit::gitlab::Fault;

/// A hundred times: both have seen the same, both push, and exactly one gets through.
#[test]
fn two_deployers_race_and_exactly_one_wins() {
    let world = World::new();
    let hands = [world.hands("a"), world.hands("b")];
    for round in 0..100 {
        let now = world.now().unwrap();
        // Neither goal is what is there: forwards, backwards, each as it comes.
        let mut goals = world.c.iter().filter(|commit| **commit != now);
        let goals = [goals.next().unwrap(), goals.next_back().unwrap()];
        let barrier = Barrier::new(2);
        let reports = std::thread::scope(|scope| {
            let runs = [0, 1].map(|number| {
                let (hands, goal, barrier) = (&hands[number], goals[number], &barrier);
                let targets = [world.target(goal)];
                scope.spawn(move || {
                    let plan = hands.plan(&targets, &rollback());
                    barrier.wait();
                    hands.apply(&plan)
                })
            });
            runs.map(|run| run.join().unwrap())
        });
        let there = world.now().unwrap();
        let winner = goals.iter().position(|goal| **goal == there).unwrap();
        assert_eq!(reports[winner].ending(), Ending::Done, "round {round}");
        let lost = &reports[1 - winner];
        assert_eq!(lost.ending(), Ending::Refused, "round {round}");
        assert!(
            matches!(lost.ends[0].outcome, Outcome::Overtaken { .. }),
            "round {round}: {:?}",
            lost.ends[0].outcome
        );
        assert_eq!(
            lost.ends[0].stands,
            Stands::At(Some(there)),
            "round {round}"
        );
    }
}

/// Someone else deploys between the plan and the push: named with what is there, and not overwritten.
#[test]
fn somebody_else_is_faster() {
    let world = World::new();
    let hands = world.hands("a");
    let plan = hands.plan(&[world.target(&world.c[3])], &Rules::default());
    world.tools.set_branch(BRANCH, &world.c[2]);
    world.tools.deployed(BRANCH, &world.c[2]);
    let report = hands.apply(&plan);
    assert_eq!(report.ending(), Ending::Refused);
    assert_eq!(world.now().as_ref(), Some(&world.c[2]));
    insta::assert_snapshot!(world.plain(&report.ends[0].words()));
}

#[test]
fn the_network_is_gone_between_plan_and_push() {
    let world = World::new();
    let hands = world.hands("a");
    let plan = hands.plan(&[world.target(&world.c[3])], &Rules::default());
    for _ in 0..40 {
        world.gitlab.fault("platform/tools.git", Fault::Drop);
    }
    let report = hands.apply(&plan);
    assert_eq!(report.ending(), Ending::Failed);
    assert!(matches!(report.ends[0].outcome, Outcome::Unknown { .. }));
    assert_eq!(report.ends[0].stands, Stands::Unknown);
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    world.gitlab.heal();
    assert_eq!(hands.apply(&plan).ending(), Ending::Done);
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
}

/// The proxy resets the connection before the server has the push, or when it has done it: both end well, with one move.
#[test]
fn the_connection_is_reset_in_the_middle_of_a_push() {
    for cut in [Cut::Before, Cut::After] {
        let world = World::new();
        let proxy = Proxy::before(&world.gitlab.url(""));
        let server = format!("http://{}", proxy.address);
        let api = format!("{server}/api/v4");
        let hands = Hands::new(&world.folder.path().join("a"), &server, &api, &world.token);
        let mut target = world.target(&world.c[3]);
        target.repository = format!("{server}/platform/tools.git").parse().unwrap();
        let plan = hands.plan(&[target], &Rules::default());
        proxy.cut(cut);
        let report = hands.apply(&plan);
        assert_eq!(proxy.made(), 1);
        assert_eq!(report.ending(), Ending::Done, "{cut:?}: {report:?}");
        assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    }
}

/// It is cut again and again: the program says that it does not know, with exit 1, and running it again is all that is needed.
#[test]
fn a_push_that_never_gets_through() {
    let world = World::new();
    for _ in 0..5 {
        world.gitlab.fault("POST */git-receive-pack?", Fault::Drop);
    }
    let (code, shown) = world.run("deploy tools@main");
    assert_eq!(code, 1, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    let (code, _) = world.run("deploy tools@main");
    assert_eq!((code, world.now()), (0, Some(world.c[3].clone())));
    insta::assert_snapshot!(shown);
}
