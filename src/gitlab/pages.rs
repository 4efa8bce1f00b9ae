//! Lists page by page: `Link` with `rel="next"` is followed as it is (RFC 8288), `x-next-page` where there is none.
//!
//! Lists shift while they are read, so an object may come twice: an object's id counts once. Refuses to be led to another
//! host, and to read without end.

use std::collections::HashSet;
use std::time::SystemTime;

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

/// A list that may have been known already.
#[derive(Debug, Clone)]
pub struct Conditional<T> {
    /// The objects; `None` when nothing has changed.
    pub objects: Option<Vec<T>>,
    /// By what this list is known again (`ETag`), where the server says it.
    pub version: Option<String>,
    /// The server's time, where it says it.
    pub time: Option<SystemTime>,
}

impl<T> Default for Conditional<T> {
    /// An empty list.
    fn default() -> Self {
        Self {
            objects: Some(Vec::new()),
            version: None,
            time: None,
        }
    }
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
        let url = self.first_page(endpoint)?;
        let first = self.send_to(&url, endpoint, needs, Vec::new())?;
        self.pages_from(url, first, endpoint, needs, &mut take)
    }

    /// All objects of a list, each once, unless its first page is still the version that is known: then only that is said.
    /// For lists that bring what changed to their first page.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn list_conditional<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
        version: Option<&str>,
    ) -> Result<Conditional<T>, GitlabError> {
        let url = self.first_page(endpoint)?;
        let headers = version.map(|version| ("if-none-match", version.to_owned()));
        let first = self.send_to(&url, endpoint, needs, headers.into_iter().collect())?;
        let mut read = Conditional {
            objects: None,
            version: first.header("etag").or(version).map(str::to_owned),
            time: time_of(&first),
        };
        if first.status != 304 {
            let mut all = Vec::new();
            self.pages_from(url, first, endpoint, needs, &mut |page| {
                all.extend(page);
                More::Wanted
            })?;
            read.objects = Some(all);
        }
        Ok(read)
    }

    /// The first page of a list alone.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn first_objects<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
    ) -> Result<Conditional<T>, GitlabError> {
        let reply = self.send(endpoint, needs)?;
        Ok(Conditional {
            objects: Some(self.shaped(endpoint, &reply)?),
            version: None,
            time: time_of(&reply),
        })
    }

    fn pages_from<T: DeserializeOwned>(
        &self,
        mut url: SafeUrl,
        first: Reply,
        endpoint: &impl Endpoint,
        needs: &Needs,
        take: &mut dyn FnMut(Vec<T>) -> More,
    ) -> Result<(), GitlabError> {
        let mut seen = HashSet::new();
        let mut reply = first;
        for _ in 0..PAGES {
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
            reply = self.send_to(&url, endpoint, needs, Vec::new())?;
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

fn time_of(reply: &Reply) -> Option<SystemTime> {
    httpdate::parse_http_date(reply.header("date")?).ok()
}

fn parsed(url: &str) -> Result<SafeUrl, GitlabError> {
    SafeUrl::of_server(url).map_err(|_| GitlabError::Unusable {
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
