//! Symbolic links wait for the end of the archive: where they may lead is judged by [`pannier_base::paths`] when all of them are known,
//! because a link may climb through another.

use super::error::UnpackError;
use pannier_base::paths::{AbsoluteLinks, LinkFault, check_link};

/// A link of the tarball.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: String,
    pub(super) target: String,
    pub(super) mtime: (i64, u32),
}

/// Checks all links of a tree together; they are sorted by path.
pub(super) fn check(links: &[Link], absolute: AbsoluteLinks) -> Result<(), UnpackError> {
    let target = |path: &str| {
        let found = links.binary_search_by(|link| link.path.as_str().cmp(path));
        found.ok().map(|at| links[at].target.as_str())
    };
    for Link {
        path, target: to, ..
    } in links
    {
        check_link(path, absolute, target).map_err(|fault| match fault {
            LinkFault::Absolute => UnpackError::absolute(path, to),
            LinkFault::Outside | LinkFault::Long => UnpackError::leaving(path, to, fault),
        })?;
    }
    Ok(())
}
