//! Picks the transport that the settings name, so that neither the core nor an adapter knows any.
//!
//! | `[transport] kind` | crate | |
//! |---|---|---|
//! | `http-polling` | `buckler-http-polling` | a request for every registration and beacon; where nothing is named |
//! | `websocket` | `buckler-websocket` | one connection, over which the server also pushes |
//! | `auto` | this one | the WebSocket where it can be had, and polling where it cannot |
//!
//! Each but `auto` documents its options; those of both apply to it, and one of its own:
//! ```toml
//! [transport]
//! kind = "auto"
//!
//! [transport.auto]
//! return_after = "1m"          # how long polling goes on before the WebSocket is tried again; doubles up to 10m while it fails
//! ```

mod auto;

use buckler::{
    Agent, AgentBuilder,
    settings::{Settings, SettingsError},
    transport::TransportFactory,
};

/// Starts an agent with the transport that its settings name.
///
/// ```
/// # use std::time::Duration;
/// # use buckler::Settings;
/// let agent = buckler_transports::start(Settings::builder().build()?)?;
/// let guard = agent.guard();
/// // … serve, and at the end
/// agent.shutdown(Duration::from_secs(5));
/// # Ok::<(), buckler::settings::SettingsError>(())
/// ```
///
/// # Errors
/// As [`pick`]. A server that is down, slow or lying is no error: the agent guards, and goes on trying.
pub fn start(settings: Settings) -> Result<Agent, SettingsError> {
    builder(settings).map(AgentBuilder::start)
}

/// An agent with the transport that its settings name, not yet started: for an adapter, which adds its framework and routes.
///
/// # Errors
/// As [`pick`].
pub fn builder(settings: Settings) -> Result<AgentBuilder, SettingsError> {
    let transport = pick(&settings)?;
    let builder = Agent::builder(settings).transport_by(pick);
    Ok(match transport {
        Some(factory) => builder.transport(factory),
        None => builder,
    })
}

/// Every transport by its kind.
const TRANSPORTS: &[(&str, Make)] = &[
    (buckler_http_polling::KIND, buckler_http_polling::factory),
    (buckler_websocket::KIND, buckler_websocket::factory),
    (auto::KIND, auto::factory),
];

type Make = fn(&Settings) -> Result<TransportFactory, SettingsError>;

/// The transport that the settings name, or `None` where they name no server or no key and the agent guards by itself.
///
/// ```
/// use buckler::settings::Settings;
/// let settings = Settings::builder().cloud_url("https://cloud.example.com/config").key("0b7e2d54").build()?;
/// assert!(buckler_transports::pick(&settings)?.is_some());
/// assert!(buckler_transports::pick(&Settings::builder().build()?)?.is_none());
/// # Ok::<(), buckler::settings::SettingsError>(())
/// ```
///
/// # Errors
/// Names a kind or a table of a transport that does not exist, with those that do, and whatever is wrong with the options of the
/// one that is used.
pub fn pick(settings: &Settings) -> Result<Option<TransportFactory>, SettingsError> {
    let kinds: Vec<_> = TRANSPORTS.iter().map(|(kind, _)| *kind).collect();
    settings.transport().check_kinds(&kinds)?;
    let wanted = settings.transport().kind();
    let found = TRANSPORTS.iter().find(|(kind, _)| *kind == wanted);
    match (found, settings.cloud()) {
        (Some((_, make)), Some(_)) => make(settings).map(Some),
        _alone => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use buckler::settings::SettingsBuilder;

    use super::*;

    fn settings() -> SettingsBuilder {
        Settings::builder()
            .cloud_url("https://cloud.example.com/config")
            .key("0b7e2d54")
    }

    fn picked(settings: SettingsBuilder) -> Result<bool, String> {
        let picked = settings.build().and_then(|settings| pick(&settings));
        picked.map(|found| found.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_transport_that_is_named_is_made() {
        assert_eq!(picked(settings()), Ok(true));
        for (kind, _) in TRANSPORTS {
            let settings = settings().transport(*kind).build().unwrap();
            let transport = pick(&settings).unwrap().unwrap()().unwrap();
            // before its first exchange `auto` is what it prefers to be
            let expected = if *kind == auto::KIND {
                buckler_websocket::KIND
            } else {
                kind
            };
            assert_eq!(transport.kind(), expected);
        }
    }

    #[test]
    fn without_a_server_or_a_key_there_is_none() {
        assert_eq!(picked(Settings::builder()), Ok(false));
        assert_eq!(
            picked(Settings::builder().cloud_url("https://cloud.example.com/config")),
            Ok(false)
        );
        assert_eq!(picked(Settings::builder().key("0b7e2d54")), Ok(false));
    }

    #[test]
    fn an_unknown_kind_is_refused_with_those_that_exist() {
        let error = picked(settings().transport("carrier-pigeon")).unwrap_err();
        assert!(
            error.contains("transport.kind") && error.contains("carrier-pigeon"),
            "{error}"
        );
        assert!(error.contains("\"http-polling\""), "{error}");
        let error = picked(settings().transport_option("carrier-pigeon", "birds", 3)).unwrap_err();
        assert!(error.contains("transport.carrier-pigeon"), "{error}");
    }

    #[test]
    fn options_are_those_of_the_transport() {
        for table in ["auto", "websocket", "http-polling"] {
            let error = picked(settings().transport("auto").transport_option(table, "birds", 3)).unwrap_err();
            assert!(error.contains(&format!("transport.{table}.birds")), "{error}");
        }
        for wrong in ["0s", "11m"] {
            let settings = settings()
                .transport("auto")
                .transport_option("auto", "return_after", wrong);
            let error = picked(settings).unwrap_err();
            assert!(error.contains("transport.auto.return_after: found"), "{error}");
        }
        let error = picked(settings().transport_option("http-polling", "birds", 3)).unwrap_err();
        assert!(error.contains("transport.http-polling.birds"), "{error}");
    }
}
