//! Use cases through [`pannier_core::session::Session`], as a server would call them.

mod fallback;
mod lock;
mod schema;
mod world;
