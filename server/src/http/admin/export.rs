//! Lists for other programs in the admin API: what firewalls and servers read, with an `ETag`, so
//! that one who asks every minute is sent a list only when it has changed.

use std::fmt::{self, Write as _};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use ipnet::IpNet;

use super::{blacklist::known_fleet, query, routes::Asker};
use crate::{
    http::{reply::Refusal, state::State},
    list::is_exact,
};

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A network a line.
    Plain,
    /// For `nft -f`: the table `inet buckler` is replaced in one transaction.
    Nftables,
    /// For `ipset restore`: the sets `buckler4` and `buckler6` are swapped with new ones.
    Ipset,
    /// For `include` in nginx: `deny` lines.
    Nginx,
    /// For `acl … src -f` in HAProxy: a network a line.
    Haproxy,
}

impl Format {
    const ALL: [(&'static str, Self); 5] = [
        ("plain", Self::Plain),
        ("nftables", Self::Nftables),
        ("ipset", Self::Ipset),
        ("nginx", Self::Nginx),
        ("haproxy", Self::Haproxy),
    ];

    fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, format)| *format)
    }
}

pub(super) async fn list(
    asker: Asker,
    request: HttpRequest,
    format: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        fleet: Option<String>,
    }
    let format = Format::named(&format).ok_or_else(|| {
        let allowed = Format::ALL.map(|(name, _)| name).join(", ");
        Refusal::new(
            actix_web::http::StatusCode::NOT_FOUND,
            format!("format: found {:?}, allowed are {allowed}", format.as_str()),
        )
    })?;
    let Asked { fleet } = query(&request)?;
    let fleet = known_fleet(&asker, &state, fleet)?;
    let known = request.headers().get(header::IF_NONE_MATCH);
    let known = known
        .and_then(|known| known.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let read = state.owner.ask(move |node, now| {
        let list = node.store.list(&fleet)?;
        let head = list.head();
        let tag = format!("\"{}-{}-{format:?}\"", head.epoch, head.rev);
        if known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag)
        {
            return Ok((tag, None));
        }
        let active = list.entries_after(None).filter(|(_, entry)| entry.end > now.tick);
        Ok((tag, Some(active.map(|(network, _)| network).collect::<Vec<IpNet>>())))
    });
    let (tag, networks) = read.await?;
    let mut response = match &networks {
        Some(_) => HttpResponse::Ok(),
        None => HttpResponse::NotModified(),
    };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
    Ok(match networks {
        Some(networks) => response
            .content_type("text/plain; charset=utf-8")
            .body(written(format, &networks)),
        None => response.finish(),
    })
}

fn written(format: Format, networks: &[IpNet]) -> String {
    match format {
        Format::Plain | Format::Haproxy => lines(networks, "", ""),
        Format::Nginx => lines(networks, "deny ", ";"),
        Format::Nftables => nftables(networks),
        Format::Ipset => ipset(networks),
    }
}

fn lines(networks: &[IpNet], before: &str, after: &str) -> String {
    let mut text = String::new();
    for network in networks {
        let network = Plain(*network);
        // a text takes everything
        let _ = writeln!(text, "{before}{network}{after}");
    }
    text
}

