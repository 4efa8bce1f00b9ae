//! Which of many changes are to blame when all of them together do not resolve: pure, over an oracle that is asked about sets
//! of changes.
//!
//! Changes may need each other: one that fails alone is not to blame when it passes with another. So first as many changes as
//! possible are accepted together; the rest fails next to them, and its smallest failing company is found by delta
//! debugging (Zeller and Hildebrandt's ddmin). Never asks about the same set twice, and stops at a limit.

use std::collections::{BTreeMap, BTreeSet};

/// Changes by their numbers.
pub type Set = BTreeSet<usize>;

/// What the oracle says about a set of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<P, R> {
    /// They resolve together.
    Passes(P),
    /// They do not.
    Refused(R),
}

/// Why asking ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop<E> {
    /// So many sets were asked about.
    Limit(usize),
    /// The oracle could not judge.
    Failed(E),
}

/// Who is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame<R, E> {
    /// Changes that pass together.
    pub accepted: Set,
    /// What cannot be accepted with them, each with its smallest failing company.
    pub culprits: Vec<Culprit<R>>,
    /// What was left over when asking ended early.
    pub open: Vec<usize>,
    /// Why it ended early.
    pub stopped: Option<Stop<E>>,
    /// How many sets the oracle was asked about.
    pub asked: usize,
}

/// A change that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit<R> {
    /// The change.
    pub change: usize,
    /// Accepted changes without which it would pass; none: it fails alone.
    pub with: Set,
    /// Why they fail together, and nothing but them.
    pub refusal: R,
}

/// Remembers what an oracle said, and counts.
struct Memo<P, R, O> {
    oracle: O,
    said: BTreeMap<Set, Verdict<P, R>>,
    asked: usize,
    limit: usize,
}

impl<P: Clone, R: Clone, E, O: FnMut(&Set) -> Result<Verdict<P, R>, E>> Memo<P, R, O> {
    fn new(oracle: O, limit: usize) -> Self {
        Self {
            oracle,
            said: BTreeMap::new(),
            asked: 0,
            limit,
        }
    }

    fn ask(&mut self, set: &Set) -> Result<Verdict<P, R>, Stop<E>> {
        if let Some(verdict) = self.said.get(set) {
            return Ok(verdict.clone());
        }
        if self.asked == self.limit {
            return Err(Stop::Limit(self.limit));
        }
        self.asked += 1;
        let verdict = (self.oracle)(set).map_err(Stop::Failed)?;
        self.said.insert(set.clone(), verdict.clone());
        Ok(verdict)
    }

    fn passes(&mut self, set: &Set) -> Result<bool, Stop<E>> {
        Ok(matches!(self.ask(set)?, Verdict::Passes(_)))
    }
}

/// Finds who is to blame among `count` changes. None of them passes, all of them are refused for `refusal`. `suspects` guesses
/// from a refusal which changes it is about, to ask less; a wrong guess costs questions, not truth. At most `limit` sets are
/// asked about.
pub fn blame<P: Clone, R: Clone, E>(
    count: usize,
    refusal: &R,
    suspects: impl Fn(&R) -> Set,
    limit: usize,
    oracle: impl FnMut(&Set) -> Result<Verdict<P, R>, E>,
) -> Blame<R, E> {
    let mut memo = Memo::new(oracle, limit);
    let all: Set = (0..count).collect();
    memo.said
        .insert(all.clone(), Verdict::Refused(refusal.clone()));
    let mut search = Search {
        memo,
        accepted: Set::new(),
        left: Vec::new(),
    };
    let (likely, unlikely) = all.iter().partition(|n| suspects(refusal).contains(n));
    let mut culprits = Vec::new();
    let stopped = search
        .accept_all(unlikely, likely)
        .and_then(|()| search.explain(&suspects, &mut culprits));
    let explained: Set = culprits.iter().map(|culprit| culprit.change).collect();
    let known: Set = &search.accepted | &explained;
    Blame {
        culprits,
        open: all.difference(&known).copied().collect(),
        accepted: search.accepted,
        stopped: stopped.err(),
        asked: search.memo.asked,
    }
}

struct Search<P, R, O> {
    memo: Memo<P, R, O>,
    accepted: Set,
    /// What did not pass together with the accepted ones.
    left: Vec<usize>,
}

impl<P: Clone, R: Clone, E, O: FnMut(&Set) -> Result<Verdict<P, R>, E>> Search<P, R, O> {
    /// Accepts as many changes as can be found to pass together.
    fn accept_all(&mut self, unlikely: Vec<usize>, likely: Vec<usize>) -> Result<(), Stop<E>> {
        self.take(&unlikely)?;
        self.take(&likely)?;
        // The rest may pass together with what was accepted after it, or together with others that were left over.
        while self.take_single()? || self.take_all_but_one()? || self.take_pair()? {}
        Ok(())
    }

    /// Accepts a group if it passes, else its halves.
    fn take(&mut self, group: &[usize]) -> Result<(), Stop<E>> {
        if group.is_empty() || self.try_group(group)? {
            return Ok(());
        }
        if let [one] = group {
            self.left.push(*one);
            return Ok(());
        }
        let (first, second) = group.split_at(group.len() / 2);
        self.take(first)?;
        self.take(second)
    }

