//! What is axum's own: a router that remembers its routes.

mod methods;
mod serve;

use std::convert::Infallible;

use axum::{extract::Request, handler::Handler, response::IntoResponse};
use buckler::protocol::{Route, Routes};
use tower_service::Service;

pub use self::methods::{
    RecordedMethods, any, connect, connect_service, delete, delete_service, get, get_service, head, head_service,
    options, options_service, patch, patch_service, post, post_service, put, put_service, trace, trace_service,
};
pub use self::serve::{serve, serve_until};

/// An [`axum::Router`] that remembers its routes, for [`AgentBuilder::routes`](buckler::AgentBuilder::routes): axum itself cannot list
/// them. It is built as axum's is, with [`get`], [`post`] and the like from this module.
///
/// ```
/// use axum::response::Redirect;
/// use buckler_tower::axum::{RecordedRouter, get};
///
/// let api = RecordedRouter::new().route("/orders", get(async || "all").post(async || "taken"));
/// let (app, routes) = RecordedRouter::new()
///     .route("/", get(async || "hello"))
///     .nest("/api", api)
///     .fallback(async || Redirect::to("/"))
///     .into_parts();
/// assert_eq!(routes["/api/orders"].methods, ["GET", "POST"]);
/// # let _: axum::Router = app;
/// ```
///
/// Routes only inform the server; no verdict depends on them.
#[derive(Debug, Clone)]
#[must_use = "it serves nothing before its router is served"]
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
    ($($name:ident $text:literal)*) => {$(
        #[doc = concat!("Adds a handler for `", $text, "` at a path.")]
        ///
        /// # Panics
        /// As [`axum::Router::route`]: where the path is none, or has this method already.
        pub fn $name<H, T>(self, path: &str, handler: H) -> Self
        where
            H: Handler<T, S>,
            T: 'static,
        {
            self.route(path, methods::$name(handler))
        }
    )*};
}

impl<S: Clone + Send + Sync + 'static> RecordedRouter<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self {
            router: axum::Router::new(),
            routes: Routes::new(),
        }
    }

    methods! {
        get "GET"
        post "POST"
        put "PUT"
        patch "PATCH"
        delete "DELETE"
    }

    /// Adds a route: methods of this module, or a method router of axum's, which does not tell its methods.
    ///
    /// # Panics
    /// As [`axum::Router::route`].
    pub fn route(mut self, path: &str, methods: impl Into<RecordedMethods<S>>) -> Self {
        let (router, methods) = methods.into().into_parts();
        self.record(path, methods.into_iter().map(str::to_owned));
        self.map(|own| own.route(path, router))
    }

    /// Adds a service for every method at a path.
    ///
    /// # Panics
    /// As [`axum::Router::route_service`].
    pub fn route_service<T>(mut self, path: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record(path, std::iter::empty());
        self.map(|own| own.route_service(path, service))
    }

    /// Puts another router's routes under a prefix.
    ///
    /// # Panics
    /// As [`axum::Router::nest`].
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        for route in other.routes.into_values() {
            self.record(&nested(prefix, &route.path), route.methods.into_iter());
        }
        self.map(|own| own.nest(prefix, other.router))
    }

    /// Puts a service under a prefix, which answers whatever begins so: a folder of files. To the guard no path there is a route by
    /// itself, so that a 404 of the service's is judged as an unknown path.
    ///
    /// # Panics
    /// As [`axum::Router::nest_service`].
    pub fn nest_service<T>(mut self, prefix: &str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.record(&nested(prefix, "/{*rest}"), std::iter::empty());
        self.map(|own| own.nest_service(prefix, service))
    }

    /// Adds another router's routes, and its fallback where this one has none.
    ///
    /// # Panics
    /// As [`axum::Router::merge`].
    pub fn merge(mut self, other: Self) -> Self {
        for route in other.routes.into_values() {
            self.record(&route.path, route.methods.into_iter());
        }
        self.map(|own| own.merge(other.router))
    }

    /// Answers what no route matches.
    pub fn fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.map(|own| own.fallback(handler))
    }

    /// What axum can do with a router besides, and what adds no route: layers, other fallbacks.
    pub fn map(self, change: impl FnOnce(axum::Router<S>) -> axum::Router<S>) -> Self {
        Self {
            router: change(self.router),
            ..self
        }
    }

    /// Gives the handlers their state.
    pub fn with_state<S2>(self, state: S) -> RecordedRouter<S2> {
        RecordedRouter {
            router: self.router.with_state(state),
            routes: self.routes,
        }
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

/// The path of a route under a prefix, as axum puts them together.
fn nested(prefix: &str, path: &str) -> String {
    if prefix.ends_with('/') {
        format!("{prefix}{}", path.trim_start_matches('/'))
    } else if path == "/" {
        prefix.to_owned()
    } else {
        format!("{prefix}{path}")
    }
}
