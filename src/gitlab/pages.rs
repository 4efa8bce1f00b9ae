//! Lists page by page: `Link` with `rel="next"` is followed as it is (RFC 8288), `x-next-page` where there is none.
//!
//! Lists shift while they are read, so an object may come twice: an object's id counts once. Refuses to be led to another
//! host, and to read without end.

use std::collections::HashSet;

use gitlab::api::Endpoint;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::GitlabError;
use super::token::Needs;
use super::{Gitlab, described};
use crate::http::Reply;
use crate::url::SafeUrl;

/// Objects in a page: the most that GitLab gives.
const PER_PAGE: &str = "100";
/// Most pages that are read.
const PAGES: usize = 1000;

/// Whether a list is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// The next page is wanted.
    Wanted,
    /// What came suffices.
    Enough,
}

impl Gitlab {
    /// All objects of a list, each once.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn list<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
    ) -> Result<Vec<T>, GitlabError> {
        let mut all = Vec::new();
        self.pages(endpoint, needs, |page| {
            all.extend(page);
            More::Wanted
        })?;
        Ok(all)
    }

    /// Hands each page of a list to `take`, until that has enough. Objects whose `id` came before are left out.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pages<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
        mut take: impl FnMut(Vec<T>) -> More,
    ) -> Result<(), GitlabError> {
        let mut seen = HashSet::new();
        let mut url = self.first_page(endpoint)?;
        for _ in 0..PAGES {
            let reply = self.send_to(&url, endpoint, needs, Vec::new())?;
            let objects: Vec<Value> = self.shaped(endpoint, &reply)?;
            let mut page = Vec::with_capacity(objects.len());
            for object in objects {
                let id = object.get("id").and_then(Value::as_u64);
                if id.is_none_or(|id| seen.insert(id)) {
                    page.push(serde_json::from_value(object).map_err(|source| {
                        GitlabError::Shape {
                            what: described(endpoint),
                            source,
                        }
                    })?);
                }
            }
            if take(page) == More::Enough {
                return Ok(());
            }
            match self.next_page(&url, &reply)? {
                Some(next) => url = next,
                None => return Ok(()),
            }
        }
        Err(GitlabError::Unusable {
            what: format!(
                "a request for more than {PAGES} pages of {}",
                described(endpoint)
            ),
        })
    }

    fn first_page(&self, endpoint: &impl Endpoint) -> Result<SafeUrl, GitlabError> {
        let url = self.url(endpoint)?;
        if url
            .expose()
            .query_pairs()
            .any(|(name, _)| name == "per_page")
        {
            return Ok(url);
        }
        let mut sized = url.expose().clone();
        sized.query_pairs_mut().append_pair("per_page", PER_PAGE);
        parsed(sized.as_str())
    }

    fn next_page(&self, url: &SafeUrl, reply: &Reply) -> Result<Option<SafeUrl>, GitlabError> {
        if let Some(link) = reply.header("link") {
            let Some(next) = next_of_link(link) else {
                return Ok(None);
            };
            let next = parsed(next)?;
            // Behind a proxy GitLab may call itself by another name; only where it is known do tokens go.
            return match next.same_origin(&self.api) {
                true => Ok(Some(next)),
                false => Err(GitlabError::Unusable {
                    what: format!(
                        "a request to {}, where the next page is said to be: the API is at {}; a request",
                        next.host(),
                        self.api.host()
                    ),
                }),
            };
        }
        let number = reply.header("x-next-page").unwrap_or_default().trim();
        if number.is_empty() {
            return Ok(None);
        }
        let mut next = url.expose().clone();
        let kept: Vec<(String, String)> = next
            .query_pairs()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        next.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("page", number);
        parsed(next.as_str()).map(Some)
    }
}

fn parsed(url: &str) -> Result<SafeUrl, GitlabError> {
    url.parse().map_err(|_| GitlabError::Unusable {
        what: "a request for the next page, whose address is no URL,".to_owned(),
    })
}

/// The target with `rel="next"` of a `Link` header. GitLab's targets hold no `>`.
pub(super) fn next_of_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        let after = &rest[end + 1..];
        let parameters = &after[..after.find('<').unwrap_or(after.len())];
        let next = |parameter: &str| {
            let (name, value) = parameter.trim().trim_end_matches(',').split_once('=')?;
            let value = value.trim().trim_matches('"');
            let is_next = value.split(' ').any(|relation| relation == "next");
            (name.trim().eq_ignore_ascii_case("rel") && is_next).then_some(())
        };
        if parameters.split(';').any(|it| next(it).is_some()) {
            return Some(target);
        }
        rest = after;
    }
    None
}
