//! The nouns of the REST API, one file each: its routes, its handlers, and how it is shown.

pub mod branches;
pub mod commits;
pub mod jobs;
pub mod members;
pub mod merge_requests;
pub mod pipelines;
pub mod projects;
pub mod protected_branches;
pub mod users;

use super::router::Route;

/// All routes; of several that fit, the first is taken.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    let nouns: [&'static [Route]; 9] = [
        users::ROUTES,
        projects::ROUTES,
        members::ROUTES,
        branches::ROUTES,
        commits::ROUTES,
        protected_branches::ROUTES,
        merge_requests::ROUTES,
        pipelines::ROUTES,
        jobs::ROUTES,
    ];
    nouns.into_iter().flatten()
}
