//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod audit;
pub mod body;
pub mod models;
pub mod page;
pub mod runs;
pub mod teams;
pub mod versions;

use crate::http::Routes;

/// Every area's routes.
const AREAS: &[fn(Routes) -> Routes] =
    &[models::routes, versions::routes, runs::routes, teams::routes, audit::routes];

pub fn routes(routes: Routes) -> Routes {
    AREAS.iter().fold(routes, |routes, area| area(routes))
}
