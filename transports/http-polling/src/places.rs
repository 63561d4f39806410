//! Where the agent may send its key: the operator's cloud URL, and beacon URLs of the same host.
//!
//! A server chooses a path and a port, never a host (rule 5 of the protocol): what arrives in a configuration could otherwise
//! turn a fleet into a tool against third parties, or lead it from an encrypted connection to a plain one.

use buckler::transport::TransportError;
use url::{Host, Url};

use crate::options::Options;

/// The places one agent may talk to.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    cloud: Url,
    allow_plain_http: bool,
    beacon_hosts: Vec<String>,
}

/// Why the agent does not talk to a place. It is named by its origin, since a path or query may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("{0}, which is neither http:// nor https:// with a host")]
    NotHttp(String),
    #[error(
        "{0}, over which the key would travel in the clear: use https://, \
         or set allow_plain_http = true in [transport.http-polling]"
    )]
    Plain(String),
    #[error("{found}, which leads from the https:// of {cloud} to plain http://")]
    Downgrade { found: String, cloud: String },
    #[error("{found}, which is not the host of {cloud} and not among beacon_hosts in [transport.http-polling]")]
    OtherHost { found: String, cloud: String },
}

impl Places {
    /// Checks where the operator sends the agent.
    ///
    /// # Errors
    /// Refuses other schemes than HTTP's, and plain HTTP unless it stays on the machine or is allowed.
    pub(crate) fn new(cloud: Url, options: &Options) -> Result<Self, PlaceError> {
        check_scheme(&cloud, options.allow_plain_http)?;
        let Options {
            allow_plain_http,
            ref beacon_hosts,
            ..
        } = *options;
        Ok(Self {
            cloud,
            allow_plain_http,
            beacon_hosts: beacon_hosts.clone(),
        })
    }

    /// Where to register.
    pub(crate) fn cloud(&self) -> &Url {
        &self.cloud
    }

    /// Where to send beacons: the URL that the configuration names, else the cloud URL with its last segment replaced by
    /// `beacon` (`…/config` → `…/beacon`).
    ///
    /// # Errors
    /// Refuses a URL that the operator's settings do not cover.
    pub(crate) fn beacon(&self, named: Option<Url>) -> Result<Url, TransportError> {
        let Some(named) = named else {
            return self
                .cloud
                .join("beacon")
                .map_err(|error| TransportError::Unusable(error.to_string()));
        };
        match self.check_beacon(&named) {
            Ok(()) => Ok(named),
            Err(error) => Err(TransportError::Unusable(format!("BEACON_URL is at {error}"))),
        }
    }

    fn check_beacon(&self, named: &Url) -> Result<(), PlaceError> {
        check_scheme(named, self.allow_plain_http)?;
        let (found, cloud) = (origin(named), origin(&self.cloud));
        let host = named.host_str().unwrap_or_default();
        let listed = self.beacon_hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host));
        if !listed && named.host() != self.cloud.host() {
            return Err(PlaceError::OtherHost { found, cloud });
        }
        if named.scheme() == "http" && self.cloud.scheme() == "https" {
            return Err(PlaceError::Downgrade { found, cloud });
        }
        Ok(())
    }
}

fn check_scheme(url: &Url, allow_plain_http: bool) -> Result<(), PlaceError> {
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if allow_plain_http || is_loopback(url) => Ok(()),
        "http" if url.has_host() => Err(PlaceError::Plain(origin(url))),
        _other => Err(PlaceError::NotHttp(origin(url))),
    }
}

/// Whether what is sent there stays on the machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

/// Scheme, host and port, for people: without user, path and query.
pub(crate) fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), authority(url))
}

/// Host and port, for people and for the `Host` header: the port only where it is not the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(cloud: &str) -> Places {
        Places::new(cloud.parse().unwrap(), &Options::default()).unwrap()
    }

    fn refused(cloud: &str) -> String {
        Places::new(cloud.parse().unwrap(), &Options::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn plain_http_stays_on_the_machine_unless_allowed() {
        for cloud in [
            "https://cloud.example.com/config",
            "http://127.0.0.1:9100/config",
            "http://127.8.0.1/",
            "http://[::1]:9100/config",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost/config",
            "http://LOCALHOST./config",
            "http://cloud.localhost/",
        ] {
            places(cloud);
        }
        for cloud in [
            "http://cloud.example.com/config",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
        ] {
            assert!(refused(cloud).contains("allow_plain_http"), "{cloud}");
        }
        let options = Options {
            allow_plain_http: true,
            ..Options::default()
        };
        Places::new("http://cloud.example.com/config".parse().unwrap(), &options).unwrap();
    }

    #[test]
    fn other_schemes_are_refused() {
        for cloud in ["ftp://127.0.0.1/", "unix:/run/buckler", "file:///etc/passwd"] {
            assert!(refused(cloud).contains("neither http:// nor https://"), "{cloud}");
        }
    }

    #[test]
    fn a_refusal_shows_no_path_query_or_user() {
        assert!(!refused("http://user:secret@cloud.example.com/secret?key=secret").contains("secret"));
    }

    #[test]
    fn without_a_beacon_url_the_last_segment_is_replaced() {
        for (cloud, beacon) in [
            ("https://c.example/config", "https://c.example/beacon"),
            ("https://c.example", "https://c.example/beacon"),
            ("https://c.example/api/config?profile=1", "https://c.example/api/beacon"),
            ("https://c.example/shop/", "https://c.example/shop/beacon"),
        ] {
            assert_eq!(places(cloud).beacon(None).unwrap().as_str(), beacon);
        }
    }

    #[test]
    fn a_server_may_choose_the_path_and_port_but_not_the_host() {
        let places = places("https://c.example/config");
        for beacon in ["https://c.example/b", "https://C.EXAMPLE:8443/b"] {
            assert_eq!(places.beacon(Some(beacon.parse().unwrap())).unwrap().path(), "/b");
        }
        for (beacon, reason) in [
            ("https://d.example/b", "not the host"),
            ("https://c.example.d.example/b", "not the host"),
            ("http://c.example/b", "in the clear"),
            ("http://127.0.0.1/b", "not the host"),
            ("ftp://c.example/b", "neither http"),
        ] {
            let error = places.beacon(Some(beacon.parse().unwrap())).unwrap_err();
            assert!(
                matches!(&error, TransportError::Unusable(text) if text.contains(reason)),
                "{error}"
            );
        }
    }

    #[test]
    fn listed_hosts_are_allowed_and_still_not_in_the_clear() {
        let options = Options {
            beacon_hosts: vec!["B.example".into()],
            allow_plain_http: true,
            ..Options::default()
        };
        let places = Places::new("https://c.example/config".parse().unwrap(), &options).unwrap();
        assert!(places.beacon(Some("https://b.example/b".parse().unwrap())).is_ok());
        let error = places.beacon(Some("http://b.example/b".parse().unwrap())).unwrap_err();
        assert!(error.to_string().contains("to plain http://"), "{error}");
    }
}
