//! How a refused request is answered, and what answers say of the server.

use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::{
    error::Fault,
    reader::Reader,
    value::{header_value, number, switch, text, word},
};

/// How a refused request is answered: made once from the configuration, so that a refusal allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Answer with this status and text.
    Respond {
        /// HTTP status.
        status: u16,
        /// Body, `text/html; charset=utf-8` as pyrasp's frameworks send it.
        content: Arc<str>,
    },
    /// Send the client elsewhere.
    Redirect {
        /// HTTP status, 3xx.
        status: u16,
        /// `Location`.
        location: Arc<str>,
    },
}

impl Reaction {
    /// The page where none is configured: it bears the id that a visitor is asked for.
    pub const PLAIN: &str = "Blocked. If this is a mistake, tell the operator of this site: {{id}}";
    /// The page of pyrasp where none is configured.
    pub const PYRASPS: &str = "Blocked";

    /// Whether it answers with a page of those who have configured none.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Respond { content, .. } if [Self::PLAIN, Self::PYRASPS].contains(&&**content))
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Respond { status, .. } | Self::Redirect { status, .. } => *status,
        }
    }

    /// This reaction with a text in the place of `placeholder`, in content and location. Shares what holds none.
    #[must_use]
    pub fn filled(&self, placeholder: &str, text: &dyn std::fmt::Display) -> Self {
        let fill = |template: &Arc<str>| match template.contains(placeholder) {
            true => template.replace(placeholder, &text.to_string()).into(),
            false => Arc::clone(template),
        };
        match self {
            Self::Respond { status, content } => Self::Respond {
                status: *status,
                content: fill(content),
            },
            Self::Redirect { status, location } => Self::Redirect {
                status: *status,
                location: fill(location),
            },
        }
    }
}

/// The `BLACKLIST_…` and `BLOCK_…` keys, `CHANGE_SERVER` and `SERVER_HEADER`.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) banned: Reaction,
    pub(super) blocked: Reaction,
    /// Whether somebody has said with which status all refusals are answered.
    pub(super) says_status: bool,
    pub(super) throttled: Reaction,
    pub(super) no_bans: bool,
    pub(super) shares: bool,
    pub(super) server: Option<String>,
}

