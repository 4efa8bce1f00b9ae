//! The nouns of the REST API, one file each: its routes, its handlers, and how it is shown.

pub mod branches;
pub mod commits;
pub mod deployments;
pub mod environments;
pub mod events;
pub mod jobs;
pub mod members;
pub mod merge_requests;
pub mod notes;
pub mod packages;
pub mod pipelines;
pub mod projects;
pub mod protected_branches;
pub mod releases;
pub mod resource_groups;
pub mod statuses;
pub mod users;
pub mod webhooks;

use super::router::Route;

/// All routes; of several that fit, the first is taken.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    let nouns: [&'static [Route]; 18] = [
        users::ROUTES,
        projects::ROUTES,
        members::ROUTES,
        branches::ROUTES,
        commits::ROUTES,
        protected_branches::ROUTES,
        merge_requests::ROUTES,
        notes::ROUTES,
        pipelines::ROUTES,
        jobs::ROUTES,
        resource_groups::ROUTES,
        environments::ROUTES,
        events::ROUTES,
        deployments::ROUTES,
        packages::ROUTES,
        webhooks::ROUTES,
        statuses::ROUTES,
        releases::ROUTES,
    ];
    nouns.into_iter().flatten()
}
