//! What was in production, and who put it there: from the release book, and from the project's deployments in GitLab.
//!
//! A deployment that was undone because its set failed was not in production. Refuses to conclude anything from silence:
//! what neither of the two can be asked for is unknown.

use std::fmt;

use super::judge::History;
use crate::gitlab::{Deployment, Gitlab, More, ProjectRef};
use crate::release::{Book, Direction, Move, same_repository};
use crate::url::SafeUrl;

/// How many pages of deployments are read for a commit that may be among them.
const PAGES: usize = 10;

/// Who put something where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct By {
    /// The login, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// When, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The page of the pipeline or job that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(who) = &self.who else {
            return f.write_str(" (by whom is unknown)");
        };
        write!(f, " (by {who}")?;
        for more in [&self.at, &self.page].into_iter().flatten() {
            write!(f, ", {more}")?;
        }
        f.write_str(")")
    }
}

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

/// Looks into the book first, and into GitLab's deployments for what that does not tell.
pub(super) fn look(
    place: Place<'_>,
    (now, to): (Option<&str>, &str),
    book: Option<&Book>,
    gitlab: Option<(&Gitlab, &ProjectRef)>,
) -> Past {
    let mut past = in_book(place, (now, to), book);
    let settled = past.history == History::Deployed && past.by.who.is_some();
    if settled {
        return past;
    }
    let Some((gitlab, project)) = gitlab else {
        return past;
    };
    let mut pages = 0;
    let mut found = false;
    let asked = gitlab.deployed(project, place.environment, |page| {
        pages += 1;
        for deployment in page {
            found |= deployment.sha == to;
            if past.by.who.is_none() && Some(deployment.sha.as_str()) == now {
                past.by = by(&deployment);
            }
        }
        match found || pages >= PAGES {
            true => More::Enough,
            false => More::Wanted,
        }
    });
    past.history = match (asked, past.history) {
        (_, History::Deployed) => History::Deployed,
        (Ok(()), _) if found => History::Deployed,
        (Ok(()), _) => History::Never,
        // The book knows this branch, so it would know this commit.
        (Err(_), History::Never) => History::Never,
        (Err(error), History::Unknown { .. }) => History::Unknown {
            why: error.to_string(),
        },
    };
    past
}

fn by(deployment: &Deployment) -> By {
    By {
        who: deployment.user.as_ref().map(|user| user.username.clone()),
        at: deployment.created_at.clone(),
        page: deployment.page().map(str::to_owned),
    }
}

fn in_book(place: Place<'_>, (now, to): (Option<&str>, &str), book: Option<&Book>) -> Past {
    let unknown = |why: &str| Past {
        history: History::Unknown {
            why: why.to_owned(),
        },
        by: By::default(),
    };
    let Some(book) = book else {
        return unknown("there is neither a release book nor a token for GitLab's API");
    };
    let moves = match book.moves() {
        Ok(moves) => moves,
        Err(error) => return unknown(&error.to_string()),
    };
    let moves: Vec<&Move> = moves
        .iter()
        .filter(|it| it.is_of(place.repository, place.branch))
        .collect();
    let last = moves.last().filter(|last| last.to.as_deref() == now);
    let by = last.map_or_else(By::default, |last| By {
        who: (last.direction != Direction::Found).then(|| last.by.clone()),
        at: Some(last.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        page: last.pipeline.as_ref().map(ToString::to_string),
    });
    let history = match (held(&moves).contains(&to), on_channel(book, place, to)) {
        (true, _) | (_, true) => History::Deployed,
        _ if moves.is_empty() => History::Unknown {
            why: "the release book does not know this branch yet".to_owned(),
        },
        _ => History::Never,
    };
    Past { history, by }
}

/// What the branch has held, without what was taken back at once.
fn held<'a>(moves: &[&'a Move]) -> Vec<&'a str> {
    let mut held: Vec<&str> = Vec::new();
    for step in moves {
        match step.direction {
            Direction::Undo => {
                if held.last().copied() == step.from.as_deref() {
                    held.pop();
                }
            }
            _ => {
                if held.is_empty() {
                    held.extend(step.from.as_deref());
                }
                held.extend(step.to.as_deref());
            }
        }
    }
    held
}

/// Whether a release that the channel of the branch's name has held has the commit.
fn on_channel(book: &Book, place: Place<'_>, to: &str) -> bool {
    let entries = book.history().unwrap_or_default();
    let on_channel = entries.iter().filter(|entry| {
        let channel = entry.channel.as_ref();
        channel.is_some_and(|name| name.as_str() == place.branch)
    });
    on_channel.into_iter().any(|entry| {
        book.release(&entry.release).is_ok_and(|release| {
            let mut all = release.packages.iter().chain(&release.data);
            all.any(|it| {
                let here = it.repository.as_ref();
                it.commit.as_deref() == Some(to)
                    && here.is_some_and(|url| same_repository(url, place.repository))
            })
        })
    })
}
