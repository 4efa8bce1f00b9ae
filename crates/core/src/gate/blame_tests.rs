//! Blame over oracles that are made up: those in which more changes are never better, and those in which changes need each
//! other.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

/// A world of changes: what cannot go together, and what needs what.
#[derive(Debug, Clone)]
struct World {
    count: usize,
    /// Sets that fail whatever else there is.
    cores: Vec<Set>,
    /// The first fails without the second.
    needs: Vec<(usize, usize)>,
}

impl World {
    /// The first thing that is wrong with a set.
    fn wrong(&self, set: &Set) -> Option<Set> {
        let core = self.cores.iter().find(|core| core.is_subset(set)).cloned();
        core.or_else(|| {
            let missing =
                |(one, other): &&(usize, usize)| set.contains(one) && !set.contains(other);
            let found = self.needs.iter().find(missing)?;
            Some(Set::from([found.0, found.1]))
        })
    }

    fn oracle(&self, set: &Set) -> Result<Verdict<Set, Set>, ()> {
        Ok(match self.wrong(set) {
            Some(core) => Verdict::Refused(core),
            None => Verdict::Passes(set.clone()),
        })
    }

    fn all(&self) -> Set {
        (0..self.count).collect()
    }

    /// Blames, and asserts that no set is asked about twice.
    fn blame(&self, suspects: impl Fn(&Set) -> Set, limit: usize) -> Blame<Set, ()> {
        let seen = RefCell::new(BTreeSet::new());
        let refusal = self.wrong(&self.all()).expect("all of them fail");
        let found = blame(self.count, &refusal, suspects, limit, |set| {
            assert!(seen.borrow_mut().insert(set.clone()), "{set:?} again");
            self.oracle(set)
        });
        assert_eq!(found.asked, seen.borrow().len());
        found
    }

    /// What holds whatever the world is.
    fn check(&self, found: &Blame<Set, ()>) {
        assert!(self.wrong(&found.accepted).is_none());
        assert!(found.stopped.is_none() && found.open.is_empty());
        assert!(!found.culprits.is_empty());
        assert_eq!(found.accepted.len() + found.culprits.len(), self.count);
        for culprit in &found.culprits {
            assert!(culprit.with.is_subset(&found.accepted));
            let group: Set = culprit
                .with
                .iter()
                .copied()
                .chain([culprit.change])
                .collect();
            assert_eq!(self.wrong(&group).as_ref(), Some(&culprit.refusal));
            let mut beside = found.accepted.clone();
            beside.insert(culprit.change);
            assert!(self.wrong(&beside).is_some(), "it could be accepted");
            for one in &culprit.with {
                let mut less = group.clone();
                less.remove(one);
                assert!(self.wrong(&less).is_none(), "{one} is not needed to fail");
            }
        }
    }
}

fn no_idea(_: &Set) -> Set {
    Set::new()
}

fn world(count: usize, cores: &[&[usize]], needs: &[(usize, usize)]) -> World {
    World {
        count,
        cores: cores
            .iter()
            .map(|core| core.iter().copied().collect())
            .collect(),
        needs: needs.to_vec(),
    }
}

fn culprits(found: &Blame<Set, ()>) -> Vec<(usize, Vec<usize>)> {
    let of = |one: &Culprit<Set>| (one.change, one.with.iter().copied().collect());
    found.culprits.iter().map(of).collect()
}

#[test]
fn one_of_twenty_is_found_with_a_dozen_questions_and_with_two_when_uv_names_it() {
    let world = world(20, &[&[13]], &[]);
    let found = world.blame(no_idea, 100);
    world.check(&found);
    assert_eq!(culprits(&found), [(13, vec![])]);
    assert!(found.asked <= 12, "{}", found.asked);
    let found = world.blame(Set::clone, 100);
    assert_eq!(culprits(&found), [(13, vec![])]);
    assert_eq!(found.asked, 1 + 1, "the others, and it alone");
}

#[test]
fn two_that_collide_are_named_together() {
    let world = world(20, &[&[3, 17]], &[]);
    for found in [world.blame(no_idea, 100), world.blame(Set::clone, 100)] {
        world.check(&found);
        assert_eq!(culprits(&found), [(17, vec![3])]);
        assert!(found.asked <= 24, "{}", found.asked);
    }
}

