//! Tests of the schema and its page.
#![allow(clippy::unwrap_used)]

mod schema;
