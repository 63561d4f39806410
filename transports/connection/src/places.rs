//! Where the agent may send its key, and how places are named to people.

use buckler::{
    settings::{Problem, Settings, SettingsError},
    transport::is_this_machine,
};
use url::Url;

use crate::options::Options;

/// Why the agent does not talk to a place. It is named by its origin, since a path or query may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// No scheme of HTTP's, or no host.
    #[error("{0}, which is neither http:// nor https:// with a host")]
    NotHttp(String),
    /// Plain HTTP that leaves the machine.
    #[error(
        "{found}, over which the key would travel in the clear: use https://, \
         or set allow_plain_http = true in [transport.{kind}]"
    )]
    Plain {
        /// The place.
        found: String,
        /// The transport.
        kind: &'static str,
    },
}

/// The cloud URL, checked.
///
/// # Errors
/// Where there is none, or the agent must not talk to it.
pub fn cloud(settings: &Settings, options: &Options) -> Result<Url, SettingsError> {
    let origin = settings.cloud_url_origin();
    let problem = |found: String| Problem::new(origin, "agent.cloud_url", found, "the https:// URL of the server");
    let Some(cloud) = settings.agent().cloud_url.clone() else {
        return Err(problem("nothing".to_owned()).into());
    };
    check(&cloud, options).map_err(|error| problem(error.to_string()))?;
    Ok(cloud)
}

/// Whether the key may be sent there.
///
/// # Errors
/// Refuses other schemes than HTTP's, and plain HTTP unless it stays on the machine or is allowed.
pub fn check(url: &Url, options: &Options) -> Result<(), PlaceError> {
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if options.allow_plain_http || is_loopback(url) => Ok(()),
        "http" if url.has_host() => Err(PlaceError::Plain {
            found: origin(url),
            kind: options.kind,
        }),
        _other => Err(PlaceError::NotHttp(origin(url))),
    }
}

/// Whether what is sent there stays on the machine.
fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_this_machine)
}

/// Scheme, host and port, for people: without user, path and query.
#[must_use]
pub fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), authority(url))
}

/// Host and port, for people and for the `Host` header: the port only where it is not the scheme's own.
#[must_use]
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<(), String> {
        let url = url.parse().map_err(|_| "no URL".to_owned())?;
        check(&url, &Options::new("pigeon")).map_err(|error| error.to_string())
    }

    #[test]
    fn plain_http_stays_on_the_machine_unless_allowed() {
        for url in [
            "https://cloud.example.com/config",
            "http://127.0.0.1:9100/config",
            "http://127.8.0.1/",
            "http://[::1]:9100/config",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/config",
            "http://LOCALHOST./config",
            "http://cloud.localhost/",
        ] {
            assert_eq!(checked(url), Ok(()), "{url}");
        }
        for url in [
            "http://cloud.example.com/config",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
        ] {
            let error = checked(url).unwrap_err();
            assert!(
                error.contains("allow_plain_http = true in [transport.pigeon]"),
                "{error}"
            );
        }
        let options = Options {
            allow_plain_http: true,
            ..Options::new("pigeon")
        };
        check(&"http://cloud.example.com/config".parse().unwrap(), &options).unwrap();
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["ftp://127.0.0.1/", "unix:/run/buckler", "file:///etc/passwd"] {
            assert!(
                checked(url).unwrap_err().contains("neither http:// nor https://"),
                "{url}"
            );
        }
    }

    #[test]
    fn a_refusal_shows_no_path_query_or_user() {
        let error = checked("http://user:secret@cloud.example.com/secret?key=secret").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_host_header_has_a_port_only_where_it_is_not_the_schemes() {
        for (url, expected) in [
            ("https://cloud.example.com:443/", "cloud.example.com"),
            ("https://cloud.example.com:80/", "cloud.example.com:80"),
            ("http://[::1]:9100/", "[::1]:9100"),
        ] {
            assert_eq!(authority(&url.parse().unwrap()), expected);
        }
    }
}