impl Answers {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let change_server = reader.read("CHANGE_SERVER", switch);
        let server = reader.read("SERVER_HEADER", header_value);
        let blocked = Reaction::read(reader, "BLOCK");
        Self {
            banned: Reaction::read(reader, "BLACKLIST").unless_chosen(reader, &blocked),
            throttled: Reaction::throttled(reader, &blocked),
            says_status: blocked.says_status(reader),
            blocked,
            no_bans: reader.read("BLACKLIST_OVERRIDE", switch),
            shares: reader.read("BLACKLIST_SHARE", switch),
            server: change_server.then_some(server),
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Action {
    #[default]
    Block,
    Redirect,
}

/// The redirects that every client follows to `Location` (RFC 9110, section 15.4).
const REDIRECTS: [u32; 5] = [301, 302, 303, 307, 308];

/// What a redirect is sent with where no status is given: the temporary one, which no client remembers.
const FOUND: u32 = 302;

impl Reaction {
    fn read(reader: &mut Reader, prefix: &str) -> Self {
        /// It is sent with every refusal, to those who ask for nothing better than traffic: 64 KiB is a generous page.
        const PAGE: usize = 64 << 10;
        let key = |rest: &str| format!("{prefix}_{rest}");
        let actions = [("block", Action::Block), ("redirect", Action::Redirect)];
        let action = reader.read(&key("ACTION"), |value| word(value, &actions));
        let status = reader.read(&key("STATUS_CODE"), |value| number(value, &(200..=599), ""));
        let content: String = reader.read(&key("ACTION_CONTENT"), |value| text(value, PAGE));
        match action {
            Action::Block => Self::Respond {
                status: narrow(status),
                content: content.into(),
            },
            Action::Redirect => {
                let status = redirect_status(reader, &key("STATUS_CODE"), status);
                check_location(reader, &key("ACTION_CONTENT"), &content);
                Self::Redirect {
                    status: narrow(status),
                    location: content.into(),
                }
            }
        }
    }
}

/// What answered every refusal before a ban had keys of its own, as the documentation of pyrasp's cloud operations shows it:
/// spelling, the key that it is now, and that of bans.
const FOR_ALL: [(&str, &str, &str); 2] = [
    ("DENY_STATUS_CODE", "BLOCK_STATUS_CODE", "BLACKLIST_STATUS_CODE"),
    ("GTFO_MSG", "BLOCK_ACTION_CONTENT", "BLACKLIST_ACTION_CONTENT"),
];

impl Reaction {
    /// The answer to the banned where `GTFO_MSG` or `DENY_STATUS_CODE` is in force and no key of bans says otherwise.
    fn unless_chosen(self, reader: &Reader, blocked: &Self) -> Self {
        let applies = |(spelling, key, of_bans): (&str, &str, &str)| {
            reader.is_spelt(key, spelling) && !reader.is_chosen(of_bans) && !reader.is_chosen("BLACKLIST_ACTION")
        };
        let [says_status, says_content] = FOR_ALL.map(applies);
        match (self, blocked) {
            (
                Self::Respond { status, content },
                Self::Respond {
                    status: all_status,
                    content: all_content,
                },
            ) => Self::Respond {
                status: if says_status { *all_status } else { status },
                content: if says_content { Arc::clone(all_content) } else { content },
            },
            (own, _) => own,
        }
    }
}

impl Reaction {
    /// Whether the status of refusals was chosen for all of them. `BLOCK_STATUS_CODE` with what it is
    /// anyway stands in every configuration that is written out whole; who writes `DENY_STATUS_CODE`
    /// means it, whatever it is.
    fn says_status(&self, reader: &Reader) -> bool {
        /// The status of a refusal that nobody configured.
        const FORBIDDEN: u16 = 403;
        self.status() != FORBIDDEN || reader.is_spelt("BLOCK_STATUS_CODE", "DENY_STATUS_CODE")
    }

    /// `FLOOD_STATUS_CODE`, with the content of a refusal. Where none is given and refusals are configured, that is what a throttled
    /// request is answered with too.
    fn throttled(reader: &mut Reader, blocked: &Self) -> Self {
        /// RFC 6585, section 4: what clients know how to wait for.
        const TOO_MANY_REQUESTS: u16 = 429;
        /// What people read who were too fast.
        const WAIT: &str = "Too many requests";
        let own = reader.read("FLOOD_STATUS_CODE", |value| {
            let is_status = |number: &u32| *number == 0 || (400..=599).contains(number);
            let found = number(value, &(0..=599), "").ok().filter(is_status);
            found.ok_or_else(|| Fault::new(value, "0, or a status from 400 to 599"))
        });
        match (own, blocked) {
            (0, Self::Redirect { .. }) => blocked.clone(),
            (0, Self::Respond { .. }) if blocked.says_status(reader) => blocked.clone(),
            (own, Self::Respond { content, .. }) => Self::Respond {
                status: if own == 0 { TOO_MANY_REQUESTS } else { narrow(own) },
                content: if reader.is_chosen("BLOCK_ACTION_CONTENT") {
                    Arc::clone(content)
                } else {
                    WAIT.into()
                },
            },
            (own, Self::Redirect { .. }) => Self::Respond {
                status: narrow(own),
                content: WAIT.into(),
            },
        }
    }
}

/// A status was checked to be below 600.
fn narrow(status: u32) -> u16 {
    u16::try_from(status).unwrap_or(u16::MAX)
}

fn redirect_status(reader: &mut Reader, key: &str, status: u32) -> u32 {
    if !reader.is_chosen(key) {
        return FOUND;
    }
    if !REDIRECTS.contains(&status) {
        let choice = REDIRECTS.map(|status| status.to_string()).join(", ");
        reader.problem(
            key,
            &status.to_string(),
            format!("{choice} where the action is redirect"),
        );
    }
    status
}

fn check_location(reader: &mut Reader, key: &str, location: &str) {
    let header_safe = location.bytes().all(|byte| byte.is_ascii_graphic());
    let absolute = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let names_a_place = location.starts_with('/') || Url::parse(location).is_ok_and(absolute);
    if !(header_safe && names_a_place) {
        let found = Value::from(location).to_string();
        let allowed = "a URL with http or https, or a path that begins with /, where the action is redirect";
        reader.problem(key, &found, allowed.to_owned());
    }
}