    fn try_group(&mut self, group: &[usize]) -> Result<bool, Stop<E>> {
        let together: Set = self.accepted.iter().chain(group).copied().collect();
        let passes = self.memo.passes(&together)?;
        if passes {
            self.accepted = together;
            self.left.retain(|one| !group.contains(one));
        }
        Ok(passes)
    }

    fn take_single(&mut self) -> Result<bool, Stop<E>> {
        for one in self.left.clone() {
            if self.try_group(&[one])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take_all_but_one(&mut self) -> Result<bool, Stop<E>> {
        if self.left.len() < 3 {
            return Ok(false);
        }
        for one in self.left.clone() {
            let mut others = self.left.clone();
            others.retain(|other| *other != one);
            if self.try_group(&others)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Two that need each other. Their number grows with the square, so only few are tried.
    fn take_pair(&mut self) -> Result<bool, Stop<E>> {
        const FEW: usize = 6;
        let left = self.left.clone();
        if left.len() > FEW {
            return Ok(false);
        }
        for (i, one) in left.iter().enumerate() {
            for other in &left[i + 1..] {
                if self.try_group(&[*one, *other])? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Finds the smallest failing company of each change that is left.
    fn explain(
        &mut self,
        suspects: &impl Fn(&R) -> Set,
        culprits: &mut Vec<Culprit<R>>,
    ) -> Result<(), Stop<E>> {
        self.left.sort_unstable();
        for change in self.left.clone() {
            let with = self.company(change, suspects)?;
            let mut group = with.clone();
            group.insert(change);
            // It was found to be refused, so this is remembered.
            if let Verdict::Refused(refusal) = self.memo.ask(&group)? {
                culprits.push(Culprit {
                    change,
                    with,
                    refusal,
                });
            }
        }
        Ok(())
    }

    fn company(&mut self, change: usize, suspects: &impl Fn(&R) -> Set) -> Result<Set, Stop<E>> {
        let accepted = self.accepted.clone();
        let mut fails = |company: &Set| {
            let mut group = company.clone();
            group.insert(change);
            Ok(match self.memo.ask(&group)? {
                Verdict::Passes(_) => None,
                Verdict::Refused(refusal) => Some(refusal),
            })
        };
        if fails(&Set::new())?.is_some() {
            return Ok(Set::new());
        }
        let mut pool = accepted.clone();
        if let Some(refusal) = fails(&accepted)? {
            let guess = &suspects(&refusal) & &accepted;
            if guess.len() < pool.len() && fails(&guess)?.is_some() {
                pool = guess;
            }
        }
        smallest(pool, |company| Ok(fails(company)?.is_some()))
    }
}

/// What has to change as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companions<P> {
    /// The smallest set that was found to pass.
    pub needed: Set,
    /// What it passes with.
    pub passes: P,
}

/// The smallest set of `candidates` with which something passes that does not pass by itself; `None` when it does not pass with
/// all of them either. `likely` are tried first. The second value is how many sets were asked about.
pub fn companions<P: Clone, R: Clone, E>(
    candidates: &Set,
    likely: &Set,
    limit: usize,
    oracle: impl FnMut(&Set) -> Result<Verdict<P, R>, E>,
) -> (Result<Option<Companions<P>>, Stop<E>>, usize) {
    let mut memo = Memo::new(oracle, limit);
    let found = find_companions(candidates, likely, &mut memo);
    (found, memo.asked)
}

fn find_companions<P: Clone, R: Clone, E, O: FnMut(&Set) -> Result<Verdict<P, R>, E>>(
    candidates: &Set,
    likely: &Set,
    memo: &mut Memo<P, R, O>,
) -> Result<Option<Companions<P>>, Stop<E>> {
    if candidates.is_empty() {
        return Ok(None);
    }
    let guess = likely & candidates;
    let pool = if !guess.is_empty() && memo.passes(&guess)? {
        guess
    } else if memo.passes(candidates)? {
        candidates.clone()
    } else {
        return Ok(None);
    };
    let needed = smallest(pool, |set| memo.passes(set))?;
    Ok(match memo.ask(&needed)? {
        Verdict::Passes(passes) => Some(Companions { needed, passes }),
        Verdict::Refused(_) => None,
    })
}

/// A smallest set that `holds`: without any one of its members it does not. It holds for `items`, and not for nothing.
fn smallest<E>(items: Set, mut holds: impl FnMut(&Set) -> Result<bool, E>) -> Result<Set, E> {
    let mut items: Vec<usize> = items.into_iter().collect();
    let mut parts = 2;
    'shrink: while items.len() >= 2 {
        let length = items.len().div_ceil(parts);
        let chunks: Vec<Vec<usize>> = items.chunks(length).map(<[usize]>::to_vec).collect();
        for chunk in &chunks {
            if holds(&chunk.iter().copied().collect())? {
                items.clone_from(chunk);
                parts = 2;
                continue 'shrink;
            }
        }
        // Of two parts each is the other's complement.
        for chunk in chunks.iter().filter(|_| chunks.len() > 2) {
            let others: Vec<usize> = items
                .iter()
                .filter(|item| !chunk.contains(item))
                .copied()
                .collect();
            if holds(&others.iter().copied().collect())? {
                items = others;
                parts = (parts - 1).max(2);
                continue 'shrink;
            }
        }
        if length == 1 {
            break;
        }
        parts = (parts * 2).min(items.len());
    }
    Ok(items.into_iter().collect())
}

#[cfg(test)]
#[path = "blame_tests.rs"]
mod tests;
