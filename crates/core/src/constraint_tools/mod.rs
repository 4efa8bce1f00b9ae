//! Looking after constraints: what is wrong with them, what they can be raised to, whom a change of them reaches.
//!
//! [`lint`](lint()) checks them with lock and index, [`loosened`] and [`raised`] are the two sides of a resolution that raises
//! pins, [`reach`](reach()) finds the images of a package. Writes no file.

mod index;
mod lint;
mod raise;
mod reach;
#[cfg(test)]
mod tests;

pub use index::{Releases, indexes, releases};
pub use lint::{Finding, NotJudged, Report, Subject, lint};
pub use raise::{Kept, Raised, documents, loosened, raised};
pub use reach::{Reach, Reached, reach};
