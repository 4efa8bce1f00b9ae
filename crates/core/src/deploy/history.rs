//! What was in production, and who put it there: from the release log, and from what GitLab remembers.
//!
//! A deployment that was taken back because its set failed was there for a moment and is not taken for a stay. Refuses to
//! conclude anything from silence: that nothing tells of a commit does not mean that it never was there.

use super::model::{By, History};
use crate::release::{Direction, LogFiles, Move, ReleaseError, Stage};
use pannier_base::url::{SafeUrl, same_repository};
use pannier_clients::gitlab::{BranchPush, Deployment, Gitlab, More, PipelineFilter, ProjectRef};

/// How many pages of deployments are read for a commit that may be among them.
const PAGES: usize = 10;

/// A branch of a repository whose past is looked into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub repository: &'a SafeUrl,
    pub branch: &'a str,
    pub environment: &'a str,
}

/// What is known of the past of `to` and of what is there `now`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    pub history: History,
    pub by: By,
}

/// Searches the release log first, then GitLab's deployments, its push events and its pipelines for what those before do not
/// tell.
pub(super) fn look(
    place: Place<'_>,
    now: Option<&str>,
    to: &str,
    log: Option<&LogFiles>,
    gitlab: Option<(&Gitlab, &ProjectRef)>,
) -> Past {
    let mut search = Search {
        place,
        now,
        to,
        by: By::default(),
        deployed: false,
        passed: None,
        searched: Vec::new(),
        unread: Vec::new(),
    };
    match log.map(|log| search.log(log)) {
        Some(Ok(())) => search.searched.push("the release log".to_owned()),
        Some(Err(error)) => search.unread.push(format!("the release log ({error})")),
        None => {}
    }
    if let Some((gitlab, project)) = gitlab {
        search.deployments(gitlab, project);
        search.pushes(gitlab, project);
        search.pipelines(gitlab, project);
    } else if !search.is_settled() {
        let why = "deployments and push events (there is no token for GitLab's API)";
        search.unread.push(why.to_owned());
    }
    search.end()
}

/// A search for the past of a commit.
struct Search<'a> {
    place: Place<'a>,
    now: Option<&'a str>,
    to: &'a str,
    by: By,
    deployed: bool,
    /// How it was there without staying.
    passed: Option<String>,
    searched: Vec<String>,
    unread: Vec<String>,
}

