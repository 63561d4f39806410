//! The breaker of the fleet's list, and of own bans: a list that would block too many of the site's own clients is known, but not in force.
//!
//! Before an update is written, [`Breaker::judge`] counts how many of the recent clients it would shut out. *Recent* are sources whose
//! requests passed within the last minute, so that whoever was refused for what it did is not among them, and whoever the list has shut
//! out within that minute still is: a list that goes wrong entry by entry, one push each, is seen as well as one that goes wrong at
//! once. Where a site is too quiet to have [`LEAST`](Breaker::LEAST) clients in a minute, those of the last hour are asked about.
//! A list that covers a sixteenth of all addresses trips the breaker even where nobody is known.
//!
//! | breaker | a word of the server's | then |
//! |---|---|---|
//! | closed | shuts out ≤ share of the recent clients, not sweeping | closed |
//! | closed | shuts out more, of at least [`LEAST`](Breaker::LEAST) clients, or is sweeping | tripped; the clients are remembered |
//! | tripped | shuts out more than the share of the recent clients | tripped; those are remembered too |
//! | tripped | shuts out more than the share of the remembered clients, or is sweeping | tripped |
//! | tripped | neither | closed |
//!
//! It closes by what the list says, never because time has passed, or it would close at night, when nobody is there to be shut out.
//!
//! An own ban is judged by itself ([`Breaker::allows`]): one that would block more than the share of the last minute's clients, or of their
//! requests, is not made. Clients that are refused themselves (a tenth of what they send, or of it errors of theirs) are not among those who
//! would be blocked, neither for the list nor for own bans: scanners that visit every application must not be what keeps their ban off.
//!
//! # What it cannot see
//! - A list that names the few clients of a site which had no [`LEAST`](Breaker::LEAST) in an hour, or of a process that has just
//!   started and served nobody yet.
//! - A list that goes wrong more slowly than the share in a minute.
//! - Whether clients deserve it: where a fifth of those whom this site serves without finding fault are attackers that others have
//!   caught, it trips, and they are served until they are caught here.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Keeps the fleet's list from shutting out the site's clients.
#[derive(Debug, Clone)]
pub struct Breaker {
    most_percent: u8,
    tripped: Option<Tripped>,
}

/// Why the fleet's list is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tripped {
    /// Since when, in seconds since the Unix epoch.
    pub at_unix_s: u64,
    /// Clients that the list would have shut out.
    pub shut_out: usize,
    /// Of how many.
    pub clients: usize,
    /// The revision that would have; none from a version 1 server.
    pub revision: Option<u64>,
    /// Whether it covered more addresses than any list of attackers.
    pub sweeping: bool,
    /// The clients that were known then, in order. The list comes back into force when it would let them in.
    remembered: Vec<IpAddr>,
}

/// What an update would do to the site's clients.
pub struct Outlook<'o> {
    /// The recent clients that can be shut out at all and that this agent has not banned itself.
    pub recent: &'o [IpAddr],
    /// Whether the list will hold a source.
    pub lists: &'o dyn Fn(IpAddr) -> bool,
    /// Whether the list covers more addresses than any list of attackers.
    pub sweeping: bool,
    /// The revision that it leads to.
    pub revision: Option<u64>,
    /// The time, in seconds since the Unix epoch.
    pub unix_s: u64,
}

/// What an own ban would do to the site's clients of the last minute. Those that are refused themselves are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Impact {
    /// Clients that it would block.
    pub clients: usize,
    /// Of how many.
    pub all_clients: usize,
    /// Requests of theirs.
    pub requests: u64,
    /// Of how many.
    pub all_requests: u64,
}

/// Why an own ban was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// Too many clients.
    #[error("it would block {} of {} clients of the last minute", .0.clients, .0.all_clients)]
    Clients(Impact),
    /// Clients that send too much of what the site serves: an address that many share, a proxy that the settings do not name.
    #[error("it would block {} of {} requests of the last minute", .0.requests, .0.all_requests)]
    Requests(Impact),
}

/// What became of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is as it was.
    None,
    /// The list is no longer to be acted upon.
    Tripped,
    /// It is in force again.
    Closed,
}

/// A share of clients.
#[derive(Clone, Copy)]
struct Share {
    shut_out: usize,
    clients: usize,
}

impl Breaker {
    /// Clients of which a share says anything: of fewer, one visitor who is an attacker elsewhere is more than ten percent.
    pub const LEAST: usize = 10;

    /// Clients that an own ban may always block: fewer decide nothing, whatever share of a small site they are.
    const FEW: usize = 3;

    /// Requests in a minute of which a share says anything, for own bans: three a second. A person makes some in a minute, and an attacker
    /// who would hide behind the share must serve himself a fifth of a busy site.
    const LEAST_REQUESTS: u64 = 200;

