//! A version 2 server that keeps one list in all its revisions, and can be made to tell of them wrongly.

use std::collections::BTreeSet;

use buckler::model::{address::to_text, blacklist::Digest, policy::config_hash};
use buckler_tests::fault::{Answer, FaultServer, Script, Seen, Step, Upgrade};
use ipnet::IpNet;
use serde_json::{Value, json};

use crate::site::Site;

/// The list, revision by revision.
#[derive(Debug, Clone)]
pub(super) struct Scribe {
    epoch: &'static str,
    revisions: Vec<BTreeSet<IpNet>>,
}

impl Scribe {
    /// A list whose history has these networks added one after the other.
    pub(super) fn of(epoch: &'static str, networks: &[&str]) -> Self {
        let mut scribe = Self {
            epoch,
            revisions: vec![BTreeSet::new()],
        };
        for network in networks {
            scribe.adds(network);
        }
        scribe
    }

    pub(super) fn adds(&mut self, network: &str) {
        let mut list = self.list().clone();
        list.insert(network.parse().unwrap());
        self.revisions.push(list);
    }

    pub(super) fn removes(&mut self, network: &str) {
        let mut list = self.list().clone();
        assert!(list.remove(&network.parse().unwrap()));
        self.revisions.push(list);
    }

    /// The list as it was at a revision, and nothing of what came after.
    pub(super) fn at(&self, revision: usize) -> Self {
        Self {
            epoch: self.epoch,
            revisions: self.revisions[..=revision].to_vec(),
        }
    }

    pub(super) fn head(&self) -> usize {
        self.revisions.len() - 1
    }

    pub(super) fn list(&self) -> &BTreeSet<IpNet> {
        self.revisions.last().unwrap()
    }

    pub(super) fn digest(&self, revision: usize) -> String {
        Digest::of(self.revisions[revision].iter().copied()).to_string()
    }

    pub(super) fn delta(&self, from: usize, to: usize) -> Value {
        let (old, new) = (&self.revisions[from], &self.revisions[to]);
        json!({
            "mode": "delta", "epoch": self.epoch, "from": from, "to": to, "count": new.len(), "digest": self.digest(to),
            "add": entries(new.difference(old)),
            "remove": old.difference(new).map(|network| to_text(*network)).collect::<Vec<_>>(),
        })
    }

    pub(super) fn snapshot(&self) -> Value {
        let to = self.head();
        json!({
            "mode": "snapshot", "epoch": self.epoch, "to": to, "page": 1, "pages": 1, "count": self.list().len(),
            "digest": self.digest(to), "add": entries(self.list().iter()),
        })
    }

    /// What an honest server says to an agent that has this.
    fn update_for(&self, have: &Value) -> Value {
        let revision = have["rev"].as_u64().and_then(|rev| usize::try_from(rev).ok());
        match revision {
            Some(rev) if have["epoch"] == self.epoch && rev <= self.head() && have["digest"] == self.digest(rev) => {
                self.delta(rev, self.head())
            }
            _ => self.snapshot(),
        }
    }

    /// Answers honestly, after each of these was told in the place of the first beacons' updates.
    pub(super) fn script(&self, twisted: Vec<Value>) -> Script {
        let (scribe, mut twisted) = (self.clone(), twisted.into_iter());
        let body = json!({"BLACKLIST_SHARE": true, "BEACON_DELAY": 1});
        let hash = config_hash(&serde_json::from_value(body.clone()).unwrap());
        let config = json!({"version": 1, "hash": hash, "body": body});
        Script::by(move |seen| {
            let part = seen.json()["v2"].take();
            let honest = scribe.update_for(&part["have"]["list"]);
            let twist = if is_beacon(seen) { twisted.next() } else { None };
            let last = part["events"]
                .as_array()
                .and_then(|events| events.last())
                .map(|event| event["seq"].clone());
            Step::Answer(Answer::reply(
                &json!({"v2": {"ack": last, "list": twist.unwrap_or(honest), "config": config}}),
            ))
        })
        .upgrading(Upgrade::new())
    }

    /// Waits until the agent has told that it has this very list, and its guard goes by it.
    #[track_caller]
    pub(super) fn is_followed_by(&self, site: &Site, server: &FaultServer) {
        let digest = self.digest(self.head());
        site.wait_long("it has told that it has the list", || {
            assert_eq!(site.get("/", "203.0.113.10"), 200);
            let record = server.record();
            let last = record.requests.iter().rfind(|seen| is_beacon(seen));
            last.is_some_and(|seen| seen.json()["v2"]["have"]["list"]["digest"] == digest)
        });
        for network in self.revisions.iter().flatten() {
            let expected = if self.list().contains(network) { 403 } else { 200 };
            site.wait_until("the guard goes by it", || {
                site.get("/", &network.addr().to_string()) == expected
            });
        }
    }
}

pub(super) fn is_beacon(seen: &Seen) -> bool {
    seen.path.contains("beacon")
}

/// Entries of a week.
fn entries<'a>(networks: impl Iterator<Item = &'a IpNet>) -> Vec<Value> {
    networks.map(|network| json!([to_text(*network), 604_800])).collect()
}