#[test]
fn what_needs_another_change_is_not_to_blame_for_a_third() {
    // 0 and 1 only go together, and 2 never goes.
    let world = world(3, &[&[2]], &[(0, 1), (1, 0)]);
    let found = world.blame(no_idea, 100);
    world.check(&found);
    assert_eq!(culprits(&found), [(2, vec![])]);
    assert_eq!(found.accepted, Set::from([0, 1]));
}

#[test]
fn several_culprits_are_all_found() {
    let world = world(20, &[&[2], &[9, 11], &[19]], &[(4, 5)]);
    let found = world.blame(no_idea, 100);
    world.check(&found);
    assert_eq!(culprits(&found), [(2, vec![]), (11, vec![9]), (19, vec![])]);
    assert!(found.asked <= 48, "{}", found.asked);
}

#[test]
fn asking_ends_at_the_limit_and_when_the_oracle_cannot_judge() {
    let world = world(20, &[&[13]], &[]);
    let found = world.blame(no_idea, 3);
    assert_eq!((found.stopped, found.asked), (Some(Stop::Limit(3)), 3));
    assert!(found.open.contains(&13) && found.culprits.is_empty());
    let mut left = 2;
    let found = blame(20, &Set::new(), no_idea, 100, |set| {
        left -= 1;
        if left == 0 {
            return Err("the index is dead");
        }
        Ok(world.oracle(set).unwrap())
    });
    assert_eq!(found.stopped, Some(Stop::Failed("the index is dead")));
}

#[test]
fn companions_are_the_fewest_that_help() {
    let helps = |needed: &'static [usize]| {
        move |set: &Set| {
            let all = needed.iter().all(|one| set.contains(one));
            Ok::<_, ()>(if all {
                Verdict::Passes(set.len())
            } else {
                Verdict::Refused(())
            })
        }
    };
    let candidates: Set = (0..100).collect();
    let (found, asked) = companions(&candidates, &Set::new(), 100, helps(&[42]));
    assert_eq!(found.unwrap().unwrap().needed, Set::from([42]));
    assert!(asked <= 16, "{asked}");
    let (found, asked) = companions(&candidates, &Set::from([7, 42]), 100, helps(&[7, 42]));
    let found = found.unwrap().unwrap();
    assert_eq!((found.needed, found.passes), (Set::from([7, 42]), 2));
    assert_eq!(asked, 3);
    let (found, asked) = companions(&candidates, &Set::new(), 100, helps(&[100]));
    assert_eq!((found.unwrap(), asked), (None, 1));
}

/// Worlds of up to 20 changes in which something fails.
fn worlds(most_needs: usize) -> impl Strategy<Value = World> {
    (2..=20usize).prop_flat_map(move |count| {
        let core = prop::collection::btree_set(0..count, 1..=3);
        let cores = prop::collection::vec(core, 1..=3);
        let needs = prop::collection::vec((0..count, 0..count), 0..=most_needs);
        (cores, needs).prop_map(move |(cores, needs)| World {
            count,
            cores,
            needs,
        })
    })
}

proptest! {
    #[test]
    fn where_more_is_never_better_blame_is_minimal(world in worlds(0), guess in any::<bool>()) {
        let suspects = |core: &Set| if guess { core.clone() } else { Set::new() };
        let found = world.blame(suspects, 1000);
        world.check(&found);
        prop_assert!(found.asked <= 100, "{} questions", found.asked);
        // Nothing that is not in a failing core is ever blamed.
        for culprit in &found.culprits {
            prop_assert!(world.cores.iter().any(|core| core.contains(&culprit.change)));
        }
    }

    #[test]
    fn where_changes_need_each_other_blame_still_holds(world in worlds(6), lie in any::<bool>()) {
        // Guesses may be wrong.
        let suspects = |core: &Set| if lie { core.iter().map(|one| one / 2).collect() } else { core.clone() };
        let found = world.blame(suspects, 1000);
        world.check(&found);
        prop_assert!(found.asked <= 150, "{} questions", found.asked);
    }

    #[test]
    fn the_smallest_set_holds_and_cannot_be_smaller(
        needed in prop::collection::btree_set(0..40usize, 1..5),
        more in prop::collection::btree_set(0..40usize, 0..40),
    ) {
        let found = smallest(&needed | &more, |set| Ok::<_, ()>(needed.is_subset(set))).unwrap();
        prop_assert_eq!(found, needed);
    }
}