impl Search<'_> {
    /// Whether nothing more is wanted.
    fn is_settled(&self) -> bool {
        self.deployed && self.by.who.is_some()
    }

    fn end(self) -> Past {
        let history = match (self.deployed, self.passed) {
            (true, _) => History::Deployed,
            (false, Some(how)) => History::Passed { how },
            (false, None) => History::Unrecorded {
                searched: self.searched,
                unread: self.unread,
            },
        };
        Past {
            history,
            by: self.by,
        }
    }

    fn log(&mut self, log: &LogFiles) -> Result<(), ReleaseError> {
        let (place, now) = (self.place, self.now);
        let mut lines = log.branch_lines()?;
        lines.retain(|it| it.is_of(place.repository, place.branch));
        let moves: Vec<&Move> = lines
            .iter()
            .filter(|it| it.action == Stage::Deploy)
            .collect();
        if let Some(last) = moves.last().filter(|last| last.to.as_deref() == now) {
            self.by = by_of(last);
        }
        match stay(&lines, self.to) {
            Stay::Held => self.deployed = true,
            Stay::Passed => {
                let how = "it was in production, but it was taken back or its deployment did not finish (the release log)";
                self.passed = Some(how.to_owned());
            }
            Stay::Unseen => self.passed = planned(&lines, self.to),
        }
        self.deployed = self.deployed || on_channel(log, place, self.to)?;
        Ok(())
    }

    /// Successful deployments; of one that was undone the job has failed.
    fn deployments(&mut self, gitlab: &Gitlab, project: &ProjectRef) {
        if self.is_settled() {
            return;
        }
        let (mut pages, mut more) = (0, false);
        let asked = gitlab.deployed(project, self.place.environment, |page| {
            pages += 1;
            for deployment in page {
                self.deployed |= deployment.sha == self.to;
                if self.by.who.is_none() && Some(deployment.sha.as_str()) == self.now {
                    self.by = by(&deployment);
                }
            }
            more = !self.deployed && pages >= PAGES;
            if self.deployed || more {
                More::Enough
            } else {
                More::Wanted
            }
        });
        let what = format!("deployments into {}", self.place.environment);
        match asked {
            Ok(()) if more => self.searched.push(format!("the newest {what}")),
            Ok(()) => self.searched.push(what),
            Err(error) => self.unread.push(format!("{what} ({error})")),
        }
    }

    fn pushes(&mut self, gitlab: &Gitlab, project: &ProjectRef) {
        if self.is_settled() {
            return;
        }
        let mut all: Vec<BranchPush> = Vec::new();
        let to = Some(self.to);
        let pushed = |push: &BranchPush| push.to.as_deref() == to || push.from.as_deref() == to;
        let asked = gitlab.pushes(project, self.place.branch, None, |page| {
            let found = page.iter().any(pushed);
            all.extend(page);
            if found { More::Enough } else { More::Wanted }
        });
        let what = format!("pushes to {}", self.place.branch);
        match asked {
            Ok(true) => self.searched.push(what.clone()),
            Ok(false) => self.searched.push(format!("the newest {what}")),
            Err(error) => self.unread.push(format!("{what} ({error})")),
        }
        if let Some(last) = all.first().filter(|last| last.to.as_deref() == self.now)
            && self.by.who.is_none()
            && last.by.is_some()
        {
            self.by = By {
                who: last.by.clone(),
                at: Some(last.at.strftime(TIME).to_string()),
                page: None,
            };
        }
        if let (None, Some(push)) = (&self.passed, all.iter().find(|it| pushed(it))) {
            let way = if push.to.as_deref() == to {
                "to it"
            } else {
                "away from it"
            };
            let (by, at) = (
                push.by.as_deref().unwrap_or("somebody"),
                push.at.strftime(TIME),
            );
            self.passed = Some(format!(
                "it was in production ({by} pushed {way} on {at}), but no record shows that its deployment succeeded"
            ));
        }
    }

    /// A pipeline of the branch for the commit shows that it was there, but not for how long.
    fn pipelines(&mut self, gitlab: &Gitlab, project: &ProjectRef) {
        if self.deployed || self.passed.is_some() {
            return;
        }
        let filter = PipelineFilter {
            sha: Some(self.to.to_owned()),
            reference: Some(self.place.branch.to_owned()),
            at_most: Some(1),
            ..PipelineFilter::default()
        };
        let what = format!("pipelines of {}", self.place.branch);
        match gitlab.pipelines(project, &filter, None) {
            Ok(found) => {
                self.searched.push(what);
                if let Some(pipeline) = found.objects.unwrap_or_default().first() {
                    let page = &pipeline.web_url;
                    self.passed = Some(format!(
                        "it was in production ({page}), but no record shows that its deployment succeeded"
                    ));
                }
            }
            Err(error) => self.unread.push(format!("{what} ({error})")),
        }
    }
}

/// How times are shown.
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

fn by(deployment: &Deployment) -> By {
    By {
        who: deployment.user.as_ref().map(|user| user.username.clone()),
        at: deployment.created_at.clone(),
        page: deployment.page().map(str::to_owned),
    }
}

/// Who made a move. Who wrote down what was found did not make it.
fn by_of(line: &Move) -> By {
    let found = line.direction == Direction::Found;
    By {
        who: if found {
            line.pushed_by.clone()
        } else {
            Some(line.by.clone())
        },
        at: Some(line.pushed_at.unwrap_or(line.at).strftime(TIME).to_string()),
        page: line.pipeline.as_ref().map(ToString::to_string),
    }
}

/// Whether a branch has held a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// It has.
    Held,
    /// It has, but it was taken back at once or its deployment did not finish.
    Passed,
    /// Not by these moves.
    Unseen,
}

/// Whether a branch has held `commit` by these lines about it, the oldest first.
fn stay(lines: &[Move], commit: &str) -> Stay {
    let moves: Vec<&Move> = lines
        .iter()
        .filter(|it| it.action == Stage::Deploy)
        .collect();
    let is = |end: &Option<String>| end.as_deref() == Some(commit);
    let first = lines.iter().find(|it| it.action != Stage::End);
    if first.is_some_and(|it| is(&it.from)) {
        return Stay::Held;
    }
    let mut stay = Stay::Unseen;
    for (number, step) in moves.iter().enumerate().filter(|(_, step)| is(&step.to)) {
        let found = |it: &Move| it.direction == Direction::Found;
        let done = |plan: &String| {
            lines
                .iter()
                .any(|it| it.action == Stage::Done && it.entry == *plan)
        };
        let finished = step.plan.as_ref().is_none_or(done);
        let back = moves.get(number + 1).is_some_and(|next| {
            // What a push was for that was only observed, nobody knows: going back by it may have been an undo.
            let observed = found(step) && found(next);
            let returns = next.from == step.to && next.to == step.from;
            next.direction == Direction::Undo || (returns && observed)
        });
        if finished && !back {
            return Stay::Held;
        }
        stay = Stay::Passed;
    }
    stay
}

