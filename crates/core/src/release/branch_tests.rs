//! Lines about branches without git: whatever writers, killed runs and pushes by hand do, no commit is missing in the log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use pannier_clients::gitlab::BranchPush;

fn branch() -> BranchRef {
    BranchRef {
        project: "tool".to_owned(),
        repository: "https://u:hush@git.example.org/tool.git".parse().unwrap(),
        branch: "production".to_owned(),
    }
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_356_500 + second).unwrap()
}

fn stamp(by: &str, second: i64) -> Stamp {
    Stamp {
        at: time(second),
        by: by.to_owned(),
        mail: format!("{by}@example.org"),
        reason: Some("why".to_owned()),
        pipeline: None,
        entry: format!("{by}-{second}"),
    }
}

fn moving(from: Option<char>, to: Option<char>, direction: Direction, second: i64) -> Moving {
    Moving {
        at: time(second),
        branch: branch(),
        from: from.map(String::from),
        to: to.map(String::from),
        direction,
    }
}

/// A server with one branch, its memory of pushes, and the log.
#[derive(Default)]
struct Server {
    clock: i64,
    head: Option<char>,
    pushes: Vec<BranchPush>,
    /// What the branch has held.
    held: Vec<Option<char>>,
    log: LogFiles,
    forgets: bool,
}

/// A deployment that is under way.
struct Run {
    stamp: Stamp,
    from: Option<char>,
    to: char,
    done: Vec<Moving>,
    refused: bool,
}

impl Server {
    fn at(head: char) -> Self {
        Self {
            head: Some(head),
            held: vec![Some(head)],
            ..Self::default()
        }
    }

    fn tick(&mut self) -> i64 {
        self.clock += 1;
        self.clock
    }

    fn push(&mut self, by: &str, to: Option<char>) {
        let push = BranchPush {
            at: time(self.tick()),
            by: Some(by.to_owned()),
            from: self.head.map(String::from),
            to: to.map(String::from),
        };
        self.pushes.insert(0, push);
        self.head = to;
        self.held.push(to);
    }

    fn write<O>(&mut self, edit: Edit<O>) -> O {
        self.log = self.log.after(&edit);
        edit.outcome
    }

    fn catch_up(&mut self, by: &str) -> Vec<Gap> {
        let stamp = stamp(by, self.tick());
        let now = self.head.map(String::from);
        let asked = [(branch(), now.clone())];
        let since = self.log.unsettled_since(&asked, &stamp);
        let seen = Seen {
            branch: branch(),
            now,
            pushes: match (self.forgets, since.unwrap()[0]) {
                (false, Some(_)) => self.pushes.clone(),
                _ => Vec::new(),
            },
        };
        let edit = found(&self.log, &[seen], &stamp).unwrap();
        self.write(edit)
    }

    fn start(&mut self, by: &str, to: char) -> Option<Run> {
        self.catch_up(by);
        let from = self.head;
        let second = self.tick();
        let stamp = stamp(by, second);
        let plan = [moving(from, Some(to), Direction::Forward, second)];
        if from == Some(to) {
            return None;
        }
        let edit = planned(&self.log, &plan, &stamp).unwrap();
        self.write(edit);
        Some(Run {
            stamp,
            from,
            to,
            done: Vec::new(),
            refused: false,
        })
    }

    fn forth(&mut self, run: &mut Run) {
        if !run.done.is_empty() || run.refused {
            return;
        }
        if self.head != run.from {
            run.refused = true;
            return;
        }
        let by = run.stamp.by.clone();
        self.push(&by, Some(run.to));
        let line = moving(run.from, Some(run.to), Direction::Forward, self.tick());
        run.done.push(line);
    }

    fn back(&mut self, run: &mut Run) {
        if run.done.len() != 1 || self.head != Some(run.to) {
            return;
        }
        let by = run.stamp.by.clone();
        self.push(&by, run.from);
        let line = moving(Some(run.to), run.from, Direction::Undo, self.tick());
        run.done.push(line);
    }

    fn finish(&mut self, run: &Run) {
        let unmoved = match run.done.is_empty() {
            true => vec![moving(
                run.from,
                Some(run.to),
                Direction::Forward,
                self.clock,
            )],
            false => Vec::new(),
        };
        let edit = moved(&self.log, &run.done, &unmoved, &run.stamp).unwrap();
        self.write(edit);
    }