    /// Clients that are remembered at most: those of more than one bad update.
    const REMEMBERED: usize = 4096;

    /// A breaker that trips above this share, in percent. At 100 it never trips, whatever the list covers.
    #[must_use]
    pub const fn new(most_percent: u8) -> Self {
        Self {
            most_percent,
            tripped: None,
        }
    }

    /// As it was saved.
    #[must_use]
    pub fn restore(most_percent: u8, tripped: Option<Tripped>) -> Self {
        Self {
            most_percent,
            tripped: tripped.filter(|_| most_percent < 100),
        }
    }

    /// Why the list is not in force; none where it is.
    #[must_use]
    pub const fn tripped(&self) -> Option<&Tripped> {
        self.tripped.as_ref()
    }

    /// Whether an own ban may be made.
    ///
    /// # Errors
    /// Where it would block more than the share of the last minute's clients, or of their requests.
    pub fn allows(&self, impact: &Impact) -> Result<(), Withheld> {
        let share = u64::from(self.most_percent);
        let Impact {
            clients,
            all_clients,
            requests,
            all_requests,
        } = *impact;
        let are_many = clients >= Self::FEW && all_clients >= Self::LEAST;
        if self.most_percent >= 100 {
            Ok(())
        } else if are_many && clients * 100 > all_clients * usize::from(self.most_percent) {
            Err(Withheld::Clients(*impact))
        } else if all_requests >= Self::LEAST_REQUESTS && requests * 100 > all_requests * share {
            Err(Withheld::Requests(*impact))
        } else {
            Ok(())
        }
    }

    /// Looks at what the list is about to be, or is.
    pub fn judge(&mut self, outlook: &Outlook<'_>) -> Turn {
        if self.most_percent >= 100 {
            return Turn::None;
        }
        let recent = Share::of(outlook.recent, outlook.lists);
        let shuts_out_recent = recent.is_above(self.most_percent);
        match &mut self.tripped {
            None if shuts_out_recent || outlook.sweeping => {
                let mut remembered: Vec<IpAddr> = outlook.recent.iter().take(Self::REMEMBERED).copied().collect();
                remembered.sort_unstable();
                self.tripped = Some(Tripped {
                    at_unix_s: outlook.unix_s,
                    shut_out: recent.shut_out,
                    clients: recent.clients,
                    revision: outlook.revision,
                    sweeping: outlook.sweeping,
                    remembered,
                });
                Turn::Tripped
            }
            None => Turn::None,
            Some(tripped) if shuts_out_recent => {
                tripped.remember(outlook.recent);
                Turn::None
            }
            Some(tripped) => {
                let stays =
                    outlook.sweeping || Share::of(&tripped.remembered, outlook.lists).is_above(self.most_percent);
                if stays {
                    return Turn::None;
                }
                self.tripped = None;
                Turn::Closed
            }
        }
    }
}

impl Tripped {
    fn remember(&mut self, more: &[IpAddr]) {
        let new = more
            .iter()
            .filter(|client| self.remembered.binary_search(client).is_err());
        let mut new: Vec<IpAddr> = new.copied().collect();
        new.truncate(Breaker::REMEMBERED.saturating_sub(self.remembered.len()));
        self.remembered.extend(new);
        self.remembered.sort_unstable();
    }
}

impl std::fmt::Debug for Outlook<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlook")
            .field("recent", &self.recent.len())
            .field("sweeping", &self.sweeping)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for Tripped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shut_out, clients, .. } = self;
        if self.sweeping {
            f.write_str("the fleet's list covers more than a sixteenth of all addresses")?;
        } else {
            write!(
                f,
                "the fleet's list would shut out {shut_out} of {clients} recent clients"
            )?;
        }
        match self.revision {
            Some(revision) => write!(f, " (revision {revision})"),
            None => Ok(()),
        }
    }
}

impl Share {
    fn of(clients: &[IpAddr], lists: &dyn Fn(IpAddr) -> bool) -> Self {
        Self {
            shut_out: clients.iter().filter(|client| lists(**client)).count(),
            clients: clients.len(),
        }
    }

