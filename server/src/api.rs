//! `/api/v1`: the same actions for programs, JSON in and out. Each route says beside it what it
//! takes and gives; [`openapi`] publishes that.

pub mod audit;
pub mod body;
pub mod docs;
pub mod etag;
pub mod launches;
pub mod mitigations;
pub mod models;
pub mod moment;
pub mod okrs;
pub mod openapi;
pub mod operation;
pub mod page;
pub mod policies;
pub mod previewed;
pub mod problem;
pub mod query;
pub mod readiness;
pub mod runs;
pub mod schemas;
pub mod teams;
pub mod trend;
pub mod uploads;
pub mod versions;

use crate::http::Routes;

/// Every area's routes.
const AREAS: &[fn(Routes) -> Routes] = &[
    models::routes,
    versions::routes,
    uploads::routes,
    runs::routes,
    trend::routes,
    teams::routes,
    policies::routes,
    launches::routes,
    mitigations::routes,
    okrs::routes,
    audit::routes,
    openapi::routes,
    schemas::routes,
    docs::routes,
];

pub fn routes(routes: Routes) -> Routes {
    AREAS.iter().fold(routes, |routes, area| area(routes))
}