    /// What the branch has held by the log.
    fn logged(&self) -> Vec<Option<char>> {
        let lines = self.log.branch_lines().unwrap();
        let commit = |it: &Option<String>| it.as_ref().and_then(|it| it.chars().next());
        let first = lines.first().map(|line| commit(&line.from));
        let moves = lines.iter().filter(|line| line.action == Stage::Deploy);
        first
            .into_iter()
            .chain(moves.map(|line| commit(&line.to)))
            .collect()
    }

    fn lines(&self) -> String {
        let lines = self.log.branch_lines().unwrap();
        let line = |it: &Move| {
            let end = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
            let action = serde_json::to_string(&it.action).unwrap();
            let direction = serde_json::to_string(&it.direction).unwrap();
            let text = format!(
                "{action} {direction} {}>{} by {}",
                end(&it.from),
                end(&it.to),
                it.by
            );
            let who = it
                .pushed_by
                .as_ref()
                .map(|who| format!(", pushed by {who}"));
            text.replace('"', "") + &who.unwrap_or_default() + "\n"
        };
        lines.iter().map(line).collect()
    }
}

/// Whether all of `part` is in `whole`, in order.
fn is_within(part: &[Option<char>], whole: &[Option<char>]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|it| whole.any(|other| other == it))
}

#[test]
fn a_run_that_ends_leaves_its_plan_and_its_moves() {
    let mut server = Server::at('a');
    let mut run = server.start("ann", 'b').unwrap();
    server.forth(&mut run);
    server.finish(&run);
    // Written again, as when the answer was lost, it changes nothing.
    let before = server.log.clone();
    server.finish(&run);
    assert_eq!(server.log, before);
    let mut run = server.start("bob", 'c').unwrap();
    server.forth(&mut run);
    server.back(&mut run);
    server.finish(&run);
    assert_eq!(server.catch_up("eve"), []);
    let text = server.log.file("history.jsonl").unwrap();
    assert!(!String::from_utf8_lossy(text).contains("hush"));
    insta::assert_snapshot!(server.lines(), @r"
    plan forward a>b by ann
    deploy forward a>b by ann
    plan forward b>c by bob
    deploy forward b>c by bob
    deploy undo c>b by bob
    ");
}

#[test]
fn what_a_killed_run_has_pushed_is_found_also_when_somebody_went_on() {
    let mut server = Server::at('a');
    let mut run = server.start("ann", 'b').unwrap();
    server.forth(&mut run);
    server.push("eve", Some('c'));
    server.push("eve", Some('d'));
    let gaps = server.catch_up("bob");
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].logged.as_deref(), Some("a"));
    assert_eq!(gaps[0].through, ["b", "c"]);
    assert_eq!(gaps[0].pushed_by.as_deref(), Some("eve"));
    assert_eq!(server.catch_up("ann"), [], "it is recorded once");
    insta::assert_snapshot!(server.lines(), @r"
    plan forward a>b by ann
    deploy found a>b by bob, pushed by ann
    deploy found b>c by bob, pushed by eve
    deploy found c>d by bob, pushed by eve
    ");
}

#[test]
fn an_undo_that_was_killed_is_found_although_the_branch_is_where_the_log_has_it() {
    let mut server = Server::at('a');
    let mut run = server.start("ann", 'b').unwrap();
    server.forth(&mut run);
    server.back(&mut run);
    let gaps = server.catch_up("bob");
    assert_eq!(gaps[0].through, ["b"]);
    assert_eq!(
        (&gaps[0].logged, &gaps[0].now),
        (&gaps[0].now, &gaps[0].logged)
    );
    assert_eq!(server.logged(), [Some('a'), Some('b'), Some('a')]);
}

