//! Push events: what GitLab remembers of each push to a branch, and by whom.
//!
//! GitLab keeps them for three years, and none for a push that moves more than three references at once: a list of them is
//! evidence, not the whole truth (<https://docs.gitlab.com/api/events/>).

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::error::GitlabError;
use super::pages::More;
use super::project::ProjectRef;
use super::token::Needs;
use super::{ApiRequest, Gitlab};

/// Most pages that are read: the newest thousand pushes of a project.
const PAGES: usize = 10;

/// One push to a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchPush {
    /// When GitLab took it in.
    pub at: Timestamp,
    /// The login of the user who pushed.
    pub by: Option<String>,
    /// Where the branch was; `None`: there was none.
    pub from: Option<String>,
    /// Where it was put; `None`: it was removed.
    pub to: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    created_at: Timestamp,
    #[serde(default)]
    author_username: Option<String>,
    #[serde(default)]
    push_data: Option<PushData>,
}

#[derive(Deserialize)]
struct PushData {
    #[serde(default)]
    ref_type: Option<String>,
    #[serde(rename = "ref", default)]
    name: Option<String>,
    #[serde(default)]
    commit_from: Option<String>,
    #[serde(default)]
    commit_to: Option<String>,
}

impl Event {
    fn push_to(self, branch: &str) -> Option<BranchPush> {
        let data = self.push_data?;
        let ours =
            data.ref_type.as_deref() == Some("branch") && data.name.as_deref() == Some(branch);
        ours.then_some(BranchPush {
            at: self.created_at,
            by: self.author_username,
            from: data.commit_from,
            to: data.commit_to,
        })
    }
}

impl Gitlab {
    /// Hands the pushes to a branch to `take`, the newest first, a page at a time, until it has enough; with `since` none that
    /// are more than two days older. Returns whether all of them were read. A job's token does not suffice.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pushes(
        &self,
        project: &ProjectRef,
        branch: &str,
        since: Option<Timestamp>,
        mut take: impl FnMut(Vec<BranchPush>) -> More,
    ) -> Result<bool, GitlabError> {
        let path = format!("projects/{}/events", project.encoded());
        let mut request = ApiRequest::get(path).with("action", "pushed");
        if let Some(since) = since {
            // GitLab takes a day, and leaves that day out.
            let day = since - SignedDuration::from_hours(48);
            request = request.with("after", day.strftime("%Y-%m-%d").to_string());
        }
        let (mut pages, mut all) = (0, true);
        self.pages(&request, &Needs::READ, |page: Vec<Event>| {
            pages += 1;
            let pushes = page.into_iter().filter_map(|it| it.push_to(branch));
            let more = take(pushes.collect());
            if more == More::Wanted && pages == PAGES {
                all = false;
                return More::Enough;
            }
            more
        })?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pushes_to_the_branch_count() {
        let pushed = |data: serde_json::Value| {
            let event = serde_json::json!({
                "id": 4, "action_name": "pushed to", "created_at": "2026-03-01T03:12:44.089Z",
                "author_username": "ann", "push_data": data,
            });
            let event: Event = serde_json::from_value(event).unwrap();
            event.push_to("production")
        };
        let data = |kind: &str, name: Option<&str>| {
            serde_json::json!({
                "commit_count": 1, "action": "created", "ref_type": kind, "ref": name,
                "commit_from": null, "commit_to": "a", "ref_count": null,
            })
        };
        let found = pushed(data("branch", Some("production"))).unwrap();
        assert_eq!((found.from, found.to.as_deref()), (None, Some("a")));
        assert_eq!(found.by.as_deref(), Some("ann"));
        assert_eq!(pushed(data("tag", Some("production"))), None);
        assert_eq!(pushed(data("branch", Some("main"))), None);
        // A push of many references has no names.
        assert_eq!(pushed(data("branch", None)), None);
        assert_eq!(pushed(serde_json::Value::Null), None);
    }
}
