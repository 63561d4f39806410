//! A request's body, lent to the guard: it sees a copy of it, and the application gets the body as
//! it came.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Uri;
use http_body::{Body as HttpBody, Frame, SizeHint};
use lambda_http::Body;

/// What is copied at a time: as much as the guard looks at where nothing else is configured.
const PIECE: usize = 64 << 10;

/// What of a request is kept from the guard, for the application. It travels in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) body: Arc<Body>,
    pub(crate) uri: Uri,
}

impl Kept {
    /// The body, when the guard has given it back.
    pub(crate) fn into_body(self) -> Body {
        Arc::try_unwrap(self.body).unwrap_or_else(|shared| Body::clone(&shared))
    }
}

/// The body as the guard reads it.
#[derive(Debug)]
pub(crate) struct Lent {
    body: Arc<Body>,
    read: usize,
}

impl Lent {
    pub(crate) const fn new(body: Arc<Body>) -> Self {
        Self { body, read: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.body.get(self.read..).unwrap_or_default()
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let rest = this.rest();
        let piece = Bytes::copy_from_slice(rest.get(..PIECE).unwrap_or(rest));
        this.read += piece.len();
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_guard_reads_what_came_and_the_application_gets_the_same_body() {
        for body in [Body::Empty, Body::from("text"), Body::from(vec![0xff; 3 * PIECE + 1])] {
            let kept = Kept {
                body: Arc::new(body.clone()),
                uri: Uri::from_static("/"),
            };
            let lent = Lent::new(Arc::clone(&kept.body));
            assert_eq!(lent.size_hint().exact(), Some(body.len() as u64));
            assert_eq!(lent.is_end_stream(), body.is_empty());
            assert_eq!(lent.collect().await.unwrap().to_bytes(), body.as_ref());
            let address = kept.body.as_ptr();
            let back = kept.into_body();
            assert_eq!((&back, back.as_ptr()), (&body, address), "not even copied");
        }
    }
}
