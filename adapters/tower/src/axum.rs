//! What is axum's own: a router that remembers its routes.

use std::convert::Infallible;

use axum::{
    extract::Request,
    handler::Handler,
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use buckler::protocol::{Route, Routes};
use tower_service::Service;

/// An [`axum::Router`] that remembers its routes, for [`AgentBuilder::routes`](buckler::AgentBuilder::routes): axum itself cannot list
/// them.
///
/// ```
/// use axum::routing::get;
/// use buckler_tower::axum::RecordedRouter;
///
/// let api = RecordedRouter::new().get("/orders", async || "all").post("/orders", async || "taken");
/// let (app, routes) = RecordedRouter::new().get("/", async || "hello").nest("/api", api).into_parts();
/// assert_eq!(routes["/api/orders"].methods, ["GET", "POST"]);
/// # let _: axum::Router = app;
/// ```
///
/// Routes only inform the server; no verdict depends on them.
#[derive(Debug, Clone)]
pub struct RecordedRouter<S = ()> {
    router: axum::Router<S>,
    routes: Routes,
}

impl<S: Clone + Send + Sync + 'static> Default for RecordedRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! methods {
    ($($name:ident $filter:ident $text:literal)*) => {$(
        #[doc = concat!("Adds a handler for `", $text, "` at a path.")]
        ///
        /// # Panics
        /// As [`axum::Router::route`]: where the path is none, or has this method already.
        #[must_use]
        pub fn $name<H, T>(self, path: &str, handler: H) -> Self
        where
            H: Handler<T, S>,
            T: 'static,
        {
            self.route(path, &[$text], on(MethodFilter::$filter, handler))
        }
    )*};
}

impl<S: Clone + Send + Sync + 'static> RecordedRouter<S> {
    /// A router without routes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            router: axum::Router::new(),
            routes: Routes::new(),
        }
    }

    methods! {
        get GET "GET"
        post POST "POST"
        put PUT "PUT"
        patch PATCH "PATCH"
        delete DELETE "DELETE"
    }

    /// Adds a method router of axum's, and the methods that it knows; none for all.
    ///
    /// # Panics
    /// As [`axum::Router::route`].
    #[must_use]
    pub fn route(mut self, path: &str, methods: &[&str], router: MethodRouter<S>) -> Self {
        self.record(path, methods.iter().map(|method| (*method).to_owned()));
        self.router = self.router.route(path, router);
        self
    }

    /// Adds a service for every method at a path.
    ///
    /// # Panics
    /// As [`axum::Router::route_service`].
    #[must_use]
    pub fn route_service<T>(mut self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record(path, std::iter::empty());
        self.router = self.router.route_service(path, service);
        self
    }

    /// Puts another router's routes under a prefix.
    ///
    /// # Panics
    /// As [`axum::Router::nest`].
    #[must_use]
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        for route in other.routes.into_values() {
            let rest = if route.path == "/" { "" } else { &route.path };
            let path = format!("{}{rest}", prefix.trim_end_matches('/'));
            self.record(&path, route.methods.into_iter());
        }
        self.router = self.router.nest(prefix, other.router);
        self
    }

    /// Adds another router's routes.
    ///
    /// # Panics
    /// As [`axum::Router::merge`].
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for route in other.routes.into_values() {
            self.record(&route.path, route.methods.into_iter());
        }
        self.router = self.router.merge(other.router);
        self
    }

    /// The router and its routes.
    pub fn into_parts(self) -> (axum::Router<S>, Routes) {
        (self.router, self.routes)
    }

    /// Entries of one path are put together.
    fn record(&mut self, path: &str, methods: impl Iterator<Item = String>) {
        let route = self.routes.entry(path.to_owned()).or_insert_with(|| Route {
            methods: Vec::new(),
            path: path.to_owned(),
        });
        for method in methods {
            if !route.methods.contains(&method) {
                route.methods.push(method);
            }
        }
    }
}
