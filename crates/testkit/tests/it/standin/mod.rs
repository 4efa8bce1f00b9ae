//! The stand-in GitLab itself: routes, pages, rights, what moves when pipelines move, and pushes with the real `git`.
#![allow(clippy::unwrap_used)]

pub mod client;
pub mod faults;
pub mod nouns;
pub mod pipelines;
pub mod pushes;
pub mod rights;
