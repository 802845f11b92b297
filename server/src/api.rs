//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod audit;
pub mod page;
pub mod runs;

use crate::http::Routes;

pub fn routes(routes: Routes) -> Routes {
    [audit::routes, runs::routes].into_iter().fold(routes, |routes, area| area(routes))
}
