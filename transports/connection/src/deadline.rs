//! The one deadline around an exchange: a reply that never ends is no better than none.

use std::{future::Future, time::Duration};

use actix_rt::time::timeout;
use buckler::transport::TransportError;

/// Lets an exchange take so long and no longer.
///
/// # Errors
/// The exchange's own, or that it did not end in time.
pub async fn within<T>(
    deadline: Duration,
    exchange: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    timeout(deadline, exchange)
        .await
        .unwrap_or(Err(TransportError::Deadline(deadline)))
}
