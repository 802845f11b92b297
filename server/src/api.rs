//! `/api/v1`: the same actions for programs, JSON in and out.

pub mod teams;

use crate::http::Routes;

pub fn routes(routes: Routes) -> Routes {
    teams::routes(routes)
}
