//! Where the agent may send its key: the operator's cloud URL, and beacon URLs of the same host.
//!
//! A server chooses a path and a port, never a host (rule 5 of the protocol): what arrives in a configuration could otherwise
//! turn a fleet into a tool against third parties, or lead it from an encrypted connection to a plain one.

use buckler::transport::TransportError;
use buckler_connection::{
    options,
    places::{self, PlaceError, origin},
};
use url::Url;

use crate::options::Options;

/// The places one agent may talk to.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    cloud: Url,
    options: options::Options,
    beacon_hosts: Vec<String>,
}

/// Why the agent does not send beacons to a place. It is named by its origin, since a path or query may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum BeaconError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("{found}, which leads from the https:// of {cloud} to plain http://")]
    Downgrade { found: String, cloud: String },
    #[error("{found}, which is not the host of {cloud} and not among beacon_hosts in [transport.http-polling]")]
    OtherHost { found: String, cloud: String },
}

impl Places {
    /// The places around a cloud URL that was checked.
    pub(crate) fn new(cloud: Url, options: &Options) -> Self {
        Self {
            cloud,
            options: options.connection.clone(),
            beacon_hosts: options.beacon_hosts.clone(),
        }
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

    /// The same path at the cloud URL's own origin, where a place is at another: a server behind a
    /// proxy that changes `Host` names itself by an address that only the proxy can reach.
    pub(crate) fn at_home(&self, place: &Url) -> Option<Url> {
        if origin(place) == origin(&self.cloud) {
            return None;
        }
        let mut home = self.cloud.clone();
        home.set_path(place.path());
        home.set_query(place.query());
        Some(home)
    }

    fn check_beacon(&self, named: &Url) -> Result<(), BeaconError> {
        places::check(named, &self.options)?;
        let (found, cloud) = (origin(named), origin(&self.cloud));
        let host = named.host_str().unwrap_or_default();
        let listed = self.beacon_hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host));
        if !listed && named.host() != self.cloud.host() {
            return Err(BeaconError::OtherHost { found, cloud });
        }
        if named.scheme() == "http" && self.cloud.scheme() == "https" {
            return Err(BeaconError::Downgrade { found, cloud });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(cloud: &str) -> Places {
        Places::new(cloud.parse().unwrap(), &Options::default())
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
        let mut options = Options {
            beacon_hosts: vec!["B.example".into()],
            ..Options::default()
        };
        options.connection.allow_plain_http = true;
        let places = Places::new("https://c.example/config".parse().unwrap(), &options);
        assert!(places.beacon(Some("https://b.example/b".parse().unwrap())).is_ok());
        let error = places.beacon(Some("http://b.example/b".parse().unwrap())).unwrap_err();
        assert!(error.to_string().contains("to plain http://"), "{error}");
    }
}
