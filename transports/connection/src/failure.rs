//! awc's errors in the words of the port.

use std::io;

use awc::error::{ConnectError, SendRequestError};
use buckler::transport::TransportError;
use url::Url;

use crate::{options::Options, places, wire};

/// Why no reply began.
#[must_use]
pub fn to_send(url: &Url, options: &Options, error: &SendRequestError) -> TransportError {
    let host = places::authority(url);
    match error {
        SendRequestError::Connect(ConnectError::Io(error)) | SendRequestError::Send(error) => from_io(host, error),
        SendRequestError::Connect(ConnectError::Timeout) => {
            let reason = format!("no connection within {:?}", options.connect_timeout);
            TransportError::Unreachable { host, reason }
        }
        SendRequestError::Connect(ConnectError::Disconnected) => TransportError::Unreachable {
            host,
            reason: "the connection ended before a reply".to_owned(),
        },
        SendRequestError::Connect(error) => TransportError::Unreachable {
            host,
            reason: error.to_string(),
        },
        SendRequestError::Response(error) => match io_source(error) {
            Some(error) => from_io(host, error),
            None => TransportError::Malformed(format!("no HTTP reply: {error}")),
        },
        SendRequestError::Url(_)
        | SendRequestError::Http(_)
        | SendRequestError::H2(_)
        | SendRequestError::Timeout
        | SendRequestError::TunnelNotSupported
        | SendRequestError::Body(_)
        | SendRequestError::Custom(..)
        | _ => TransportError::Unusable(error.to_string()),
    }
}

fn from_io(host: String, error: &io::Error) -> TransportError {
    match wire::tls_failure(error) {
        Some(reason) => TransportError::Tls { host, reason },
        None => TransportError::Unreachable {
            host,
            reason: error.to_string(),
        },
    }
}

/// The system's error within awc's, whose own type is not public.
fn io_source<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    error.source()?.downcast_ref()
}