/// A network as [`to_text`](buckler::model::address::to_text) has it, written without one.
struct Plain(IpNet);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_exact(self.0) {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

/// The networks of IPv4, and those of IPv6.
fn by_family(networks: &[IpNet]) -> [impl Iterator<Item = Plain>; 2] {
    [true, false].map(|is_v4| {
        let family = networks
            .iter()
            .filter(move |network| matches!(network, IpNet::V4(_)) == is_v4);
        family.map(|network| Plain(*network))
    })
}

fn nftables(networks: &[IpNet]) -> String {
    // the table is made before it is deleted, since it may not be there; all of it is one
    // transaction
    let mut text = "table inet buckler\ndelete table inet buckler\ntable inet buckler {\n".to_owned();
    let sets = [("banned4", "ipv4_addr"), ("banned6", "ipv6_addr")];
    for ((name, kind), networks) in sets.into_iter().zip(by_family(networks)) {
        let _ = writeln!(
            text,
            "\tset {name} {{\n\t\ttype {kind}\n\t\tflags interval\n\t\tauto-merge"
        );
        let mut networks = networks.peekable();
        // only a set that has elements may name them
        if networks.peek().is_some() {
            text.push_str("\t\telements = { ");
            let mut between = "";
            for network in networks {
                let _ = write!(text, "{between}{network}");
                between = ",\n\t\t\t";
            }
            text.push_str(" }\n");
        }
        text.push_str("\t}\n");
    }
    text.push_str(
        "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr @banned4 drop\n\
         \t\tip6 saddr @banned6 drop\n\t}\n}\n",
    );
    text
}

fn ipset(networks: &[IpNet]) -> String {
    /// How a set is made, whatever is in it: `-exist` takes one that is there with the same options
    /// alone, as `bucklerctl export` makes it too. 2^24 networks cost nothing until they come.
    const OPTIONS: &str = "timeout 0 maxelem 16777216 -exist";
    let mut text = String::new();
    let sets = [("buckler4", "inet"), ("buckler6", "inet6")];
    for ((name, family), networks) in sets.into_iter().zip(by_family(networks)) {
        let set = format!("hash:net family {family} {OPTIONS}");
        // a run that was cut short leaves the second set behind
        let _ = writeln!(text, "create {name} {set}\ncreate {name}-next {set}\nflush {name}-next");
        for network in networks {
            let _ = writeln!(text, "add {name}-next {network} -exist");
        }
        let _ = writeln!(text, "swap {name}-next {name}\ndestroy {name}-next");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_what_its_reader_takes() {
        let networks: Vec<IpNet> = ["192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .to_vec();
        let written = |format| written(format, &networks);
        assert_eq!(written(Format::Plain), "192.0.2.7\n198.51.100.0/24\n2001:db8::/32\n");
        assert_eq!(written(Format::Haproxy), written(Format::Plain));
        assert_eq!(
            written(Format::Nginx),
            "deny 192.0.2.7;\ndeny 198.51.100.0/24;\ndeny 2001:db8::/32;\n"
        );
        let nft = written(Format::Nftables);
        assert!(
            nft.contains("elements = { 192.0.2.7,\n\t\t\t198.51.100.0/24 }"),
            "{nft}"
        );
        assert!(
            nft.contains("elements = { 2001:db8::/32 }") && nft.contains("ip6 saddr @banned6 drop"),
            "{nft}"
        );
        let ipset = written(Format::Ipset);
        assert!(
            ipset.contains("add buckler4-next 198.51.100.0/24 -exist\nswap buckler4-next buckler4\n"),
            "{ipset}"
        );
        assert!(
            ipset.contains("add buckler6-next 2001:db8::/32 -exist\nswap buckler6-next buckler6\n"),
            "{ipset}"
        );
    }

    #[test]
    fn an_empty_list_is_a_valid_file_too() {
        assert_eq!(written(Format::Nginx, &[]), "");
        assert!(!written(Format::Nftables, &[]).contains("elements"));
        assert!(written(Format::Ipset, &[]).contains("swap buckler4-next buckler4"));
    }
    #[test]
    fn sets_are_created_alike_however_long_the_list_is() {
        let many: Vec<IpNet> = (0..60_000_u32)
            .map(|n| IpNet::from(std::net::IpAddr::from((0x0b00_0000 + n).to_be_bytes())))
            .collect();
        let created = |networks: &[IpNet]| {
            let text = written(Format::Ipset, networks);
            let lines = text.lines().filter(|line| line.starts_with("create"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let empty = created(&[]);
        assert_eq!(created(&many), empty, "`create … -exist` fails where options differ");
        for line in &empty {
            // as `bucklerctl export` writes them
            assert!(
                line.ends_with(" timeout 0 maxelem 16777216 -exist"),
                "a run that was cut short leaves the second set behind: {line}"
            );
        }
        assert!(written(Format::Ipset, &[]).contains("flush buckler6-next\n"));
    }
}
