//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod audit;
pub mod body;
pub mod etag;
pub mod launches;
pub mod mitigations;
pub mod models;
pub mod okrs;
pub mod page;
pub mod policies;
pub mod readiness;
pub mod runs;
pub mod teams;
pub mod versions;

use crate::http::Routes;

/// Every area's routes.
const AREAS: &[fn(Routes) -> Routes] = &[
    models::routes,
    versions::routes,
    // One a line, whatever the formatter would rather do.
    runs::routes,
    teams::routes,
    policies::routes,
    launches::routes,
    mitigations::routes,
    okrs::routes,
    audit::routes,
];

pub fn routes(routes: Routes) -> Routes {
    AREAS.iter().fold(routes, |routes, area| area(routes))
}
