//! A reply whose head has come.
//!
//! awc's own type for it depends on features that other crates of the host may switch on: here every form of it becomes one.

use awc::{
    ClientResponse,
    error::PayloadError,
    http::{
        StatusCode, Version,
        header::{HeaderMap, HeaderName},
    },
};
use buckler_connection::reply;
use bytes::Bytes;
use futures_core::stream::{LocalBoxStream, Stream};
use futures_util::StreamExt;

/// The head of a reply, and the body still to come.
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: LocalBoxStream<'static, Result<Bytes, PayloadError>>,
}

impl Incoming {
    /// Takes what awc gives.
    pub(crate) fn new<S>(response: ClientResponse<S>) -> Self
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + Unpin + 'static,
    {
        Self {
            status: response.status(),
            version: response.version(),
            headers: response.headers().clone(),
            body: response.boxed_local(),
        }
    }

    /// A header's value; what is not UTF-8 in it is replaced.
    pub(crate) fn header(&self, name: HeaderName) -> Option<String> {
        reply::text(&self.headers, name)
    }
}
