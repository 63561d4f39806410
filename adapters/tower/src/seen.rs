//! What is kept of a request while the application has it.

use std::net::IpAddr;

use buckler::guard::{Guard, Headers, RequestView, RouteMatch, Verdict};
use http::{HeaderValue, Method, StatusCode, Uri, request::Parts};

use crate::{
    grpc,
    view::{NAMING, list, route},
};

/// What the guard needs of a request when its answer is there. The application consumes the request, so it is kept from the time of
/// the first verdict, and both verdicts are about the same client and path. Nothing here is copied but reference counts.
#[derive(Debug)]
pub(crate) struct Seen {
    peer: Option<IpAddr>,
    method: Method,
    target: Uri,
    route: RouteMatch,
    grpc: Option<&'static str>,
    naming: [Option<HeaderValue>; NAMING.len()],
}

impl Seen {
    /// Of a request that the guard lets pass.
    pub(crate) fn of(parts: &Parts, peer: Option<IpAddr>) -> Self {
        Self {
            peer,
            method: parts.method.clone(),
            target: parts.uri.clone(),
            route: route(&parts.extensions),
            grpc: grpc::kind(parts),
            naming: NAMING.map(|name| list(&parts.headers, name)),
        }
    }

    /// The guard's verdict on the answer, which counts it.
    pub(crate) fn judge(&self, guard: &Guard, status: StatusCode) -> Verdict {
        guard.check_response(&self.view(), status.as_u16())
    }

    pub(crate) const fn method(&self) -> &Method {
        &self.method
    }

    /// Which kind of gRPC it speaks, if it does.
    pub(crate) const fn grpc(&self) -> Option<&'static str> {
        self.grpc
    }

    /// What is kept, as the guard sees it.
    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            peer: self.peer,
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.target.query().unwrap_or_default(),
            host: None,
            route: self.route,
            headers: self,
        }
    }
}

/// The headers that name the client; of the others nothing is kept.
impl Headers for Seen {
    fn for_each_value<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        self.for_each(&mut |own, value| {
            if own == name {
                visit(value);
            }
        });
    }

    fn for_each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in NAMING.iter().zip(&self.naming) {
            if let Some(value) = value {
                visit(name, value.as_bytes());
            }
        }
    }
}
