//! What the application of every framework does beyond a shop's pages: answers of every shape, and handlers that a test can watch.

use std::{
    io,
    sync::{Arc, mpsc},
    time::Duration,
};

use axum::body::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync;

/// What must not leave.
pub(super) const CARD: &str = "paid with 4111 1111 1111 1111";

/// What the guard looks at, of bodies of either direction.
pub(super) const PEEKED: usize = 64 << 10;

/// What handlers share with the test.
#[derive(Clone)]
pub(super) struct Application {
    /// Told what is read.
    pub(super) tell: mpsc::Sender<Read>,
    pieces: Arc<sync::Mutex<Option<Pieces>>>,
}

type Pieces = sync::mpsc::Receiver<Option<&'static str>>;

/// What a handler has read of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Piece(Bytes),
    End,
    Failed,
}

/// A piece of an answer.
pub(super) type Item = io::Result<Bytes>;

impl Application {
    pub(super) fn new() -> (Self, mpsc::Receiver<Read>, sync::mpsc::Sender<Option<&'static str>>) {
        let (tell, told) = mpsc::channel();
        let (give, pieces) = sync::mpsc::channel(1);
        let pieces = Arc::new(sync::Mutex::new(Some(pieces)));
        (Self { tell, pieces }, told, give)
    }

    /// Reads a body to its end and tells what comes; whether it ended well.
    pub(super) async fn read<E>(&self, body: impl Stream<Item = Result<Bytes, E>>) -> bool {
        let mut body = std::pin::pin!(body);
        while let Some(piece) = body.next().await {
            let is_broken = piece.is_err();
            self.tell.send(piece.map_or(Read::Failed, Read::Piece)).unwrap();
            if is_broken {
                return false;
            }
        }
        self.tell.send(Read::End).unwrap();
        true
    }

    /// An answer of what the test gives; for one request.
    pub(super) async fn pieces(&self) -> impl Stream<Item = Item> + Send + 'static + use<> {
        let mut pieces = self.pieces.lock().await.take().unwrap();
        let pieces = stream::poll_fn(move |cx| pieces.poll_recv(cx));
        pieces.map(|piece| piece.map(Bytes::from).ok_or_else(|| io::Error::other("broken")))
    }
}

/// How long the answer of `/sized` is, which is made of what the test gives.
pub(super) const SIZED: u64 = 10;

/// A page, and how it is answered.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) path: &'static str,
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// The content encoding, where it has one.
    pub(super) encoding: Option<&'static str>,
    pub(super) shape: Shape,
}

/// What a page's body is.
#[derive(Clone)]
pub(super) enum Shape {
    Whole(String),
    /// Of unknown length, ready at once.
    Stream(&'static [&'static str]),
    /// Of known length, each piece a moment after the one before.
    File(&'static [&'static str]),
}

const NUMBERS: &[&str] = &["paid with ", "4111 1111 ", "1111 1111"];

/// A page longer than what the guard looks at, with a leak at its end.
pub(super) fn long() -> String {
    "All work and no play makes Jack a dull boy. ".repeat(PEEKED / 2) + CARD
}

pub(super) fn pages() -> Vec<Page> {
    let page = |path, content_type, shape| Page {
        path,
        status: 200,
        content_type,
        encoding: None,
        shape,
    };
    let whole = |body: &str| Shape::Whole(body.to_owned());
    vec![
        page("/card", "text/plain", whole(CARD)),
        page("/cash", "text/plain", whole("paid in cash")),
        page("/nothing", "text/plain", whole("")),
        page("/picture", "image/png", whole(CARD)),
        page("/long", "text/plain", Shape::Whole(long())),
        page("/events", "text/event-stream", Shape::Stream(NUMBERS)),
        page("/stream", "text/plain", Shape::Stream(NUMBERS)),
        page("/file", "text/plain", Shape::File(NUMBERS)),
        page("/clean-file", "text/plain", Shape::File(&["paid ", "in ", "cash"])),
        Page {
            status: 404,
            ..page("/absent", "text/plain", whole(CARD))
        },
        Page {
            encoding: Some("br"),
            ..page("/packed", "text/plain", whole(CARD))
        },
    ]
}

/// These pieces at once.
pub(super) fn at_once(pieces: &'static [&'static str]) -> impl Stream<Item = Item> + Send + 'static {
    stream::iter(pieces).map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
}

/// These pieces, each a moment after the one before.
pub(super) fn slowly(pieces: &'static [&'static str]) -> impl Stream<Item = Item> + Send + 'static {
    at_once(pieces).then(async |piece| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        piece
    })
}

/// The length of all of them.
pub(super) fn length(pieces: &[&str]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}
