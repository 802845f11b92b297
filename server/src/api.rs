//! `/api/v1`: the same actions for programs, JSON in and out.

use crate::http::Routes;

pub fn routes(routes: Routes) -> Routes {
    routes
}
