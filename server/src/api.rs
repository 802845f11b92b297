//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod page;
pub mod runs;
pub mod teams;

use crate::http::Routes;

pub fn routes(routes: Routes) -> Routes {
    let routes = runs::routes(routes);
    teams::routes(routes)
}
