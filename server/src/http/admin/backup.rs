//! A backup in the admin API: streamed while the server goes on.

use std::{io, thread};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web::{Bytes, Data},
};
use tokio::sync::mpsc;

use super::Asker;
use crate::{
    backup,
    http::{reply::Refusal, state::State},
};

/// Pieces that wait for a client who reads slowly: some hundred kB.
const PIECES: usize = 4;

pub(super) async fn whole(asker: Asker, state: Data<State>) -> Result<HttpResponse, Refusal> {
    asker.must_see_all()?;
    let Some(frozen) = state.owner.freeze().await? else {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "this server keeps everything in memory: name a `data_dir` to have something to back up",
        ));
    };
    let (pieces, mut came) = mpsc::channel(PIECES);
    let writer = move || {
        let to = io::BufWriter::with_capacity(PIECE, Pieces(pieces.clone()));
        if let Err(error) = backup::write(&*frozen, to) {
            tracing::error!(%error, "a backup was not finished, and its client sees that");
            // gone, where that is why
            let _ = pieces.blocking_send(Err(io::Error::other("the backup was not finished")));
        }
    };
    thread::Builder::new()
        .name("buckler-backup".to_owned())
        .spawn(writer)
        .map_err(|error| Refusal::failed(&error))?;
    let stream = futures_util::stream::poll_fn(move |context| came.poll_recv(context));
    tracing::info!("an operator fetches a backup");
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // it is compressed already
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .content_type("application/zstd")
        .streaming(stream))
}

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// What is written goes to the client piece by piece.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone");
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
