//! One call of the API on its way to its handler, and the pages in which lists are given.

use serde_json::Value;

use super::answer::{Reply, body, not_found, ok};
use super::loopback::{Answer, Request};
use super::params::Params;
use super::state::{Id, Role};
use super::tokens::Caller;

/// A call whose token and project have been looked at.
pub struct Call<'a> {
    pub request: &'a Request,
    pub params: Params,
    pub caller: Caller,
    /// The variable segments of the path, decoded, without the project.
    pub args: Vec<String>,
    /// Set on routes below `projects/:id`.
    pub project: Option<Id>,
    /// What the caller may do in the project.
    pub role: Role,
    pub base: &'a str,
}

impl Call<'_> {
    pub fn project(&self) -> Id {
        self.project.expect("the route has a project")
    }

    /// The user who calls; routes that take nobody never get here.
    pub fn user(&self) -> Id {
        self.caller.user().unwrap_or_default()
    }

    pub fn arg(&self, at: usize) -> &str {
        &self.args[at]
    }

    /// A numeric segment of the path.
    pub fn id(&self, at: usize) -> Reply<Id> {
        self.arg(at).parse().map_err(|_| not_found(""))
    }

    fn per_page(&self) -> usize {
        let wanted = self
            .params
            .text("per_page")
            .and_then(|text| text.parse().ok());
        wanted.unwrap_or(20_usize).clamp(1, 100)
    }

    /// A page by number, with all headers.
    pub fn page(&self, rows: Vec<Value>) -> Answer {
        let (size, total) = (self.per_page(), rows.len());
        let page = self.params.text("page").and_then(|text| text.parse().ok());
        let page = page.unwrap_or(1_usize).max(1);
        let pages = total.div_ceil(size).max(1);
        let rows: Vec<_> = rows
            .into_iter()
            .skip((page - 1) * size)
            .take(size)
            .collect();
        let next = if page < pages { Some(page + 1) } else { None };
        let previous = (page > 1).then(|| page - 1);
        let number = |page: Option<usize>| page.map(|page| page.to_string()).unwrap_or_default();
        // Counting more than this is too dear for GitLab.
        let counted = total <= 10_000;
        let last = counted.then_some(pages);
        let rels = [
            ("prev", previous),
            ("next", next),
            ("first", Some(1)),
            ("last", last),
        ];
        let links = rels.into_iter().filter_map(|(rel, page)| {
            page.map(|page| {
                self.link(
                    rel,
                    &[("page", page.to_string()), ("per_page", size.to_string())],
                )
            })
        });
        let mut answer = ok(&Value::Array(rows))
            .with("x-page", page.to_string())
            .with("x-per-page", size.to_string())
            .with("x-next-page", number(next))
            .with("x-prev-page", number(previous))
            .with("link", links.collect::<Vec<_>>().join(", "));
        if counted {
            answer = answer
                .with("x-total", total.to_string())
                .with("x-total-pages", pages.to_string());
        }
        answer
    }

    /// A page by key where the caller asks for one: only the next one is linked, and nothing counted. Rows are in the order
    /// wanted, and have ids.
    pub fn keyset(&self, rows: Vec<Value>) -> Answer {
        if self.params.text("pagination").as_deref() != Some("keyset") {
            return self.page(rows);
        }
        let after = self
            .params
            .text("cursor")
            .and_then(|text| text.parse::<Id>().ok());
        let start = after.and_then(|id| rows.iter().position(|row| row["id"] == id));
        let start = start.map_or(0, |at| at + 1);
        let size = self.per_page();
        let more = rows.len() > start + size;
        let rows: Vec<_> = rows.into_iter().skip(start).take(size).collect();
        let last = rows
            .last()
            .map(|row| row["id"].to_string())
            .unwrap_or_default();
        let answer = ok(&Value::Array(rows));
        match more {
            true => answer.with("link", self.link("next", &[("cursor", last)])),
            false => answer,
        }
    }

    fn link(&self, rel: &str, changes: &[(&str, String)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let kept = url::form_urlencoded::parse(self.request.query.as_bytes());
        for (name, value) in kept {
            let secret = ["private_token", "job_token"].contains(&name.as_ref());
            if !secret && changes.iter().all(|(changed, _)| *changed != name) {
                query.append_pair(&name, &value);
            }
        }
        for (name, value) in changes {
            query.append_pair(name, value);
        }
        format!(
            "<{}{}?{}>; rel=\"{rel}\"",
            self.base,
            self.request.path,
            query.finish()
        )
    }
}

/// Adds `ETag` to what a GET gives, and answers 304 to who has it already.
pub fn conditional(request: &Request, answer: Answer) -> Answer {
    if request.method != "GET" || answer.status != 200 {
        return answer;
    }
    let digest = pannier_base::digest::Digest::of(&answer.body).to_string();
    let tag = format!("W/\"{}\"", &digest[digest.len() - 32..]);
    if request.header("if-none-match") == Some(&tag) {
        return body(304, &Value::Null).with("etag", tag);
    }
    answer.with("etag", tag)
}
