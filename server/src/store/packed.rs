//! Entries of lists in as few bytes as they need, since there may be millions of them.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use uuid::Uuid;

use super::{AgentIdent, Origin, Row, rows::kind};
use crate::{list::ListRow, moment::Tick};

/// Bytes of a network in a key.
const NETWORK: usize = 18;

/// Family, address and prefix length.
pub(super) fn network_bytes(network: IpNet) -> [u8; NETWORK] {
    let mut bytes = [0; NETWORK];
    let (family, octets): (u8, &[u8]) = match network.addr() {
        IpAddr::V4(address) => (4, &address.octets()),
        IpAddr::V6(address) => (6, &address.octets()),
    };
    let said = [&[family], octets].concat();
    bytes.iter_mut().zip(said).for_each(|(byte, said)| *byte = said);
    if let Some(last) = bytes.last_mut() {
        *last = network.prefix_len();
    }
    bytes
}

fn network_of(bytes: &[u8]) -> Option<IpNet> {
    let (family, rest) = bytes.split_first()?;
    let (prefix, octets) = rest.split_last()?;
    let address = match family {
        4 => IpAddr::from(*octets.first_chunk::<4>()?),
        6 => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
        _ => return None,
    };
    IpNet::new(address, *prefix).ok()
}

/// What the maker of an entry begins with.
mod maker {
    pub(super) const OPERATOR: u8 = 0;
    /// An agent of version 2: its id, and the profile of its key.
    pub(super) const INSTALLED: u8 = 1;
    /// Any other agent, as JSON.
    pub(super) const OTHER: u8 = 2;
}

/// The maker of an entry in as few bytes as it needs.
fn maker_bytes(by: &Origin) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    match by {
        Origin::Operator => bytes.push(maker::OPERATOR),
        Origin::Agent(who) => match &**who {
            AgentIdent::Installed { profile, id } => {
                bytes.push(maker::INSTALLED);
                bytes.extend(id.as_bytes());
                bytes.extend(profile.as_bytes());
            }
            AgentIdent::Keyed { .. } => {
                bytes.push(maker::OTHER);
                bytes.extend(serde_json::to_vec(who)?);
            }
        },
    }
    Ok(bytes)
}

fn maker_of(bytes: &[u8]) -> Option<Origin> {
    let (kind, rest) = bytes.split_first()?;
    let who = match *kind {
        maker::OPERATOR => return Some(Origin::Operator),
        maker::INSTALLED => {
            let (id, profile) = rest.split_first_chunk::<16>()?;
            AgentIdent::Installed {
                profile: std::str::from_utf8(profile).ok()?.into(),
                id: Uuid::from_bytes(*id),
            }
        }
        maker::OTHER => serde_json::from_slice(rest).ok()?,
        _ => return None,
    };
    Some(Origin::Agent(Arc::new(who)))
}

/// Bytes before the maker of an entry: end, when it was made, standing, and the length of the
/// maker.
const ENTRY_HEAD: usize = 4 + 4 + 1 + 2;

/// An entry as it is stored; `None` for any other row.
pub(super) fn entry_bytes(row: &Row) -> Option<Result<Vec<u8>, serde_json::Error>> {
    let Row::List {
        row:
            ListRow::Entry {
                end,
                made,
                by,
                why,
                standing,
                seconded,
                network: _,
            },
        ..
    } = row
    else {
        return None;
    };
    let entry = maker_bytes(by).map(|by| {
        let mut value = Vec::with_capacity(ENTRY_HEAD + by.len() + why.len());
        value.extend(end.seconds().to_be_bytes());
        value.extend(made.seconds().to_be_bytes());
        value.push(u8::from(*standing) | u8::from(*seconded) << 1);
        value.extend(u16::try_from(by.len()).unwrap_or(u16::MAX).to_be_bytes());
        value.extend(by);
        value.extend(why.as_bytes());
        value
    });
    Some(entry)
}

/// Reads rows as they are stored. Makers and reasons of entries are kept once, as in a running
/// store.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    fleets: HashMap<Vec<u8>, Arc<str>>,
    makers: HashMap<Vec<u8>, Origin>,
}

impl RowReader {
    /// The row that stands there; `None` where it makes no sense.
    pub(crate) fn read(&mut self, reason: &mut dyn FnMut(&str) -> Arc<str>, key: &[u8], value: &[u8]) -> Option<Row> {
        if key.first() == Some(&kind::ENTRY) {
            self.entry(reason, key.get(1..)?, value)
        } else {
            serde_json::from_slice(value).ok()
        }
    }

    fn entry(&mut self, reason: &mut dyn FnMut(&str) -> Arc<str>, key: &[u8], value: &[u8]) -> Option<Row> {
        let (name, network) = key.split_at_checked(key.len().checked_sub(NETWORK)?)?;
        let (end, rest) = value.split_first_chunk::<4>()?;
        let (made, rest) = rest.split_first_chunk::<4>()?;
        let ([flags], rest) = rest.split_first_chunk::<1>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (by, why) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        if !self.makers.contains_key(by) {
            self.makers.insert(by.to_vec(), maker_of(by)?);
        }
        if !self.fleets.contains_key(name) {
            let text = std::str::from_utf8(name.strip_suffix(&[0])?).ok()?;
            self.fleets.insert(name.to_vec(), text.into());
        }
        Some(Row::List {
            fleet: Arc::clone(self.fleets.get(name)?),
            row: ListRow::Entry {
                network: network_of(network)?,
                end: Tick::from_seconds(u32::from_be_bytes(*end)),
                made: Tick::from_seconds(u32::from_be_bytes(*made)),
                by: self.makers.get(by)?.clone(),
                why: reason(std::str::from_utf8(why).ok()?),
                standing: flags & 1 != 0,
                seconded: flags & 2 != 0,
            },
        })
    }
}