/// Without push events the plan is all that tells of what was there in between: it stays, and nothing is made up.
#[test]
fn where_the_server_tells_nothing_the_plan_remains() {
    let mut server = Server::at('a');
    server.forgets = true;
    let mut run = server.start("ann", 'b').unwrap();
    server.forth(&mut run);
    server.push("eve", Some('c'));
    assert_eq!(server.catch_up("bob").len(), 1);
    insta::assert_snapshot!(server.lines(), @r"
    plan forward a>b by ann
    deploy found a>c by bob
    ");
}

/// A run that is slow, but not dead: somebody finds its push before it writes it down.
#[test]
fn what_was_found_of_a_running_deployment_is_confirmed_by_it() {
    let mut server = Server::at('a');
    let mut slow = server.start("ann", 'b').unwrap();
    server.forth(&mut slow);
    let mut fast = server.start("bob", 'c').unwrap();
    server.forth(&mut fast);
    server.finish(&fast);
    server.finish(&slow);
    assert_eq!(server.logged(), [Some('a'), Some('b'), Some('c')]);
    insta::assert_snapshot!(server.lines(), @r"
    plan forward a>b by ann
    deploy found a>b by bob, pushed by ann
    plan forward b>c by bob
    deploy forward b>c by bob
    done forward a>b by ann
    ");
}

#[test]
fn a_log_of_an_older_pannier_is_read_and_one_of_a_newer_is_refused() {
    let line = r#"{"entry":"1-0","at":"2026-03-01T03:12:44Z","by":"ann","action":"deploy","project":"tool","repository":"https://git.example.org/tool","branch":"production","from":"a","to":"b","direction":"forward"}"#;
    let found_line = line.replace("\"b\"", "\"c\"").replace("forward", "found");
    let text = format!("{line}\n{found_line}\n");
    let files = BTreeMap::from([("history.jsonl".to_owned(), text.clone().into_bytes())]);
    let mut server = Server {
        log: LogFiles::new(files),
        ..Server::at('c')
    };
    assert_eq!(server.catch_up("bob"), []);
    server.push("eve", Some('d'));
    server.catch_up("bob");
    assert_eq!(server.logged(), ['a', 'b', 'c', 'd'].map(Some));
    // Lines of an action that is not known are skipped; a format that is not known is an error.
    let with = |line: &str| {
        let text = format!("{text}{line}\n");
        LogFiles::new([("history.jsonl".to_owned(), text.into_bytes())].into())
    };
    let other = with(r#"{"action":"weigh","entry":"x"}"#);
    assert_eq!(other.branches().unwrap().len(), 1);
    let error = with(r#"{"action":"deploy","format":2}"#).branches();
    insta::assert_snapshot!(error.unwrap_err(), @"`line 3 of history.jsonl` of the release log has format 2, only 1 is known");
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Start(usize, char),
    Forth(usize),
    Back(usize),
    Finish(usize),
    Kill(usize),
    ByHand(Option<char>),
    Look,
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..2_usize;
    let commit = proptest::char::range('a', 'd');
    prop_oneof![
        3 => (who.clone(), commit.clone()).prop_map(|(who, to)| Act::Start(who, to)),
        4 => who.clone().prop_map(Act::Forth),
        1 => who.clone().prop_map(Act::Back),
        2 => who.clone().prop_map(Act::Finish),
        1 => who.prop_map(Act::Kill),
        2 => proptest::option::weighted(0.9, commit).prop_map(Act::ByHand),
        1 => Just(Act::Look),
    ]
}

proptest! {
    /// Two deployments, killed or not, somebody who pushes by hand and somebody who looks, in any order.
    #[test]
    fn no_commit_that_was_there_is_missing(
        acts in proptest::collection::vec(act(), 0..30),
        forgets in any::<bool>(),
        fresh in any::<bool>(),
    ) {
        let mut server = Server { forgets, ..Server::at('a') };
        let mut runs: [Option<Run>; 2] = [None, None];
        // The log knows the branch from the first plan on.
        let mut begun = None;
        for act in acts {
            match act {
                Act::Start(who, to) if runs[who].is_none() => {
                    let name = ["ann", "bob"][who];
                    let at = server.held.len() - 1;
                    runs[who] = server.start(name, to);
                    if runs[who].is_some() {
                        begun.get_or_insert(at);
                    }
                }
                Act::Forth(who) => if let Some(run) = &mut runs[who] { server.forth(run) },
                Act::Back(who) => if let Some(run) = &mut runs[who] { server.back(run) },
                Act::Finish(who) => if let Some(run) = runs[who].take() { server.finish(&run) },
                Act::Kill(who) => runs[who] = None,
                // A branch that is pushed back by hand to where the log has it shows nothing.
                Act::ByHand(_) if fresh => {
                    let next = char::from_u32('e' as u32 + server.clock as u32);
                    server.push("eve", next);
                }
                Act::ByHand(to) if to != server.head => server.push("eve", to),
                Act::Look => drop(server.catch_up("zoe")),
                _ => {}
            }
        }
        for run in runs.iter_mut().filter_map(Option::take) {
            server.finish(&run);
        }
        server.catch_up("zoe");
        let before = server.log.clone();
        prop_assert_eq!(server.catch_up("zoe"), []);
        prop_assert_eq!(&server.log, &before);
        if let Some(begun) = begun {
            let (held, logged) = (&server.held[begun..], server.logged());
            prop_assert_eq!(logged.last(), held.last(), "{}", server.lines());
            if fresh && !forgets {
                prop_assert!(is_within(held, &logged), "{:?}: {}", held, server.lines());
            }
        }
    }
}
