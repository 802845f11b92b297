//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod audit;
pub mod body;
pub mod models;
pub mod page;
pub mod runs;
pub mod teams;
pub mod versions;

use crate::http::Routes;

pub fn routes(routes: Routes) -> Routes {
    let routes = models::routes(routes);
    let routes = versions::routes(routes);
    let routes = runs::routes(routes);
    let routes = teams::routes(routes);
    audit::routes(routes)
}
