//! Tests of the stand-in GitLab itself.
#![allow(clippy::unwrap_used)]

mod standin;
