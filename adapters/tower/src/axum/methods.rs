//! A method router that remembers its methods.

use std::convert::Infallible;

use axum::{
    extract::Request,
    handler::Handler,
    response::IntoResponse,
    routing::{self, MethodRouter},
};
use tower_service::Service;

/// An [`axum::routing::MethodRouter`] that remembers its methods: what [`get`], [`post`] and the like begin, in the place of axum's
/// functions of the same names.
///
/// Made [`from`](From) a method router of axum's it does not know them: the route then stands for every method.
#[derive(Debug, Clone)]
#[must_use = "it serves nothing before it is added to a router"]
pub struct RecordedMethods<S = ()> {
    router: MethodRouter<S>,
    /// None for all.
    methods: Vec<&'static str>,
}

impl<S: Clone> From<MethodRouter<S>> for RecordedMethods<S> {
    fn from(router: MethodRouter<S>) -> Self {
        let methods = Vec::new();
        Self { router, methods }
    }
}

macro_rules! methods {
    ($($name:ident $service:ident $text:literal)*) => {
        impl<S: Clone + Send + Sync + 'static> RecordedMethods<S> {
            $(
                #[doc = concat!("Answers `", $text, "` by a handler, too.")]
                ///
                /// # Panics
                #[doc = concat!("Where it answers `", $text, "` already.")]
                pub fn $name<H, T>(self, handler: H) -> Self
                where
                    H: Handler<T, S>,
                    T: 'static,
                {
                    self.and($text, |router| router.$name(handler))
                }

                #[doc = concat!("Answers `", $text, "` by a service, too.")]
                ///
                /// # Panics
                #[doc = concat!("Where it answers `", $text, "` already.")]
                pub fn $service<T>(self, service: T) -> Self
                where
                    T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
                    T::Response: IntoResponse + 'static,
                    T::Future: Send + 'static,
                {
                    self.and($text, |router| router.$service(service))
                }
            )*
        }

        $(
            #[doc = concat!("Answers `", $text, "` by a handler, as [`axum::routing::", stringify!($name), "`].")]
            pub fn $name<H, T, S>(handler: H) -> RecordedMethods<S>
            where
                H: Handler<T, S>,
                T: 'static,
                S: Clone + Send + Sync + 'static,
            {
                RecordedMethods::from(MethodRouter::new()).$name(handler)
            }

            #[doc = concat!("Answers `", $text, "` by a service, as [`axum::routing::", stringify!($service), "`].")]
            pub fn $service<T, S>(service: T) -> RecordedMethods<S>
            where
                T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
                T::Response: IntoResponse + 'static,
                T::Future: Send + 'static,
                S: Clone + Send + Sync + 'static,
            {
                RecordedMethods::from(MethodRouter::new()).$service(service)
            }
        )*
    };
}

methods! {
    get get_service "GET"
    head head_service "HEAD"
    post post_service "POST"
    put put_service "PUT"
    patch patch_service "PATCH"
    delete delete_service "DELETE"
    options options_service "OPTIONS"
    trace trace_service "TRACE"
    connect connect_service "CONNECT"
}

/// Answers every method by a handler, as [`axum::routing::any`].
pub fn any<H, T, S>(handler: H) -> RecordedMethods<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    routing::any(handler).into()
}

impl<S: Clone> RecordedMethods<S> {
    /// What axum can do with a method router besides, and what adds no method: layers, a fallback.
    pub fn map(self, change: impl FnOnce(MethodRouter<S>) -> MethodRouter<S>) -> Self {
        Self {
            router: change(self.router),
            ..self
        }
    }

    fn and(mut self, method: &'static str, change: impl FnOnce(MethodRouter<S>) -> MethodRouter<S>) -> Self {
        self.methods.push(method);
        self.map(change)
    }

    pub(super) fn into_parts(self) -> (MethodRouter<S>, Vec<&'static str>) {
        (self.router, self.methods)
    }
}
