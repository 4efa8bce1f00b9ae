//! Writing lines about branches so that they join: each line starts where the log says that its branch is.
//!
//! A deployment writes its plan before it pushes and what came of it afterwards, so that one that is killed in between leaves
//! a trace. Pure. Refuses to write the same writing twice, and to leave a gap between two lines.

use super::edit::{append, trailer};
use super::error::ReleaseError;
use super::log_files::LogFiles;
use super::model::{Edit, Stamp};
use super::moves::{BranchRef, Direction, Move, Moving, Stage};
use pannier_base::url::{SafeUrl, same_repository};

/// The lines that the log has about branches, and those that come to it.
pub(super) struct Ledger<'a> {
    log: &'a LogFiles,
    stamp: &'a Stamp,
    lines: Vec<Move>,
    /// How many of the lines the log has already.
    known: usize,
}

/// Where the log says that a branch is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'a> {
    /// The commit; `None`: there is no such branch.
    pub(super) commit: Option<&'a str>,
    /// The line that records it: the last move, or the first plan if there is no move yet.
    pub(super) line: &'a Move,
}

impl<'a> Ledger<'a> {
    pub(super) fn read(log: &'a LogFiles, stamp: &'a Stamp) -> Result<Self, ReleaseError> {
        let lines = log.branch_lines()?;
        Ok(Self {
            log,
            stamp,
            known: lines.len(),
            lines,
        })
    }

    fn of(&self, branch: &BranchRef) -> impl DoubleEndedIterator<Item = &Move> {
        let (repository, name) = (&branch.repository, &branch.branch);
        let lines = self.lines.iter();
        lines.filter(move |line| line.is_of(repository, name))
    }

    /// `None`: the log has nothing about this branch.
    pub(super) fn position(&self, branch: &BranchRef) -> Option<Position<'_>> {
        let last = self
            .of(branch)
            .rev()
            .find(|line| line.action == Stage::Deploy);
        let first = || self.of(branch).find(|line| line.action == Stage::Plan);
        match last {
            Some(line) => Some(Position {
                commit: line.to.as_deref(),
                line,
            }),
            None => first().map(|line| Position {
                commit: line.from.as_deref(),
                line,
            }),
        }
    }

    /// Plans of which the log does not say how they ended. Whoever writes a move of a branch has looked at the branch, so any
    /// later move ends them; so does the end that their own run has written.
    pub(super) fn open_plans(&self, branch: &BranchRef) -> Vec<&Move> {
        let mut open: Vec<&Move> = Vec::new();
        for line in self.of(branch) {
            match line.action {
                Stage::Plan => open.push(line),
                Stage::Deploy => open.clear(),
                Stage::End | Stage::Done => open.retain(|plan| plan.entry != line.entry),
            }
        }
        open
    }

    /// Adds a line.
    fn add(&mut self, moving: &Moving, action: Stage) {
        self.lines.push(Move {
            entry: self.stamp.entry.clone(),
            at: moving.at,
            by: self.stamp.by.clone(),
            action,
            project: moving.branch.project.clone(),
            repository: moving.branch.repository.without_credentials(),
            branch: moving.branch.branch.clone(),
            from: moving.from.clone(),
            to: moving.to.clone(),
            direction: moving.direction,
            pushed_by: None,
            pushed_at: None,
            plan: None,
            reason: self.stamp.reason(),
            pipeline: self
                .stamp
                .pipeline
                .as_ref()
                .map(SafeUrl::without_credentials),
        });
    }

    /// Adds what was observed on a branch: that it went from where the log has it to `to`. The open plan of just that move
    /// tells who meant to do it.
    pub(super) fn add_found(&mut self, branch: &BranchRef, to: Option<&str>) -> &mut Move {
        let position = self.position(branch);
        let from = position.and_then(|it| it.commit).map(str::to_owned);
        let plans = self.open_plans(branch);
        let mut plans = plans.into_iter().rev();
        let plan = plans.find(|plan| plan.from == from && plan.to.as_deref() == to);
        let (pushed_by, pipeline, plan) = match plan {
            Some(plan) => (
                Some(plan.by.clone()),
                plan.pipeline.clone(),
                Some(plan.entry.clone()),
            ),
            None => (None, None, None),
        };
        self.lines.push(Move {
            // One of its own: it is no part of what this writing does itself.
            entry: format!("{}-found", self.stamp.entry),
            at: self.stamp.at,
            by: self.stamp.by.clone(),
            action: Stage::Deploy,
            project: branch.project.clone(),
            repository: branch.repository.without_credentials(),
            branch: branch.branch.clone(),
            from,
            to: to.map(str::to_owned),
            direction: Direction::Found,
            pushed_by,
            pushed_at: None,
            plan,
            reason: None,
            pipeline,
        });
        self.lines.last_mut().expect("a line was just added")
    }

    /// Records that a branch is at `commit`, if the log has another commit.
    pub(super) fn reach(&mut self, branch: &BranchRef, commit: Option<&str>) -> bool {
        let elsewhere = self
            .position(branch)
            .is_some_and(|now| now.commit != commit);
        if elsewhere {
            self.add_found(branch, commit);
        }
        elsewhere
    }

    /// Whether this writing has arrived already, as when its answer was lost.
    fn arrived(&self, actions: &[Stage]) -> bool {
        let ours = |line: &&Move| line.entry == self.stamp.entry && actions.contains(&line.action);
        self.lines.iter().any(|line| ours(&line))
    }

    /// The change of the log; `verb` begins the commit's message.
    pub(super) fn finish<O>(self, verb: &str, outcome: O) -> Edit<O> {
        let new = &self.lines[self.known..];
        let mut names: Vec<&str> = new.iter().map(|it| it.project.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let what = match names[..] {
            [] => "nothing".to_owned(),
            [one] => one.to_owned(),
            [one, ..] => format!("{one} and {} more", names.len() - 1),
        };
        let line = |line: &Move| {
            let text = serde_json::to_string(line);
            text.expect("a move is plain data with texts as keys") + "\n"
        };
        Edit {
            files: append(self.log, &new.iter().map(line).collect::<String>()),
            message: format!("{verb} {what}{}", trailer(self.stamp)),
            outcome,
        }
    }
}

