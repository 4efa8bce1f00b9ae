//! Lists page by page: `Link` with `rel="next"` is followed as it is (RFC 8288), `x-next-page` where there is none.
//!
//! Lists shift while they are read, so an object may come twice: an object's id counts once. One that lost its place to the
//! page before does not come at all: a list that holds less than it announced is read again. Refuses to be led to another
//! host, to read without end, and to take a part of a list for the whole.

use std::collections::HashSet;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Gitlab;
use super::error::GitlabError;
use super::request::ApiRequest;
use super::token::Needs;
use crate::http::Reply;
use pannier_base::url::SafeUrl;

/// Objects in a page: the most that GitLab gives.
const PER_PAGE: usize = 100;
/// Most pages that are read.
const PAGES: usize = 1000;
/// How often a list is read that turns out to be incomplete.
const PASSES: usize = 5;

/// By what a list is known to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// By its pages. Of some lists GitLab hides rows after it has counted them.
    Pages,
    /// By its rows.
    Rows,
}

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

impl Gitlab {
    /// All objects of a list, each once.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn list<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
    ) -> Result<Vec<T>, GitlabError> {
        let mut all = Vec::new();
        self.pages(request, needs, |page| {
            all.extend(page);
            More::Wanted
        })?;
        Ok(all)
    }

    /// The same for a list of which nothing may be missing.
    ///
    /// # Errors
    /// [`GitlabError`]; [`GitlabError::Incomplete`] when it holds less than it announces, time and again.
    pub fn whole_list<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
    ) -> Result<Vec<T>, GitlabError> {
        let listed = self.list_conditional(request, needs, None)?;
        Ok(listed.objects.unwrap_or_default())
    }

    /// A list of which nothing may be missing; `None` when it has more than `most` pages.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn short_list<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
        most: usize,
    ) -> Result<Option<Conditional<T>>, GitlabError> {
        let url = self.first_page(request)?;
        let first = self.send_to(&url, request, needs, Vec::new())?;
        let announced = Announced::of(&first, Counted::Rows);
        if announced.pages.is_some_and(|pages| pages > most) {
            return Ok(None);
        }
        let time = time_of(&first);
        let mut all = Vec::new();
        let most = most * PER_PAGE;
        self.pages_from(Counted::Rows, (url, first), request, needs, &mut |page| {
            all.extend(page);
            if all.len() > most {
                More::Enough
            } else {
                More::Wanted
            }
        })?;
        Ok((all.len() <= most).then_some(Conditional {
            objects: Some(all),
            version: None,
            time,
        }))
    }

    /// Hands each page of a list to `take`, until that has enough. Objects whose `id` came before are left out.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pages<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
        mut take: impl FnMut(Vec<T>) -> More,
    ) -> Result<(), GitlabError> {
        let url = self.first_page(request)?;
        let first = self.send_to(&url, request, needs, Vec::new())?;
        self.pages_from(Counted::Pages, (url, first), request, needs, &mut take)
    }

    /// All objects of a list of which nothing may be missing, each once, unless its first page is still the version that is
    /// known: then there are none. For lists that bring what changed to their first page.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn list_conditional<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
        version: Option<&str>,
    ) -> Result<Conditional<T>, GitlabError> {
        let url = self.first_page(request)?;
        let headers = version.map(|version| ("if-none-match", version.to_owned()));
        let first = self.send_to(&url, request, needs, headers.into_iter().collect())?;
        let mut read = Conditional {
            objects: None,
            version: first.header("etag").or(version).map(str::to_owned),
            time: time_of(&first),
        };
        if first.status == 304 && version.is_none() {
            return Err(GitlabError::Incomplete {
                what: request.to_string(),
                missing: "only \"not changed\" without a conditional request".to_owned(),
            });
        }
        if first.status != 304 {
            let mut all = Vec::new();
            self.pages_from(Counted::Rows, (url, first), request, needs, &mut |page| {
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
        request: &ApiRequest,
        needs: &Needs,
    ) -> Result<Conditional<T>, GitlabError> {
        let reply = self.send(request, needs)?;
        Ok(Conditional {
            objects: Some(self.shaped(request, &reply)?),
            version: None,
            time: time_of(&reply),
        })
    }

    /// Reads a list on from its first page, and again from there when it turns out to be incomplete.
    fn pages_from<T: DeserializeOwned>(
        &self,
        counted: Counted,
        (url, first): (SafeUrl, Reply),
        request: &ApiRequest,
        needs: &Needs,
        take: &mut dyn FnMut(Vec<T>) -> More,
    ) -> Result<(), GitlabError> {
        let mut seen = HashSet::new();
        let mut first = Some(first);
        let mut missing = String::new();
        for _ in 0..PASSES {
            let first = match first.take() {
                Some(first) => first,
                None => self.send_to(&url, request, needs, Vec::new())?,
            };
            let start = (url.clone(), first);
            match self.pass(counted, start, request, needs, &mut seen, take)? {
                Pass::Complete => return Ok(()),
                Pass::Incomplete(what) => missing = what,
            }
        }
        Err(GitlabError::Incomplete {
            what: request.to_string(),
            missing,
        })
    }

    fn pass<T: DeserializeOwned>(
        &self,
        counted: Counted,
        (mut url, mut reply): (SafeUrl, Reply),
        request: &ApiRequest,
        needs: &Needs,
        seen: &mut HashSet<u64>,
        take: &mut dyn FnMut(Vec<T>) -> More,
    ) -> Result<Pass, GitlabError> {
        let announced = Announced::of(&reply, counted);
        let mut here = HashSet::new();
        for pages in 1..=PAGES {
            let objects: Vec<Value> = self.shaped(request, &reply)?;
            let rows = objects.len();
            let mut page = Vec::with_capacity(rows);
            for object in objects {
                let id = object.get("id").and_then(Value::as_u64);
                here.extend(id);
                if id.is_none_or(|id| seen.insert(id)) {
                    page.push(serde_json::from_value(object).map_err(|source| {
                        GitlabError::Shape {
                            what: request.to_string(),
                            source,
                        }
                    })?);
                }
            }
            if take(page) == More::Enough {
                return Ok(Pass::Complete);
            }
            match self.next_page(&url, &reply, pages, rows)? {
                Some(next) => url = next,
                None => return Ok(announced.compare(pages, here.len())),
            }
            reply = self.send_to(&url, request, needs, Vec::new())?;
        }
        Err(GitlabError::Unusable {
            what: format!("a request for more than {PAGES} pages of {request}"),
        })
    }

    fn first_page(&self, request: &ApiRequest) -> Result<SafeUrl, GitlabError> {
        let url = self.url(request)?;
        if url
            .expose()
            .query_pairs()
            .any(|(name, _)| name == "per_page")
        {
            return Ok(url);
        }
        let mut sized = url.expose().clone();
        sized
            .query_pairs_mut()
            .append_pair("per_page", &PER_PAGE.to_string());
        parsed(sized.as_str())
    }

    /// Where the page after this one is, the last of so many; `rows` are in it.
    fn next_page(
        &self,
        url: &SafeUrl,
        reply: &Reply,
        pages: usize,
        rows: usize,
    ) -> Result<Option<SafeUrl>, GitlabError> {
        if let Some(next) = reply.header("link").and_then(next_of_link) {
            let next = parsed(next)?;
            // Behind a proxy GitLab may call itself by another name; only where it is known do tokens go.
            return match next.same_origin(&self.api) {
                true => Ok(Some(next)),
                false => Err(GitlabError::Unusable {
                    what: format!(
                        "a request to {}, the URL of the next page, although the API is at {}; a request",
                        next.host(),
                        self.api.host()
                    ),
                }),
            };
        }
        let named = reply.header("x-next-page").map(str::trim);
        // A full page of which nothing is said at all, because a proxy drops such headers, may not be the last one.
        let silent = named.is_none() && reply.header("link").is_none() && rows >= PER_PAGE;
        let number = match named {
            Some(number) if !number.is_empty() => number.to_owned(),
            _ if silent => (pages + 1).to_string(),
            _ => return Ok(None),
        };
        let mut next = url.expose().clone();
        let kept: Vec<(String, String)> = next
            .query_pairs()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        next.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("page", &number);
        parsed(next.as_str()).map(Some)
    }
}

/// How reading a list once ended.
enum Pass {
    Complete,
    /// With what is missing.
    Incomplete(String),
}

/// What the first page announces of its list. GitLab leaves it out above 10,000 objects.
struct Announced {
    pages: Option<usize>,
    rows: Option<usize>,
}

impl Announced {
    fn of(first: &Reply, counted: Counted) -> Self {
        let number = |name| first.header(name)?.trim().parse().ok();
        Self {
            pages: number("x-total-pages"),
            rows: number("x-total").filter(|_| counted == Counted::Rows),
        }
    }

    fn compare(&self, pages: usize, rows: usize) -> Pass {
        match (self.pages, self.rows) {
            (_, Some(all)) if rows < all => Pass::Incomplete(format!("{rows} of {all} objects")),
            // What has ended meanwhile may have taken a page with it.
            (Some(all), None) if pages < all => Pass::Incomplete(format!("{pages} of {all} pages")),
            _ => Pass::Complete,
        }
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
