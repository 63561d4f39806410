//! What became of the day.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
};

use awc::http::StatusCode;

use crate::{
    attackers::ATTACKS,
    request::{Sender, Visit},
};

/// Attacks within which an attacker must be banned.
const PATIENCE: usize = 5;

/// Honest requests of which one may be refused.
const ONE_IN: u64 = 10_000;

/// Examples that are shown of each kind of honest requests.
const SHOWN: u64 = 3;

/// Counts of a day.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By what people did: requests, and those that were refused.
    honest: BTreeMap<&'static str, (u64, u64)>,
    clients: BTreeSet<Ipv4Addr>,
    /// Honest requests that were refused, the first of each kind.
    refused: Vec<String>,
    /// By attacker: attacks sent before the ban, and whether there was one.
    attackers: BTreeMap<usize, Attacker>,
    /// Honest clients that were banned.
    banned: BTreeSet<Ipv4Addr>,
}

#[derive(Debug, Default)]
struct Attacker {
    sent: usize,
    refused: usize,
    is_banned: bool,
}

impl Report {
    /// What became of a request. `is_banned` says whether its client is banned after it.
    pub(crate) fn add(&mut self, visit: &Visit, refusal: Option<&(StatusCode, String)>, is_banned: bool) {
        match visit.sender {
            Sender::Honest(what) => {
                self.clients.insert(visit.client);
                if is_banned {
                    self.banned.insert(visit.client);
                }
                let (sent, refused) = self.honest.entry(what).or_default();
                *sent += 1;
                if let Some((status, why)) = refusal {
                    *refused += 1;
                    if *refused <= SHOWN {
                        self.refused.push(format!(
                            "{what}: {} {} by {why}: {}",
                            visit.request.method,
                            visit.request.target,
                            status.as_u16()
                        ));
                    }
                }
            }
            Sender::Attacker(number) => {
                let attacker = self.attackers.entry(number).or_default();
                if !attacker.is_banned {
                    attacker.sent += 1;
                    attacker.refused += usize::from(refusal.is_some());
                }
                attacker.is_banned |= is_banned;
            }
        }
    }

    fn honest_sums(&self) -> (u64, u64) {
        self.honest
            .values()
            .fold((0, 0), |(sent, refused), (s, r)| (sent + s, refused + r))
    }

    fn late(&self) -> impl Iterator<Item = (&usize, &Attacker)> {
        self.attackers
            .iter()
            .filter(|(_, attacker)| !attacker.is_banned || attacker.sent > PATIENCE)
    }

    /// Whether all holds that the program is to show.
    pub(crate) fn keeps_what_is_promised(&self) -> bool {
        let (sent, refused) = self.honest_sums();
        self.banned.is_empty() && refused * ONE_IN <= sent && self.late().next().is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, (sent, refused)) in &self.honest {
            writeln!(f, "{what:28}{sent:>8} sent{refused:>6} refused")?;
        }
        for line in &self.refused {
            writeln!(f, "   {line}")?;
        }
        let (sent, refused) = self.honest_sums();
        writeln!(
            f,
            "honest: {sent} requests of {} addresses, {refused} refused, {} addresses banned",
            self.clients.len(),
            self.banned.len()
        )?;
        let within = self.attackers.len() - self.late().count();
        let attacks: usize = self.attackers.values().map(|attacker| attacker.sent).sum();
        let caught: usize = self.attackers.values().map(|attacker| attacker.refused).sum();
        writeln!(
            f,
            "attackers: {} of {} banned within their first {PATIENCE} attacks of {ATTACKS}; {caught} of {attacks} attacks before a ban refused",
            within,
            self.attackers.len()
        )?;
        for (number, attacker) in self.late() {
            writeln!(
                f,
                "   attacker {number}: {} attacks sent, {} refused, banned: {}",
                attacker.sent, attacker.refused, attacker.is_banned
            )?;
        }
        write!(
            f,
            "{}",
            if self.keeps_what_is_promised() {
                "all holds that is promised"
            } else {
                "NOT all holds that is promised"
            }
        )
    }
}