/// That a deployment of `commit` was planned of which nobody knows how it ended.
fn planned(lines: &[Move], commit: &str) -> Option<String> {
    let open = |plan: &&Move| {
        let ended = |it: &Move| it.action != Stage::Plan && it.entry == plan.entry;
        plan.action == Stage::Plan && plan.to.as_deref() == Some(commit) && !lines.iter().any(ended)
    };
    let plan = lines.iter().rev().find(open)?;
    let (by, at) = (&plan.by, plan.at.strftime(TIME));
    Some(format!(
        "{by} was deploying it on {at}, and how that ended is not recorded"
    ))
}

/// Whether a release that the channel of the branch's name has held has the commit.
fn on_channel(log: &LogFiles, place: Place<'_>, to: &str) -> Result<bool, ReleaseError> {
    for entry in log.history()? {
        let channel = entry.channel.as_ref();
        if channel.is_none_or(|name| name.as_str() != place.branch) {
            continue;
        }
        let release = log.release(&entry.release)?;
        let mut all = release.packages.iter().chain(&release.data);
        let held = all.any(|it| {
            let here = it.repository.as_ref();
            it.commit.as_deref() == Some(to)
                && here.is_some_and(|url| same_repository(url, place.repository))
        });
        if held {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as `from>to`, with what they are behind a colon; they are of one entry each.
    fn after(lines: &str, commit: &str) -> Stay {
        let line = |text: &str| {
            let (ends, kind) = text.split_once(':').unwrap_or((text, "found"));
            let (from, to) = ends.split_once('>').unwrap();
            let end = |it: &str| (it != "-").then(|| it.to_owned());
            let action = match kind {
                "plan" | "end" | "done" => kind,
                _ => "deploy",
            };
            let direction = match kind {
                "plan" | "end" | "done" => "forward",
                "interrupted" => "found",
                kind => kind,
            };
            let line = serde_json::json!({
                "entry": "e", "at": "2026-03-01T00:00:00Z", "by": "ann", "action": action, "project": "p",
                "repository": "https://git.example.org/p.git", "branch": "production", "from": end(from), "to": end(to),
                "direction": direction, "plan": (kind == "interrupted").then_some("e"),
            });
            serde_json::from_value(line).unwrap()
        };
        let lines: Vec<Move> = lines.split_whitespace().map(line).collect();
        stay(&lines, commit)
    }

    #[test]
    fn what_was_there_is_told_from_what_only_passed() {
        assert_eq!(after("", "b"), Stay::Unseen);
        assert_eq!(after("a>b:plan", "a"), Stay::Held);
        assert_eq!(after("a>b:plan", "b"), Stay::Unseen);
        assert_eq!(after("a>b:forward", "a"), Stay::Held);
        assert_eq!(after("a>b:forward b>c:forward", "b"), Stay::Held);
        assert_eq!(after("a>b:forward b>a:undo", "b"), Stay::Passed);
        assert_eq!(after("a>b:forward b>a:undo", "a"), Stay::Held);
        assert_eq!(after("a>b:forward b>a:rollback", "b"), Stay::Held);
        // Later it came to stay.
        assert_eq!(after("a>b:forward b>a:undo a>b:forward", "b"), Stay::Held);
        // Nobody knows what a push by hand was for; going forward from there is no undo.
        assert_eq!(after("a>b b>a", "b"), Stay::Passed);
        assert_eq!(after("a>b b>c", "b"), Stay::Held);
        assert_eq!(after("->b b>-", "b"), Stay::Passed);
        assert_eq!(after("a>b:forward b>a", "b"), Stay::Held);
        assert_eq!(after("a>b b>a:rollback", "b"), Stay::Held);
        // A run that was killed after its push, and one that was only found before it was done.
        assert_eq!(after("a>b:plan a>b:interrupted b>c", "b"), Stay::Passed);
        assert_eq!(
            after("a>b:plan a>b:interrupted a>b:done b>c", "b"),
            Stay::Held
        );
    }
}
