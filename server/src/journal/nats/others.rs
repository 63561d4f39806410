//! Other nodes on the same engine: a question goes to all of them, and each answers for itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    sync::Arc,
    time::Duration,
};

use async_nats::Client;
use futures_util::{StreamExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    time::{Instant, interval, timeout_at},
};
use uuid::Uuid;

use super::{engine::Ask, session::Session};
use crate::neighbours::{Answerer, Answers, Neighbours};

/// How long answers are waited for: a node copies and presses what it knows of its agents, 30,000
/// of them within half a second.
const DEADLINE: Duration = Duration::from_secs(1);

/// How often a node says that it is there.
const HELLO: Duration = Duration::from_secs(20);

/// For how long a node that was heard is expected to answer: two of its words may be lost.
pub(super) const EXPECTED: Duration = Duration::from_secs(60);

/// The longest answer, pressed and not, in bytes.
const LONGEST: usize = 7 << 20;
const LONGEST_UNPRESSED: u64 = 256 << 20;

/// How hard answers are pressed.
const LEVEL: i32 = 1;

/// A handle for those who ask.
pub(super) struct Handle(pub(super) UnboundedSender<Ask>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Neighbours for Handle {
    fn ask(&self) -> BoxFuture<'static, Answers> {
        let (reply, answers) = oneshot::channel();
        // with the thread gone there is no answer
        let _ = self.0.send(Ask::Neighbours(reply));
        Box::pin(async move { answers.await.unwrap_or_default() })
    }

    fn answer_by(&self, answerer: Answerer) {
        // gone with the server
        let _ = self.0.send(Ask::Answer(answerer));
    }
}

/// This node's name for people: the machine's, and what tells two nodes on it apart.
pub(super) fn name(node: Uuid) -> String {
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine: String = machine.trim().chars().take(64).collect();
    let own: String = node.simple().to_string().chars().take(8).collect();
    if machine.is_empty() {
        own
    } else {
        format!("{machine}/{own}")
    }
}

/// When each node was heard last.
pub(super) type Known = BTreeMap<String, Instant>;

/// Asks all nodes but the one of this name.
pub(super) async fn ask(client: &Client, subject: String, own: &str, known: Known) -> Result<Answers, String> {
    let said = |error: &dyn fmt::Display| error.to_string();
    let inbox = client.new_inbox();
    let mut replies = client.subscribe(inbox.clone()).await.map_err(|error| said(&error))?;
    let sent = client.publish_with_reply(subject, inbox, own.to_owned().into());
    sent.await.map_err(|error| said(&error))?;
    let now = Instant::now();
    let expected = known.into_iter().filter(|(_, at)| now.duration_since(*at) < EXPECTED);
    let mut silent: BTreeSet<String> = expected.map(|(name, _)| name).collect();
    // one that has just started knows no other yet, and waits to the end
    let knows = !silent.is_empty();
    let mut answers = Answers::default();
    while !knows || !silent.is_empty() {
        let Ok(Some(reply)) = timeout_at(now + DEADLINE, replies.next()).await else {
            break;
        };
        let Some((name, pressed)) = split(&reply.payload) else {
            continue;
        };
        silent.remove(&name);
        let unpressed = zstd::stream::read::Decoder::new(pressed).and_then(|decoder| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(decoder, LONGEST_UNPRESSED), &mut bytes)?;
            Ok(bytes)
        });
        answers.said.push((name, unpressed.unwrap_or_default()));
    }
    answers.silent = silent;
    Ok(answers)
}

/// Answers for as long as the connection lasts, and says now and then that this node is there.
pub(super) async fn answer(session: Arc<Session>, answerer: Answerer) {
    let (client, subject, own) = (session.context.client(), session.options.questions(), &session.name);
    let mut questions = match client.subscribe(subject.clone()).await {
        Ok(questions) => questions,
        Err(error) => return tracing::error!(%error, "other nodes cannot ask this one for its agents"),
    };
    let mut turns = interval(HELLO);
    loop {
        let question = tokio::select! {
            question = questions.next() => question,
            _ = turns.tick() => {
                // without an answer to anybody; the next is as good
                let _ = client.publish(subject.clone(), own.clone().into()).await;
                continue;
            }
        };
        let Some(question) = question else { return };
        if *question.payload == *own.as_bytes() {
            continue;
        }
        session.heard([String::from_utf8_lossy(&question.payload).into_owned()]);
        let Some(reply) = question.reply else { continue };
        let said = answerer().await;
        let pressed = zstd::stream::encode_all(&*said, LEVEL).unwrap_or_default();
        let mut payload = own.clone().into_bytes();
        payload.push(b'\n');
        if pressed.len() <= LONGEST {
            payload.extend(pressed);
        }
        if let Err(error) = client.publish(reply, payload.into()).await {
            tracing::debug!(%error, "a node that asked was not answered");
        }
    }
}

/// A name, and what stands after it.
fn split(payload: &[u8]) -> Option<(String, &[u8])> {
    let end = payload.iter().position(|byte| *byte == b'\n')?;
    let (name, rest) = payload.split_at_checked(end)?;
    Some((String::from_utf8_lossy(name).into_owned(), rest.get(1..)?))
}
