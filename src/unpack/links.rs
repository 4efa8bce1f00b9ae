//! Where symbolic links may lead, judged by [`crate::paths`] when all of them are known: a link may climb through another.

use super::error::UnpackError;
use super::later::Sorted;
use crate::paths::{AbsoluteLinks, LinkFault, check_link};

/// Checks all links of a tree together.
pub(super) fn check(links: &Sorted, absolute: AbsoluteLinks) -> Result<(), UnpackError> {
    let target = |path: &str| links.get(path).map(|link| link.target);
    for link in links.iter() {
        check_link(link.path, absolute, target).map_err(|fault| {
            let (path, target) = (link.path, link.target);
            match fault {
                LinkFault::Absolute => UnpackError::absolute(path, target),
                LinkFault::Outside | LinkFault::Long => UnpackError::leaving(path, target, fault),
            }
        })?;
    }
    Ok(())
}