/// Writes down what is about to be pushed; returns how many lines that took. Afterwards the log says of each branch where the
/// push will start.
///
/// # Errors
/// [`ReleaseError`] when the history cannot be read.
pub fn planned(
    log: &LogFiles,
    plan: &[Moving],
    stamp: &Stamp,
) -> Result<Edit<usize>, ReleaseError> {
    let mut ledger = Ledger::read(log, stamp)?;
    if !ledger.arrived(&[Stage::Plan]) {
        for moving in plan {
            ledger.reach(&moving.branch, moving.from.as_deref());
            ledger.add(moving, Stage::Plan);
        }
    }
    let lines = ledger.lines.len() - ledger.known;
    Ok(ledger.finish("Plan", lines))
}

/// Writes down moves in the order in which they happened, and which planned ones did not; returns how many lines that took.
/// What somebody else has found meanwhile is not written twice.
///
/// # Errors
/// [`ReleaseError`] when the history cannot be read.
pub fn moved(
    log: &LogFiles,
    moves: &[Moving],
    unmoved: &[Moving],
    stamp: &Stamp,
) -> Result<Edit<usize>, ReleaseError> {
    let mut ledger = Ledger::read(log, stamp)?;
    if !ledger.arrived(&[Stage::Deploy, Stage::End, Stage::Done]) {
        for (number, moving) in moves.iter().enumerate() {
            let branch = &moving.branch;
            let same = |it: &Moving| is_same(&it.branch, branch);
            if moves[..number].iter().any(same) {
                continue;
            }
            let all: Vec<&Moving> = moves[number..].iter().filter(|it| same(it)).collect();
            ledger.add_moves(branch, &all);
        }
        for moving in unmoved {
            let planned = |it: &Move| it.entry == stamp.entry && it.action == Stage::Plan;
            if ledger.of(&moving.branch).any(planned) {
                ledger.add(moving, Stage::End);
            }
        }
    }
    let lines = ledger.lines.len() - ledger.known;
    Ok(ledger.finish("Deploy", lines))
}

impl Ledger<'_> {
    /// Adds the moves of one branch, in their order.
    fn add_moves(&mut self, branch: &BranchRef, moves: &[&Moving]) {
        let (entry, branch_lines) = (&self.stamp.entry, self.of(branch));
        // What others wrote about the branch since this writing planned.
        let mut since: Vec<&Move> = branch_lines
            .rev()
            .take_while(|it| it.entry != *entry)
            .collect();
        let planned = self.of(branch).any(|it| it.entry == *entry);
        since.retain(|it| planned && it.action == Stage::Deploy);
        let mut others = since.into_iter().rev();
        let went_on = others.len() > 0;
        let (mut known, mut rest) = (Vec::new(), Vec::new());
        for moving in moves {
            let noticed = |it: &Move| {
                it.direction == Direction::Found && (&it.from, &it.to) == (&moving.from, &moving.to)
            };
            match moving.direction {
                Direction::Found => {}
                _ if rest.is_empty() && others.by_ref().any(noticed) => {
                    known.push(*moving);
                    continue;
                }
                _ => {}
            }
            rest.push(*moving);
        }
        for moving in known {
            self.add(moving, Stage::Done);
        }
        let Some(first) = rest.first() else { return };
        if first.direction == Direction::Found {
            self.reach_or_begin(branch, first);
            return;
        }
        let now = self.position(branch).map(|it| it.commit.map(str::to_owned));
        // The log went on from another commit than these moves start at: they are older, and it stays where it is.
        let late = now.filter(|now| went_on && *now != first.from);
        if late.is_none() {
            self.reach(branch, first.from.as_deref());
        }
        for moving in rest {
            self.add(moving, Stage::Deploy);
        }
        if let Some(now) = late {
            self.reach(branch, now.as_deref());
        }
    }

    /// Writes down where a branch was found, also where the log has nothing about it yet.
    fn reach_or_begin(&mut self, branch: &BranchRef, found: &Moving) {
        let known = self.position(branch).is_some();
        if !known {
            self.add_found(branch, found.to.as_deref());
        } else {
            self.reach(branch, found.to.as_deref());
        }
    }
}

fn is_same(one: &BranchRef, other: &BranchRef) -> bool {
    one.branch == other.branch && same_repository(&one.repository, &other.repository)
}
