//! The transports over which the suites run, each with short deadlines. One more is a constant here and a line in
//! [`over_every_transport`].

use std::{any::Any, fmt};

use buckler::{Agent, AgentBuilder, settings::SettingsBuilder};
use buckler_examples::{custom_transport, relay::Relay};

/// How long an exchange may take: long on a busy machine, short for a test that waits for a server that never answers.
pub(crate) const TIMEOUT: &str = "1s";

/// How often a WebSocket asks for a sign of life, and how long it then waits.
pub(crate) const SHORT: &str = "500ms";

/// One transport.
#[derive(Clone, Copy)]
pub(crate) struct Rig {
    pub(crate) kind: &'static str,
    /// What the status may call it once it is in step.
    pub(crate) carried_by: &'static str,
    /// Short deadlines: option tables of `[transport]`, keys and values.
    options: &'static [(&'static str, &'static str, &'static str)],
    build: fn(SettingsBuilder) -> (AgentBuilder, Held),
}

/// What must live as long as the agent.
pub(crate) type Held = Option<Box<dyn Any + Send + Sync>>;

pub(crate) const HTTP_POLLING: Rig = Rig {
    kind: "http-polling",
    carried_by: "http-polling",
    options: &[("http-polling", "timeout", TIMEOUT)],
    build: shipped,
};

pub(crate) const WEBSOCKET: Rig = Rig {
    kind: "websocket",
    carried_by: "websocket",
    options: &[
        ("websocket", "timeout", TIMEOUT),
        ("websocket", "ping_every", SHORT),
        ("websocket", "ping_timeout", SHORT),
    ],
    build: shipped,
};

pub(crate) const AUTO: Rig = Rig {
    kind: "auto",
    carried_by: "websocket",
    options: &[
        ("auto", "return_after", "1s"),
        ("http-polling", "timeout", TIMEOUT),
        ("websocket", "timeout", TIMEOUT),
        ("websocket", "ping_every", SHORT),
        ("websocket", "ping_timeout", SHORT),
    ],
    build: shipped,
};

/// `auto` that asks for signs of life as seldom as it does by default.
pub(crate) const PATIENT: Rig = Rig {
    kind: "auto",
    carried_by: "websocket",
    options: &[("auto", "return_after", "1s")],
    build: shipped,
};

pub(crate) const DIRECTORY: Rig = Rig {
    kind: custom_transport::KIND,
    carried_by: custom_transport::KIND,
    options: &[(custom_transport::KIND, "timeout", TIMEOUT)],
    build: by_mail,
};

impl Rig {
    /// An agent that speaks over this transport.
    pub(crate) fn build(self, settings: SettingsBuilder) -> (AgentBuilder, Held) {
        let settings = self.options.iter().fold(settings, |settings, (section, key, value)| {
            settings.transport_option(section, key, *value)
        });
        (self.build)(settings.transport(self.kind))
    }
}

/// Settings that believe this authority, whichever transport reads them.
pub(crate) fn believing(rig: Rig, settings: SettingsBuilder, ca_file: &str) -> SettingsBuilder {
    settings.transport_option(rig.kind, "ca_file", ca_file)
}

impl fmt::Debug for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

fn shipped(settings: SettingsBuilder) -> (AgentBuilder, Held) {
    (buckler_actix_web::builder(settings.build().unwrap()).unwrap(), None)
}

/// Each agent has a directory and a postman of its own.
fn by_mail(settings: SettingsBuilder) -> (AgentBuilder, Held) {
    let mail = tempfile::tempdir().unwrap();
    let settings = settings
        .transport_option(custom_transport::KIND, "path", mail.path().to_str().unwrap())
        .build()
        .unwrap();
    let (cloud, _) = settings.cloud().expect("a server to carry mail to");
    let relay = Relay::start(mail.path(), &cloud).unwrap();
    let builder = Agent::builder(settings.clone())
        .platform("actix-web")
        .transport(custom_transport::factory(&settings).unwrap());
    (builder, Some(Box::new((relay, mail))))
}

/// Makes a test of each behaviour over each transport: `websocket::it_is_told`, …
macro_rules! over_every_transport {
    ($($behaviour:ident),* $(,)?) => {
        crate::rig::over! { http_polling = HTTP_POLLING: $($behaviour),* }
        crate::rig::over! { websocket = WEBSOCKET: $($behaviour),* }
        crate::rig::over! { auto = AUTO: $($behaviour),* }
        crate::rig::over! { directory = DIRECTORY: $($behaviour),* }
    };
}

/// As [`over_every_transport`], over the two that an agent has a choice of.
macro_rules! over_both_transports {
    ($($behaviour:ident),* $(,)?) => {
        crate::rig::over! { http_polling = HTTP_POLLING: $($behaviour),* }
        crate::rig::over! { websocket = WEBSOCKET: $($behaviour),* }
    };
}

macro_rules! over {
    ($module:ident = $rig:ident: $($behaviour:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $behaviour() {
                    super::$behaviour(crate::rig::$rig);
                }
            )*
        }
    };
}

pub(crate) use {over, over_both_transports, over_every_transport};
