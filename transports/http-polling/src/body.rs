//! The body of a reply: bounded before and after decompression, and no shorter than it was announced.

use awc::{
    error::PayloadError,
    http::{Version, header},
};
use buckler::transport::TransportError;
use buckler_connection::link::Meter;
use futures_util::StreamExt;

use crate::{
    decode::{self, Coding, DecodeError},
    incoming::Incoming,
};

/// The most bytes a body may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// As it travels.
    pub(crate) wire: usize,
    /// Unpacked.
    pub(crate) unpacked: usize,
}

/// The most that is reserved on a server's word about the length of its body.
const RESERVED: usize = 64 << 10;

/// How a body's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// After as many bytes as announced.
    Length(usize),
    /// By an empty chunk.
    Chunk,
    /// By the end of the connection, as in HTTP/1.0: whether it is whole shows in the JSON alone.
    Connection,
}

/// Reads a body and unpacks it.
///
/// # Errors
/// Where it is larger than allowed, shorter than announced, or not in a coding that was asked for.
pub(crate) async fn read(response: Incoming, caps: Caps, meter: &Meter) -> Result<Vec<u8>, TransportError> {
    let coding = coding(&response)?;
    let end = end(&response)?;
    let wire = collect(response, end, caps.wire).await?;
    check_end(end, wire.len(), meter)?;
    if wire.is_empty() {
        return Ok(wire);
    }
    coding.unpack(wire, caps.unpacked).map_err(|error| match error {
        DecodeError::TooLarge(cap) => TransportError::TooLarge(cap),
        DecodeError::Corrupt(error) => malformed(format!("a corrupt or truncated {coding:?} body: {error}")),
    })
}

fn coding(response: &Incoming) -> Result<Coding, TransportError> {
    let Some(name) = response.header(header::CONTENT_ENCODING) else {
        return Ok(Coding::Identity);
    };
    Coding::parse(&name).ok_or_else(|| {
        let name: String = name.chars().take(20).collect();
        malformed(format!(
            "Content-Encoding {name:?} was not asked for; {} are accepted",
            decode::ACCEPTED
        ))
    })
}

fn end(response: &Incoming) -> Result<End, TransportError> {
    if response.headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(End::Chunk);
    }
    match response
        .header(header::CONTENT_LENGTH)
        .map(|length| length.trim().parse())
    {
        Some(Ok(length)) => Ok(End::Length(length)),
        Some(Err(_)) => Err(malformed("a Content-Length that is no size")),
        // awc takes the body of such a reply for empty
        None if response.version == Version::HTTP_11 => Ok(End::Length(0)),
        None => Ok(End::Connection),
    }
}

async fn collect(mut response: Incoming, end: End, cap: usize) -> Result<Vec<u8>, TransportError> {
    let mut wire = Vec::new();
    if let End::Length(length) = end {
        if length > cap {
            return Err(TransportError::TooLarge(cap));
        }
        wire.reserve(length.min(RESERVED));
    }
    while let Some(chunk) = response.body.next().await {
        let chunk = chunk.map_err(|error| broken(wire.len(), &error))?;
        if wire.len().saturating_add(chunk.len()) > cap {
            return Err(TransportError::TooLarge(cap));
        }
        wire.extend_from_slice(&chunk);
    }
    Ok(wire)
}

/// awc ends a truncated body as if it were whole.
fn check_end(end: End, came: usize, meter: &Meter) -> Result<(), TransportError> {
    match end {
        End::Length(announced) if came < announced => Err(malformed(format!(
            "truncated: {announced} bytes announced, {came} came"
        ))),
        End::Chunk if meter.ended() => Err(malformed(format!("truncated: no last chunk after {came} bytes"))),
        End::Length(_) | End::Chunk | End::Connection => Ok(()),
    }
}

fn broken(came: usize, error: &PayloadError) -> TransportError {
    malformed(format!("truncated: after {came} bytes of the body: {error}"))
}

fn malformed(reason: impl Into<String>) -> TransportError {
    TransportError::Malformed(reason.into())
}
