//! Carries the mail of [`crate::custom_transport`]: each file that an agent leaves is posted to a server, and the server's answer
//! is left beside it.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use actix_web::rt::{System, time::sleep};
use awc::{
    Client,
    http::header::{CONTENT_TYPE, RETRY_AFTER},
};
use buckler::protocol::frame::{AgentFrame, AgentMessage, ReplyFrame};
use tokio::sync::oneshot;
use url::Url;

/// Between two looks into the directory.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The longest answer that is carried, in bytes.
const LONGEST: usize = 32 << 20;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A postman on a thread of its own. It stops when it is dropped.
#[derive(Debug)]
pub struct Relay {
    _stop: oneshot::Sender<()>,
}

impl Relay {
    /// Starts to carry what is left in `directory`: registrations to `cloud`, beacons to the same with its last segment replaced
    /// by `beacon`.
    ///
    /// # Errors
    /// If the directory cannot be made, the URL has no such neighbour, or the system gives no more threads.
    pub fn start(directory: &Path, cloud: &Url) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(directory)?;
        let post = Post {
            directory: directory.to_owned(),
            beacon: cloud.join("beacon")?,
            cloud: cloud.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || System::new().block_on(post.carry(stopped)))?;
        Ok(Self { _stop: stop })
    }
}

struct Post {
    directory: PathBuf,
    cloud: Url,
    beacon: Url,
}

impl Post {
    /// Carries until nobody holds the other end of `stopped`.
    async fn carry(self, mut stopped: oneshot::Receiver<()>) {
        let client = Client::builder().disable_redirects().timeout(PATIENCE).finish();
        while matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
            for ask in self.waiting().unwrap_or_default() {
                if let Err(error) = self.deliver(&client, &ask).await {
                    tracing::warn!(file = %ask.display(), %error, "mail is not delivered");
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn waiting(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for file in fs::read_dir(&self.directory)? {
            let path = file?.path();
            if path.to_str().is_some_and(|name| name.ends_with(".ask.json")) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Posts one file. It is taken away first: what cannot be delivered is asked again by the agent, never by the postman.
    async fn deliver(&self, client: &Client, ask: &Path) -> Result<(), Box<dyn Error>> {
        let text = fs::read(ask)?;
        fs::remove_file(ask)?;
        let AgentFrame { id, message } = serde_json::from_slice(&text)?;
        let (url, body) = match message {
            AgentMessage::Register(registration) => (&self.cloud, serde_json::to_vec(&registration)?),
            AgentMessage::Beacon(beacon) => (&self.beacon, serde_json::to_vec(&beacon)?),
        };
        let request = client
            .post(url.as_str())
            .insert_header((CONTENT_TYPE, "application/json"));
        let mut answer = request.send_body(body).await?;
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let frame = ReplyFrame {
            id,
            code: answer.status().as_u16(),
            retry_after_s: seconds.and_then(|seconds| seconds.parse().ok()),
            reply: serde_json::from_slice(&answer.body().limit(LONGEST).await?)?,
        };
        let named = |kind: &str| {
            ask.to_str()
                .map(|name| name.replace(".ask.json", kind))
                .unwrap_or_default()
        };
        fs::write(named(".letter.json"), serde_json::to_vec(&frame)?)?;
        Ok(fs::rename(named(".letter.json"), named(".reply.json"))?)
    }
}
