//! The envelope `{status, message, data}` around every version 1 answer, and the bare form that the vendor documents.

use serde::{Deserialize, Serialize};

use super::Welcome;

/// `{"status": true, "message": "ok", "data": {…}}`. All three are always sent: a pyrasp agent fails without any of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// Whether the server did what it was asked.
    pub status: bool,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// An object, never null; absent or null only from servers that are not ours, and then no reply at all.
    pub data: Option<T>,
}

impl<T> Envelope<T> {
    /// A good answer.
    pub fn ok(content: T) -> Self {
        Self {
            status: true,
            message: "ok".to_owned(),
            data: Some(content),
        }
    }
}

/// A registration reply without an envelope, as the vendor's documentation shows it for `GET`.
pub type BareReply = Welcome;

/// A registration reply in either form.
///
/// The bare form is recognised by what it lacks: an object without `status` that holds `config` or `blacklist`.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyForm {
    /// `{status, message, data}`.
    Enveloped(Envelope<Welcome>),
    /// `{config, blacklist}`.
    Bare(BareReply),
}

impl<'de> Deserialize<'de> for ReplyForm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Every field of both forms, so that a large list is read once and never kept as a tree.
        #[derive(Deserialize)]
        struct Either {
            status: Option<bool>,
            #[serde(default)]
            message: String,
            data: Option<Welcome>,
            config: Option<super::ConfigMap>,
            blacklist: Option<std::collections::BTreeMap<String, super::Epoch>>,
            template: Option<String>,
        }
        let Either {
            status,
            message,
            data: content,
            config,
            blacklist,
            template,
        } = Either::deserialize(deserializer)?;
        match status {
            Some(status) => Ok(Self::Enveloped(Envelope {
                status,
                message,
                data: content,
            })),
            None if config.is_some() || blacklist.is_some() => Ok(Self::Bare(Welcome {
                config: config.unwrap_or_default(),
                blacklist: blacklist.unwrap_or_default(),
                template,
                ..Welcome::default()
            })),
            None => Err(serde::de::Error::custom(
                "neither `status` nor `config` nor `blacklist` in the reply",
            )),
        }
    }
}
