//! The table of routes: none without the access it needs, and a test walks them all.

use super::guard::guard;
use crate::api::operation::Operation;
use crate::state::App;
use app::domain::Permission;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on, post};

/// What a route asks of whoever comes. Whether the permission holds in the team at hand, the
/// action decides; the route lets nobody in who has it nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    /// Anybody who is signed in, even without a role.
    SignedIn,
    May(Permission),
}

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// What a route of the API says of itself.
    pub operation: Option<Operation>,
}

pub struct Routes {
    app: App,
    router: Router<App>,
    table: Vec<Route>,
}

impl Routes {
    pub fn new(app: App) -> Self {
        Self { app, router: Router::new(), table: vec![] }
    }

    #[must_use]
    pub fn get<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.on(Method::GET, path, access, handler)
    }

    #[must_use]
    pub fn post<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.on(Method::POST, path, access, handler)
    }

    /// A POST whose handler takes in the body itself, within limits of its own.
    #[must_use]
    pub fn upload<H: Handler<T, App>, T: 'static>(
        mut self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        let guarded = post(handler)
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state((self.app.clone(), access), guard));
        self.router = self.router.route(path, guarded);
        self.table.push(Route { method: Method::POST, path, access, operation: None });
        self
    }

    #[must_use]
    pub fn patch<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.on(Method::PATCH, path, access, handler)
    }

    fn on<H: Handler<T, App>, T: 'static>(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("an ordinary HTTP method");
        let guarded =
            on(filter, handler).layer(from_fn_with_state((self.app.clone(), access), guard));
        self.router = self.router.route(path, guarded);
        self.table.push(Route { method, path, access, operation: None });
        self
    }

    /// Says what the route that was added last is for.
    #[must_use]
    pub fn describe(mut self, operation: Operation) -> Self {
        if let Some(route) = self.table.last_mut() {
            route.operation = Some(operation);
        }
        self
    }

    pub fn table(&self) -> &[Route] {
        &self.table
    }

    pub fn into_router(self) -> Router<App> {
        self.router
    }
}
