//! How well requests can be told apart by who sends them, and what to change where they cannot.

use std::net::IpAddr;

use serde::Serialize;

use crate::{
    guard::{Counts, Trusted, UndeclaredProxy},
    model::address::{PRIVATE, to_text},
};

/// How well requests can be told apart by who sends them. Where they cannot, they are judged, and their client is never banned,
/// throttled or looked up in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Clients {
    /// Requests that came without an address, since start.
    pub without_address: u64,
    /// Requests that a proxy passed on which no setting declares, since start.
    pub unknown: u64,
    /// These proxies, as far as they were seen; the first eight.
    pub undeclared_proxies: Vec<IpAddr>,
    /// The lines to add to `[agent]` for them.
    pub undeclared_remedy: Option<String>,
    /// What to do about requests without an address.
    pub address_remedy: Option<&'static str>,
}

impl Clients {
    pub(crate) fn new(
        counts: Counts,
        seen: Vec<UndeclaredProxy>,
        trusted: &Trusted,
        address_remedy: &'static str,
    ) -> Self {
        Self {
            without_address: counts.without_address,
            unknown: counts.of_unknown_clients,
            undeclared_remedy: (!seen.is_empty()).then(|| remedy(&seen, trusted)),
            undeclared_proxies: seen.into_iter().map(|proxy| proxy.address).collect(),
            address_remedy: (counts.without_address > 0).then_some(address_remedy),
        }
    }

    /// What somebody should look at.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = String> + '_ {
        let undeclared = self.undeclared_remedy.iter().map(|remedy| {
            let proxies: Vec<String> = self.undeclared_proxies.iter().map(IpAddr::to_string).collect();
            let proxies = proxies.join(", ");
            format!(
                "clients are unknown: {proxies} passes requests on and names clients in a way that no setting declares; \
                 to [agent], add {remedy}"
            )
        });
        let bare = self.address_remedy.iter().map(|remedy| {
            let requests = self.without_address;
            format!("clients are unknown: {requests} requests came without an address; {remedy}")
        });
        undeclared.chain(bare)
    }
}

/// The lines that declare these proxies beside those that are declared: a list in a settings file replaces the one beneath it.
fn remedy(seen: &[UndeclaredProxy], trusted: &Trusted) -> String {
    let declared = trusted.proxies().networks();
    let has_private = PRIVATE.iter().all(|network| declared.contains(network));
    let word = has_private.then(|| "private".to_owned());
    let others = declared
        .iter()
        .filter(|network| !(has_private && PRIVATE.contains(network)));
    let is_declared = |proxy: &&UndeclaredProxy| trusted.proxies().contains(proxy.address);
    let mut lines = Vec::new();
    if !seen.iter().all(|proxy| is_declared(&proxy)) {
        let new = seen.iter().filter(|proxy| !is_declared(proxy));
        let all = word
            .into_iter()
            .chain(others.map(|network| to_text(*network)))
            .chain(new.map(|proxy| proxy.address.to_string()));
        let list: Vec<String> = all.map(|text| format!("{text:?}")).collect();
        lines.push(format!("trusted_proxies = [{}]", list.join(", ")));
    }
    // a chain is read by default, unless the settings name another header
    if let Some(proxy) = seen
        .first()
        .filter(|proxy| !proxy.header.is_chain() || is_declared(proxy))
    {
        lines.push(format!("client_ip_header = {:?}", proxy.header.name()));
    }
    lines.join(" and ")
        + " (\"private\" in trusted_proxies stands for every private network, for proxies whose addresses change)"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::NamingHeader;

    fn proxy(address: &str, header: NamingHeader) -> UndeclaredProxy {
        let address = address.parse().unwrap();
        UndeclaredProxy { address, header }
    }

    fn clients(seen: Vec<UndeclaredProxy>, declared: &[&str]) -> Clients {
        let declared = declared.iter().map(|network| network.parse().unwrap());
        Clients::new(Counts::default(), seen, &Trusted::new(declared, []), "remedy")
    }

    #[test]
    fn the_line_declares_what_was_seen_beside_what_is_declared() {
        let forwarded = proxy("172.18.0.2", NamingHeader::XForwardedFor);
        let line = |seen, declared: &[&str]| clients(seen, declared).undeclared_remedy.unwrap();
        assert!(line(vec![forwarded], &[]).starts_with("trusted_proxies = [\"172.18.0.2\"] ("));
        let real = proxy("fd00::7", NamingHeader::XRealIp);
        assert!(line(vec![real, forwarded], &["192.0.2.0/24"]).starts_with(
            "trusted_proxies = [\"192.0.2.0/24\", \"fd00::7\", \"172.18.0.2\"] and client_ip_header = \"x-real-ip\""
        ));
        assert!(
            line(vec![real], &["fd00::/8"]).starts_with("client_ip_header = \"x-real-ip\" ("),
            "a proxy that is declared already"
        );
        assert_eq!(clients(Vec::new(), &[]), Clients::default());
    }

    #[test]
    fn what_is_wrong_is_an_alarm_with_its_remedy() {
        let mut clients = clients(vec![proxy("172.18.0.2", NamingHeader::Forwarded)], &[]);
        clients.without_address = 3;
        clients.address_remedy = Some("tell them");
        let alarms: Vec<String> = clients.alarms().collect();
        assert!(alarms[0].contains("172.18.0.2 passes requests on") && alarms[0].contains("trusted_proxies = ["));
        assert!(alarms[1].ends_with("3 requests came without an address; tell them"));
        assert_eq!(Clients::default().alarms().count(), 0);
    }
}
