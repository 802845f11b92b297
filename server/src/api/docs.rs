//! The API's page.
use crate::http::Routes;
pub fn routes(routes: Routes) -> Routes {
    routes
}
