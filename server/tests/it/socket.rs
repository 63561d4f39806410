//! A version 2 agent on a WebSocket, which keeps what comes in the order in which it comes.

use std::{collections::VecDeque, time::Duration};

use actix_codec::Framed;
use actix_ws::ProtocolError;
use awc::{BoxedSocket, error::WsClientError, ws};
use buckler::protocol::{
    Envelope,
    frame::{PushFrame, ReplyFrame, SUBPROTOCOL},
    v2::ServerPart,
};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Agent, Cloud, KEY};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An open WebSocket.
pub(crate) struct Socket {
    framed: Framed<BoxedSocket, ws::Codec>,
    next_id: u64,
    /// Pushes that came while a reply was awaited.
    pushed: VecDeque<ServerPart>,
}

/// What the server says.
#[derive(Debug)]
pub(crate) enum Said {
    Reply(ReplyFrame),
    Push(Box<ServerPart>),
    Pong(Vec<u8>),
    /// A close code, and the words with it.
    Closed(u16, String),
    /// The connection is at its end.
    Over,
}

impl Said {
    fn read(frame: Option<Result<ws::Frame, ProtocolError>>) -> Self {
        match frame {
            Some(Ok(ws::Frame::Text(text))) => match serde_json::from_slice::<Value>(&text).unwrap() {
                push if push.get("v2").is_some() => {
                    let PushFrame { v2 } = PushFrame::deserialize(push).unwrap();
                    Self::Push(Box::new(v2))
                }
                _ => Self::Reply(serde_json::from_slice(&text).unwrap()),
            },
            Some(Ok(ws::Frame::Pong(bytes))) => Self::Pong(bytes.to_vec()),
            Some(Ok(ws::Frame::Close(reason))) => {
                let without = (1_005, String::new());
                let (code, why) = reason.map_or(without, |reason| {
                    (reason.code.into(), reason.description.unwrap_or_default())
                });
                Self::Closed(code, why)
            }
            None | Some(Err(ProtocolError::Io(_))) => Self::Over,
            other => panic!("{other:?}"),
        }
    }
}

impl Socket {
    pub(crate) async fn open(cloud: &Cloud) -> Self {
        Self::open_as(cloud, KEY).await.unwrap()
    }

    pub(crate) async fn open_as(cloud: &Cloud, key: &str) -> Result<Self, WsClientError> {
        let client = awc::Client::builder().timeout(PATIENCE).finish();
        let request = client
            .ws(cloud.server.ws_url().as_str())
            .protocols([SUBPROTOCOL])
            .max_frame_size(64 << 20)
            .header("authorization", format!("Bearer {key}"));
        let (response, framed) = request.connect().await?;
        assert_eq!(response.headers().get("sec-websocket-protocol").unwrap(), SUBPROTOCOL);
        Ok(Self {
            framed,
            next_id: 1,
            pushed: VecDeque::new(),
        })
    }

    pub(crate) async fn send(&mut self, message: ws::Message) {
        self.framed.send(message).await.unwrap();
    }

    pub(crate) async fn say(&mut self, text: impl ToString) {
        self.send(ws::Message::Text(text.to_string().into())).await;
    }

    /// What comes next.
    pub(crate) async fn hear(&mut self) -> Said {
        let frame = actix_web::rt::time::timeout(PATIENCE, self.framed.next());
        Said::read(frame.await.expect("nothing came"))
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> ServerPart {
        if let Some(push) = self.pushed.pop_front() {
            return push;
        }
        let said = self.hear().await;
        let Said::Push(push) = said else {
            panic!("{said:?} instead of a push")
        };
        *push
    }

    /// A push that came while something else was awaited.
    pub(crate) fn next_pushed(&mut self) -> Option<ServerPart> {
        self.pushed.pop_front()
    }

    /// How the server closes; pushes before that are kept.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.hear().await {
                Said::Closed(code, why) => return (code, why),
                Said::Push(push) => self.pushed.push_back(*push),
                said @ (Said::Reply(_) | Said::Pong(_) | Said::Over) => panic!("{said:?} instead of a close"),
            }
        }
    }

    /// Sends a message and returns what it is answered; pushes before that are kept.
    pub(crate) async fn ask(&mut self, kind: &str, message: &Value) -> ReplyFrame {
        let id = self.next_id;
        self.next_id += 1;
        self.say(json!({"id": id, kind: message})).await;
        loop {
            match self.hear().await {
                Said::Reply(reply) => {
                    assert_eq!(reply.id, id);
                    return reply;
                }
                Said::Push(push) => self.pushed.push_back(*push),
                said @ (Said::Pong(_) | Said::Closed(..) | Said::Over) => panic!("{said:?} instead of a reply"),
            }
        }
    }

    pub(crate) async fn register(&mut self, agent: &Agent) -> ServerPart {
        part(&self.ask("register", &agent.registration()).await)
    }

    pub(crate) async fn beacon(&mut self, agent: &Agent) -> ServerPart {
        part(&self.ask("beacon", &agent.message()).await)
    }
}

/// The server's part of a good answer.
pub(crate) fn part(reply: &ReplyFrame) -> ServerPart {
    let envelope: Envelope<Value> = serde_json::from_str(reply.reply.get()).unwrap();
    assert_eq!((reply.code, envelope.status), (200, true), "{reply:?}");
    Agent::part_of(&envelope.data.unwrap())
}

/// The message of a refusal with this code.
pub(crate) fn refused(reply: &ReplyFrame, code: u16) -> String {
    let body: Value = serde_json::from_str(reply.reply.get()).unwrap();
    assert_eq!(
        (reply.code, &body["status"], &body["data"]),
        (code, &json!(false), &json!({}))
    );
    body["message"].as_str().unwrap().to_owned()
}