    const fn is_above(self, percent: u8) -> bool {
        self.clients >= Breaker::LEAST && self.shut_out * 100 > self.clients * percent as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn clients(range: std::ops::Range<u8>) -> Vec<IpAddr> {
        range.map(|n| IpAddr::from([198, 51, 100, n])).collect()
    }

    /// What a list of these clients leads to.
    fn judge(breaker: &mut Breaker, recent: &[IpAddr], listed: &[IpAddr]) -> Turn {
        let listed: HashSet<&IpAddr> = listed.iter().collect();
        breaker.judge(&Outlook {
            recent,
            lists: &|source| listed.contains(&source),
            sweeping: false,
            revision: Some(7),
            unix_s: 1_800_000_000,
        })
    }

    #[test]
    fn it_trips_above_the_share_and_not_at_it() {
        let mut breaker = Breaker::new(20);
        assert_eq!(judge(&mut breaker, &clients(0..10), &clients(0..2)), Turn::None);
        assert_eq!(judge(&mut breaker, &clients(0..10), &clients(0..3)), Turn::Tripped);
        let tripped = breaker.tripped().unwrap();
        assert_eq!((tripped.shut_out, tripped.clients, tripped.revision), (3, 10, Some(7)));
        assert_eq!(
            tripped.to_string(),
            "the fleet's list would shut out 3 of 10 recent clients (revision 7)"
        );
    }

    #[test]
    fn of_too_few_clients_a_share_says_nothing() {
        let mut breaker = Breaker::new(20);
        assert_eq!(judge(&mut breaker, &clients(0..9), &clients(0..9)), Turn::None);
    }

    #[test]
    fn it_does_not_close_because_the_clients_went_home() {
        let mut breaker = Breaker::new(20);
        assert_eq!(judge(&mut breaker, &clients(0..20), &clients(0..20)), Turn::Tripped);
        assert_eq!(judge(&mut breaker, &[], &clients(0..20)), Turn::None);
        assert_eq!(
            judge(&mut breaker, &clients(100..120), &clients(0..20)),
            Turn::None,
            "others are there, and none of them listed"
        );
        assert_eq!(judge(&mut breaker, &[], &clients(0..4)), Turn::Closed);
    }

    #[test]
    fn whom_it_would_shut_out_later_is_remembered_too() {
        let mut breaker = Breaker::new(20);
        assert_eq!(judge(&mut breaker, &clients(0..10), &clients(0..10)), Turn::Tripped);
        assert_eq!(judge(&mut breaker, &clients(100..150), &clients(100..150)), Turn::None);
        assert_eq!(judge(&mut breaker, &[], &clients(100..150)), Turn::None);
        assert_eq!(judge(&mut breaker, &[], &[]), Turn::Closed);
    }

    #[test]
    fn a_sweeping_list_trips_it_where_nobody_is_known() {
        let sweeping = |sweeping| Outlook {
            recent: &[],
            lists: &|_| false,
            sweeping,
            revision: None,
            unix_s: 0,
        };
        let mut breaker = Breaker::new(20);
        assert_eq!(breaker.judge(&sweeping(true)), Turn::Tripped);
        assert!(breaker.tripped().unwrap().to_string().contains("sixteenth"));
        assert_eq!(breaker.judge(&sweeping(true)), Turn::None);
        assert_eq!(breaker.judge(&sweeping(false)), Turn::Closed);
        let mut never = Breaker::new(100);
        assert_eq!(never.judge(&sweeping(true)), Turn::None);
    }

    #[test]
    fn an_own_ban_is_not_made_where_it_would_shut_out_too_much_of_the_site() {
        let impact = |clients, all_clients, requests, all_requests| Impact {
            clients,
            all_clients,
            requests,
            all_requests,
        };
        let breaker = Breaker::new(20);
        for allowed in [
            impact(0, 0, 0, 0),
            impact(1, 1, 5, 5),
            impact(2, 9, 90, 100),
            impact(2, 10, 10, 1000),
            impact(1, 1, 199, 199),
            impact(20, 100, 200, 1000),
        ] {
            assert_eq!(breaker.allows(&allowed), Ok(()), "{allowed:?}");
        }
        let many = impact(3, 10, 10, 1000);
        assert_eq!(breaker.allows(&many), Err(Withheld::Clients(many)));
        let proxy = impact(1, 1, 900, 900);
        assert_eq!(breaker.allows(&proxy), Err(Withheld::Requests(proxy)));
        assert_eq!(
            breaker.allows(&impact(1, 30, 201, 1000)).unwrap_err().to_string(),
            "it would block 201 of 1000 requests of the last minute"
        );
        assert_eq!(Breaker::new(100).allows(&proxy), Ok(()));
    }

    #[test]
    fn it_is_restored_as_it_was_unless_it_may_not_trip_any_more() {
        let mut breaker = Breaker::new(20);
        assert_eq!(judge(&mut breaker, &clients(0..20), &clients(0..20)), Turn::Tripped);
        let saved = serde_json::to_value(breaker.tripped()).unwrap();
        let restored = |share| Breaker::restore(share, serde_json::from_value(saved.clone()).unwrap());
        assert_eq!(restored(20).tripped(), breaker.tripped());
        assert_eq!(
            judge(&mut restored(20), &[], &clients(0..20)),
            Turn::None,
            "it knows its clients"
        );
        assert_eq!(restored(100).tripped(), None);
    }
}
