//! The stand-in GitLab itself, and the layers of the workspace.
#![allow(clippy::unwrap_used)]

mod imports;
mod standin;
