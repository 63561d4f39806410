//! Word to open pages that something has changed: server-sent events, each without content. The
//! script then asks for the view again that it shows.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use futures_util::stream;

use super::guard::{Trouble, Visitor};
use crate::{
    http::{
        reply::Refusal,
        state::{Stage, State},
    },
    node::Node,
};

/// How often is looked for changes: a question that costs the store's thread a microsecond. A page
/// that is loaded again more often is read by no one.
const EVERY: Duration = Duration::from_millis(700);
/// After how many looks a page is loaded again in any case, since what agents say of themselves
/// lasts nowhere: every seven seconds. It also keeps proxies from closing the connection.
const SURE: u32 = 10;
/// Streams that may be open: beyond that pages are as live as their readers load them.
const MOST: usize = 256;
/// When a browser comes again, in seconds.
const COME_AGAIN_S: u64 = 30;

/// How many streams are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct Place;

impl Place {
    fn enter() -> Option<Self> {
        let place = Self;
        (OPEN.fetch_add(1, Ordering::Relaxed) < MOST).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What differs once something is worth a look.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    refusal: Option<String>,
    lists: u64,
    change: Option<u64>,
    agents: usize,
}

fn mark(node: &Node) -> Mark {
    let store = &node.store;
    let lists = store.fleets().filter_map(|fleet| store.list(fleet).ok());
    Mark {
        refusal: store.refusals().next().map(|refusal| refusal.id.clone()),
        lists: lists.map(|list| list.head().rev).fold(0, u64::wrapping_add),
        change: store.audit().next().map(|entry| entry.number),
        agents: node.known(),
    }
}

/// What a stream goes on with.
struct Following {
    state: Data<State>,
    visitor: Visitor,
    seen: Option<Mark>,
    looks: u32,
    _place: Place,
}

impl Following {
    /// The next event; `None` once the session, the token or the server has ended.
    async fn next(&mut self) -> Option<&'static str> {
        loop {
            if self.seen.is_some() {
                actix_web::rt::time::sleep(EVERY).await;
            }
            let now = self.state.now().tick;
            let may_look = self.visitor.session.lasts(now)
                && self.state.sessions.holds(&self.visitor.session)
                && self.state.tokens.of(self.visitor.session.token(), now).is_some();
            if !may_look || *self.state.stage().borrow() != Stage::Serving {
                return None;
            }
            // a browser comes back by itself
            let mark = self.state.owner.ask(|node, _| Ok(mark(node))).await.ok()?;
            self.looks += 1;
            match self.seen.replace(mark) {
                None => return Some("event: hello\ndata:\n\n"),
                Some(before) if self.seen.as_ref() != Some(&before) || self.looks >= SURE => {
                    self.looks = 0;
                    return Some("event: change\ndata:\n\n");
                }
                Some(_) => {}
            }
        }
    }
}

pub(super) async fn events(visitor: Visitor, state: Data<State>) -> Result<HttpResponse, Trouble> {
    let crowded = || Refusal::crowded("too many pages are open", COME_AGAIN_S);
    let following = Following {
        _place: Place::enter().ok_or_else(crowded)?,
        state,
        visitor,
        seen: None,
        looks: 0,
    };
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((
            Ok::<_, actix_web::Error>(Bytes::from_static(event.as_bytes())),
            following,
        ))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // compressed events would wait for one another
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .content_type("text/event-stream")
        .streaming(events))
}
